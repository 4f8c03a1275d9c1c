package dev.bowline.safetensors;

import java.util.ArrayList;
import java.util.List;

/// The difference of two tensors of one shape.
///
/// @param rows how many rows each has; 1 for what is not a matrix
/// @param differing how many of them differ: bitwise, or for two float types after the wider is cast to the
/// narrower
/// @param firstRow the first that does; -1 when none does
/// @param largest the largest absolute difference of two elements; NaN if it is not a number or not known
/// @param ulps the largest distance of two elements counted in representable values; [Long#MAX_VALUE] if not
/// known
/// @param exact whether every element of one is exactly the other's, in whatever type
/// @param sample up to 20 differing rows, in order
public record TensorDifference(
        long rows, long differing, long firstRow, double largest, long ulps, boolean exact, List<Long> sample) {

    static final int MAX_SAMPLE = 20;

    static final TensorDifference NONE = new TensorDifference(1, 0, -1, 0, 0, true, List.of());

    /// They differ, and how is not known.
    static final TensorDifference UNKNOWN =
            new TensorDifference(1, 1, 0, Double.NaN, Long.MAX_VALUE, false, List.of(0L));

    public TensorDifference {
        sample = List.copyOf(sample);
    }

    public boolean isNone() {
        return differing == 0;
    }

    /// The difference over two runs of rows, this one and `later`, which follows it.
    TensorDifference and(TensorDifference later) {
        List<Long> samples = new ArrayList<>(sample);
        samples.addAll(later.sample);
        return new TensorDifference(
                rows,
                differing + later.differing,
                firstRow < 0 ? later.firstRow : firstRow,
                // NaN if one is.
                Math.max(largest, later.largest),
                Math.max(ulps, later.ulps),
                exact && later.exact,
                samples.subList(0, Math.min(MAX_SAMPLE, samples.size())));
    }
}
