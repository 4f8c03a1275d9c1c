package dev.bowline.nn;

import java.util.Arrays;
import java.util.List;

/// A change to the frequencies of a rotary embedding, so that a model reads more positions than it was trained
/// on: `rope_type` of config.json (transformers: `ROPE_INIT_FUNCTIONS`).
///
/// Arithmetic is in float32 and in the order of transformers, so that frequencies are equal to those of
/// transformers bit for bit, or nearly so: at position 100,000 a relative error of 1e-7 is an angle of 0.01.
public sealed interface RopeScaling {

    /// The frequencies of a pass, one per pair of channels: [D/2].
    ///
    /// @param length positions of the pass, cached ones included
    float[] frequencies(Rope rope, long length);

    /// The factor of cos and sin.
    default double attentionFactor() {
        return 1;
    }

    /// True if the cached keys of `past` positions stay valid when a pass reaches `length`. They do not if every
    /// frequency changes at that length.
    default boolean keepsKeys(long past, long length) {
        return true;
    }

    /// The number of positions that a model with `maxPositions` in its config can read.
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
    /// @param rotatedPairs the number of the D/2 pairs that rotate
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
    /// Cached keys keep their rotation, as in transformers. In transformers, the base of a longer pass also
    /// applies to later passes of more than M − 1 positions; here the base of a pass depends on the length of
    /// that pass alone.
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

    /// Llama 3.1: wavelengths above `original / low` are stretched by `factor`, those below `original / high` are
    /// kept, and those between are interpolated.
    ///
    /// @param original the number of positions in pretraining
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
    /// @param original the number of positions in pretraining
    /// @param ramp the pairs where the ramp begins and ends
    /// @param attentionFactor the factor of cos and sin
    record Yarn(double factor, int original, Ramp ramp, double attentionFactor) implements RopeScaling {

        /// From pair `low` to pair `high`.
        public record Ramp(double low, double high) {

            /// The ramp between the pairs that rotate `fast` and `slow` times within `original` positions.
            ///
            /// @param width D, the number of rotated channels
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
        /// @param whole `truncate`: true if the ramp begins and ends at whole pairs
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

        /// `max_position_embeddings` is the length before the scaling in some files, and the length after it in
        /// others.
        @Override
        public int reach(int maxPositions) {
            return stretched(original, factor, maxPositions);
        }
    }

    /// Phi-3: a divisor per frequency, from one list for passes of up to `original` positions and from another
    /// list for longer passes.
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
