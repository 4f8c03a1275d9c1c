package dev.bowline.parallel;

import dev.bowline.parallel.StateSlices.Slice;
import dev.bowline.tensor.Dtype;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// The values of some slices, one after the other.
///
/// @param slices of one dtype
record ElementRuns(List<Slice> slices) {

    /// Receives values of a run and their place.
    interface Use {

        /// @param values a view of elements of a parameter
        /// @param at the place of the first of them, counted from the first element that was asked for
        void accept(Tensor values, long at);
    }

    static ElementRuns of(List<Slice> slices, Dtype dtype) {
        return new ElementRuns(slices.stream()
                .filter(slice -> slice.parameter().dtype() == dtype)
                .toList());
    }

    long elements() {
        return slices.stream().mapToLong(Slice::length).sum();
    }

    /// Calls `use` for the values from `from` to `from + length`, as far as there are any.
    void forEach(long from, long length, Use use) {
        long start = 0;
        for (Slice slice : slices) {
            long first = Math.max(from, start);
            long end = Math.min(from + length, start + slice.length());
            if (first < end) {
                use.accept(
                        slice.parameter()
                                .value()
                                .detach()
                                .view(-1)
                                .narrow(0, slice.from() + first - start, end - first),
                        first - from);
            }
            start += slice.length();
        }
    }
}
