package dev.bowline.parallel;

import dev.bowline.nn.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The elements of the trained parameters that each rank updates: a run of about 1 / N of all elements, in the order of
/// the parameters.
///
/// @param slices of all ranks, in order and without gaps
record StateSlices(List<Slice> slices) {

    /// Cuts are at multiples of this number. AdamW's kernel computes a slice that begins and ends there as it computes
    /// the whole, and blocks of 8-bit states stay whole.
    static final long CUT = 4096;

    /// A part of a parameter.
    ///
    /// @param from the first element
    /// @param owner the rank that updates the part
    record Slice(String name, Parameter parameter, long from, long length, int owner) {}

    /// A piece of a parameter is cut off only if neither part is smaller than [#CUT].
    static StateSlices of(Map<String, Parameter> trainable, int ranks) {
        long total = trainable.values().stream().mapToLong(Parameter::elements).sum();
        List<Slice> slices = new ArrayList<>();
        long done = 0;
        for (Map.Entry<String, Parameter> entry : trainable.entrySet()) {
            Parameter parameter = entry.getValue();
            long from = 0;
            while (from < parameter.elements()) {
                int owner = (int) Math.min(ranks - 1, done * ranks / total);
                long end = (long) Math.ceil((double) total * (owner + 1) / ranks);
                long wanted = Math.max(CUT, (end - done + CUT - 1) / CUT * CUT);
                long left = parameter.elements() - from;
                long length = owner == ranks - 1 || wanted + CUT > left ? left : wanted;
                slices.add(new Slice(entry.getKey(), parameter, from, length, owner));
                from += length;
                done += length;
            }
        }
        return new StateSlices(List.copyOf(slices));
    }

    List<Slice> of(int rank) {
        return slices.stream().filter(slice -> slice.owner() == rank).toList();
    }
}
