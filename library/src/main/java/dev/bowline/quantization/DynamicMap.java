package dev.bowline.quantization;

import java.util.Arrays;

/// The 256 values that an 8-bit code of a moment or of an NF4 scale stands for, ascending: dynamic quantisation
/// (Dettmers 2016;
/// Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization"), as in bitsandbytes and torchao.
///
/// Seven decades share the codes. The highest decade, 0.1 to 1, has the most values, and each lower decade has
/// half as many. The values of a decade are the centres of equal intervals.
public enum DynamicMap {
    /// From -0.993 to 1, for the first moment, and for scales.
    SIGNED(1),
    /// From 0 to 1, for the second moment, with twice as many positive values.
    UNSIGNED(2);

    private static final int DECADES = 7;
    private static final int CODES = 256;

    private final float[] levels;

    /// @param lowest values of the lowest decade
    DynamicMap(int lowest) {
        levels = new float[CODES];
        int count = 0;
        for (int decade = 0; decade < DECADES; decade++) {
            int intervals = lowest << decade;
            double scale = Math.pow(10, decade - DECADES + 1);
            for (int i = 0; i < intervals; i++) {
                float value = (float) (scale * (0.1 + 0.9 * (i + 0.5) / intervals));
                levels[count++] = value;
                if (lowest == 1) {
                    levels[count++] = -value;
                }
            }
        }
        levels[count++] = 0;
        levels[count] = 1;
        Arrays.sort(levels);
    }

    public float[] levels() {
        return levels.clone();
    }

    /// The 255 numbers half-way between neighbouring values: a number is nearest to value `i` if it is above bound
    /// `i - 1` and at most bound `i`.
    public float[] bounds() {
        return Nearest.bounds(levels);
    }
}
