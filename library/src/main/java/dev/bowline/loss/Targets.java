package dev.bowline.loss;

import java.util.Arrays;

/// The positions of a batch that have a target, and the target tokens.
///
/// @param positions indices into the concatenated rows of the batch, ascending
/// @param tokens the target at each of these positions
public record Targets(long[] positions, long[] tokens) {

    /// The label of a position without a target, as in PyTorch.
    public static final long IGNORED = -100;

    /// @param labels the target of each position, row after row, or [#IGNORED]
    public static Targets of(long[] labels) {
        long[] positions = new long[labels.length];
        long[] tokens = new long[labels.length];
        int count = 0;
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] != IGNORED) {
                positions[count] = i;
                tokens[count++] = labels[i];
            }
        }
        return new Targets(Arrays.copyOf(positions, count), Arrays.copyOf(tokens, count));
    }

    public int count() {
        return tokens.length;
    }
}
