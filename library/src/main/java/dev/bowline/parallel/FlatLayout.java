package dev.bowline.parallel;

import dev.bowline.nn.Parameter;
import java.util.ArrayList;
import java.util.List;

/// The elements of several parameters one after the other, cut into buckets of one size.
///
/// @param elements of each parameter
/// @param bucketElements the most elements of a bucket
record FlatLayout(List<Long> elements, long bucketElements) {

    /// 16 MiB of float32: large enough for the speed of the wire, small enough to overlap.
    static final long BUCKET_ELEMENTS = 4 << 20;

    /// A part of a parameter in a bucket.
    ///
    /// @param parameter the index of the parameter
    /// @param from the first element of the part in the parameter
    /// @param at the first element of the part in the bucket
    record Slice(int parameter, long from, long length, long at) {}

    /// @param slices in order and without gaps
    record Bucket(List<Slice> slices) {

        long elements() {
            return slices.isEmpty()
                    ? 0
                    : slices.getLast().at() + slices.getLast().length();
        }
    }

    static FlatLayout of(List<Parameter> parameters) {
        return new FlatLayout(parameters.stream().map(Parameter::elements).toList(), BUCKET_ELEMENTS);
    }

    List<Bucket> buckets() {
        List<Bucket> buckets = new ArrayList<>();
        List<Slice> slices = new ArrayList<>();
        long at = 0;
        for (int i = 0; i < elements.size(); i++) {
            long from = 0;
            while (from < elements.get(i)) {
                long length = Math.min(elements.get(i) - from, bucketElements - at);
                slices.add(new Slice(i, from, length, at));
                from += length;
                at += length;
                if (at == bucketElements) {
                    buckets.add(new Bucket(List.copyOf(slices)));
                    slices.clear();
                    at = 0;
                }
            }
        }
        if (!slices.isEmpty()) {
            buckets.add(new Bucket(List.copyOf(slices)));
        }
        return buckets;
    }
}
