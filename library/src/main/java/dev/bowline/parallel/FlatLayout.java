package dev.bowline.parallel;

import dev.bowline.nn.Parameter;
import java.util.ArrayList;
import java.util.List;

/// The elements of several parameters in one memory, cut into buckets of one size. The last bucket may be shorter.
///
/// A parameter begins at a multiple of [#ALIGNMENT] elements, where kernels compute as with memory of its own.
///
/// @param elements of each parameter
/// @param bucketElements the most elements of a bucket, a multiple of [#ALIGNMENT]
record FlatLayout(List<Long> elements, long bucketElements) {

    /// 16 MiB of float32: large enough for the speed of the wire, small enough to overlap.
    static final long BUCKET_ELEMENTS = 4 << 20;

    static final long ALIGNMENT = 64;

    /// A part of a parameter in a bucket.
    ///
    /// @param parameter the index of the parameter
    /// @param from the first element of the part in the parameter
    /// @param at the first element of the part in the bucket
    record Slice(int parameter, long from, long length, long at) {}

    /// @param slices in order
    record Bucket(List<Slice> slices) {

        long elements() {
            return slices.getLast().at() + slices.getLast().length();
        }
    }

    /// Buckets that the ranks of a world divide evenly.
    static FlatLayout of(List<Parameter> parameters, int world) {
        long multiple = ALIGNMENT * world;
        return new FlatLayout(
                parameters.stream().map(Parameter::elements).toList(), BUCKET_ELEMENTS / multiple * multiple);
    }

    /// The first element of each parameter.
    List<Long> starts() {
        List<Long> starts = new ArrayList<>();
        long end = 0;
        for (long length : elements) {
            long start = Math.ceilDiv(end, ALIGNMENT) * ALIGNMENT;
            starts.add(start);
            end = start + length;
        }
        return starts;
    }

    /// The end of the memory in which each bucket has the same number of elements for each rank.
    long end(int world) {
        List<Bucket> buckets = buckets();
        long last = buckets.isEmpty() ? 0 : buckets.getLast().elements();
        return Math.max(0, buckets.size() - 1) * bucketElements + Math.ceilDiv(last, world) * world;
    }

    List<Bucket> buckets() {
        List<Bucket> buckets = new ArrayList<>();
        List<Slice> slices = new ArrayList<>();
        List<Long> starts = starts();
        long bucket = 0;
        for (int i = 0; i < elements.size(); i++) {
            long from = 0;
            while (from < elements.get(i)) {
                long place = starts.get(i) + from;
                if (place / bucketElements > bucket) {
                    buckets.add(new Bucket(List.copyOf(slices)));
                    slices.clear();
                    bucket++;
                }
                long at = place - bucket * bucketElements;
                long length = Math.min(elements.get(i) - from, bucketElements - at);
                slices.add(new Slice(i, from, length, at));
                from += length;
            }
        }
        if (!slices.isEmpty()) {
            buckets.add(new Bucket(List.copyOf(slices)));
        }
        return buckets;
    }
}
