package dev.bowline.data.check;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// The lengths of the examples in tokens.
///
/// @param shortest of the examples
/// @param median of the examples; the lower of two
/// @param percentile95 the length that 95 of 100 examples do not exceed
/// @param bins the number of examples by length, from the shortest to the longest bin
public record Lengths(int shortest, int median, int percentile95, int longest, List<Bin> bins) {

    /// The examples with `from` to `to` tokens, both included.
    public record Bin(int from, int to, long examples) {}

    private static final int MOST_BINS = 12;
    private static final int[] STEPS = {1, 2, 5};

    public Lengths {
        bins = List.copyOf(bins);
    }

    /// @param lengths at least one
    static Lengths of(int[] lengths) {
        int[] sorted = lengths.clone();
        Arrays.sort(sorted);
        int longest = sorted[sorted.length - 1];
        return new Lengths(
                sorted[0],
                sorted[(sorted.length - 1) / 2],
                sorted[(int) Math.ceil(0.95 * sorted.length) - 1],
                longest,
                bins(sorted, width(longest - sorted[0] + 1)));
    }

    /// The smallest of 1, 2, 5, 10, 20, 50 ... with which [#MOST_BINS] bins hold `range` lengths.
    private static int width(int range) {
        long power = 1;
        while (true) {
            for (int step : STEPS) {
                if (step * power * MOST_BINS >= range) {
                    return Math.toIntExact(step * power);
                }
            }
            power *= 10;
        }
    }

    private static List<Bin> bins(int[] sorted, int width) {
        int first = (sorted[0] - 1) / width;
        int last = (sorted[sorted.length - 1] - 1) / width;
        long[] counts = new long[last - first + 1];
        for (int length : sorted) {
            counts[(length - 1) / width - first]++;
        }
        List<Bin> bins = new ArrayList<>();
        for (int i = first; i <= last; i++) {
            bins.add(new Bin(i * width + 1, (i + 1) * width, counts[i - first]));
        }
        return bins;
    }
}
