package dev.bowline.nn;

import java.util.Arrays;
import java.util.List;

/// How a rotary embedding's frequencies are changed so that a model reads more positions than it was trained on:
/// `rope_type` of config.json (transformers: `ROPE_INIT_FUNCTIONS`).
///
/// Arithmetic is in float32 and in the order of transformers, so that frequencies are the reference's to the
/// last bit or close to it: at position 100,000 a relative error of 1e-7 is an angle of 0.01.
public sealed interface RopeScaling {

    /// The frequencies of a pass, one per pair of channels: [D/2].
    ///
    /// @param length positions of the pass, cached ones included
    float[] frequencies(Rope rope, long length);

    /// What cos and sin are multiplied by.
    default double attentionFactor() {
        return 1;
    }

    /// Whether keys of `past` positions may be kept when the pass reaches `length`: not when every frequency
    /// changes there.
    default boolean keepsKeys(long past, long length) {
        return true;
    }

    /// How many positions a model can read whose config says `maxPositions`.
    default int reach(int maxPositions) {
        return maxPositions;
    }

    /// 1 / θ^(2j/D).
    record None() implements RopeScaling {
        @Override
        public float[] frequencies(Rope rope, long length) {
            return inverse(rope.powers(1));
        }
    }

    /// The first pairs of the whole head have frequency 1 / (factor θ^(2j/D)), the rest have frequency 0.
    ///
    /// @param rotatedPairs how many of the D/2 pairs turn
    record Proportional(int rotatedPairs, double factor) implements RopeScaling {

        /// @param fraction of the pairs that rotate: `partial_rotary_factor`
        public static Proportional of(int headWidth, double fraction, double factor) {
            return new Proportional((int) Math.floor(fraction * headWidth / 2), factor);
        }

        @Override
        public float[] frequencies(Rope rope, long length) {
            float[] f = Arrays.copyOf(inverse(rope.powers(1, rotatedPairs)), rope.width() / 2);
            for (int j = 0; j < rotatedPairs; j++) {
                f[j] /= (float) factor;
            }
            return f;
        }
    }

    /// Every frequency divided by `factor`.
    record Linear(double factor) implements RopeScaling {
        @Override
        public float[] frequencies(Rope rope, long length) {
            float[] f = inverse(rope.powers(1));
            for (int j = 0; j < f.length; j++) {
                f[j] /= (float) factor;
            }
            return f;
        }

        @Override
        public int reach(int maxPositions) {
            return stretched(maxPositions, factor, maxPositions);
        }
    }

    /// The base grows with the length of the pass: θ (factor L / M − (factor − 1))^(D/(D−2)) for L > M.
    ///
    /// Keys that a cache kept stay rotated as they were, as in transformers. There a longer pass also leaves
    /// its base to later passes of more than M − 1 positions; here every pass goes by its own length.
    ///
    /// @param trainedPositions M, `max_position_embeddings`
    record Dynamic(double factor, int trainedPositions) implements RopeScaling {
        @Override
        public float[] frequencies(Rope rope, long length) {
            long effective = Math.max(length, trainedPositions);
            double grown = factor * effective / trainedPositions - (factor - 1);
            return inverse(rope.powers(Math.pow(grown, rope.width() / (rope.width() - 2.0))));
        }

        @Override
        public int reach(int maxPositions) {
            return stretched(trainedPositions, factor, trainedPositions);
        }
    }

    /// Llama 3.1: wavelengths above `original / low` are stretched by `factor`, those below `original / high`
    /// kept, those between interpolated.
    ///
    /// @param original positions of the pretraining
    record Llama3(double factor, double low, double high, int original) implements RopeScaling {
        @Override
        public float[] frequencies(Rope rope, long length) {
            float[] f = inverse(rope.powers(1));
            float longest = (float) (original / low);
            float shortest = (float) (original / high);
            for (int j = 0; j < f.length; j++) {
                float wavelength = (float) (2 * Math.PI) / f[j];
                if (wavelength > longest) {
                    f[j] /= (float) factor;
                } else if (wavelength >= shortest) {
                    float smooth = (original / wavelength - (float) low) / (float) (high - low);
                    f[j] = (1 - smooth) * f[j] / (float) factor + smooth * f[j];
                }
            }
            return f;
        }
    }

    /// YaRN (Peng et al. 2023): high frequencies are kept, low ones divided by `factor`, with a ramp between.
    ///
    /// @param original positions of the pretraining
    /// @param ramp where the ramp begins and ends
    /// @param attentionFactor what cos and sin are multiplied by
    record Yarn(double factor, int original, Ramp ramp, double attentionFactor) implements RopeScaling {

        /// From pair `low` to pair `high`.
        public record Ramp(double low, double high) {

            /// The pairs that turn `fast` and `slow` times within `original` positions.
            ///
            /// @param width D, the channels that turn
            public static Ramp of(double theta, int width, int original, Turns turns) {
                double low = pair(turns.fast(), theta, width, original);
                double high = pair(turns.slow(), theta, width, original);
                low = Math.max(turns.whole() ? Math.floor(low) : low, 0);
                high = Math.min(turns.whole() ? Math.ceil(high) : high, width - 1.0);
                return new Ramp(low, low == high ? high + 0.001 : high);
            }

            private static double pair(double turns, double theta, int width, int original) {
                return width * Math.log(original / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
            }
        }

        /// @param fast `beta_fast`
        /// @param slow `beta_slow`
        /// @param whole `truncate`: whether the ramp begins and ends at whole pairs
        public record Turns(double fast, double slow, boolean whole) {}

        @Override
        public float[] frequencies(Rope rope, long length) {
            float[] p = rope.powers(1);
            float[] f = new float[p.length];
            for (int j = 0; j < f.length; j++) {
                float along = (j - (float) ramp.low()) / (float) (ramp.high() - ramp.low());
                float kept = 1 - Math.clamp(along, 0, 1);
                f[j] = 1 / ((float) factor * p[j]) * (1 - kept) + 1 / p[j] * kept;
            }
            return f;
        }

        /// `max_position_embeddings` is the length before or after, as the file's author saw it.
        @Override
        public int reach(int maxPositions) {
            return stretched(original, factor, maxPositions);
        }
    }

    /// Phi-3: a divisor per frequency, from one list up to `original` positions and from another beyond.
    ///
    /// @param shortFactors [D/2]
    /// @param longFactors [D/2]
    record LongRope(List<Double> shortFactors, List<Double> longFactors, int original, double attentionFactor)
            implements RopeScaling {

        public LongRope {
            shortFactors = List.copyOf(shortFactors);
            longFactors = List.copyOf(longFactors);
        }

        @Override
        public float[] frequencies(Rope rope, long length) {
            List<Double> factors = length > original ? longFactors : shortFactors;
            float[] f = rope.powers(1);
            for (int j = 0; j < f.length; j++) {
                f[j] = 1 / (factors.get(j).floatValue() * f[j]);
            }
            return f;
        }

        @Override
        public boolean keepsKeys(long past, long length) {
            return past == 0 || past > original || length <= original;
        }
    }

    private static int stretched(int original, double factor, int atLeast) {
        return Math.max(atLeast, (int) (factor * original));
    }

    private static float[] inverse(float[] powers) {
        float[] f = Arrays.copyOf(powers, powers.length);
        for (int j = 0; j < f.length; j++) {
            f[j] = 1 / f[j];
        }
        return f;
    }
}
