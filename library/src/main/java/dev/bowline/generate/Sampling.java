package dev.bowline.generate;

import dev.bowline.BowlineException;

/// The choice of the next token from the logits.
public sealed interface Sampling {

    /// The most likely token; among equally likely tokens, the one with the smallest id.
    record Greedy() implements Sampling {}

    /// A draw from softmax(logits / temperature), limited to the likely tokens: first the `topK` best, then the
    /// best tokens whose probabilities reach `topP`, then the tokens with at least `minP` times the probability
    /// of the best token.
    ///
    /// @param temperature above 0; 1 leaves the model's distribution unchanged
    /// @param topK the number of tokens to keep, plus all tokens with the same score as the last; 0 for all
    /// @param topP the probability to keep, from 0 (one token) to 1 (all)
    /// @param minP the least probability to keep, as a fraction of the best token's, from 0 (all) to 1
    /// @param seed the random seed: the same seed, model and prompt give the same text
    record Sampled(double temperature, int topK, double topP, double minP, long seed) implements Sampling {

        public Sampled {
            if (!(temperature > 0) || Double.isInfinite(temperature)) {
                throw new BowlineException(
                        "temperature is %s, which is not above 0".formatted(temperature),
                        "use a number such as 0.7, or greedy decoding for the most likely token");
            }
            if (topK < 0) {
                throw new BowlineException(
                        "top-k is %d".formatted(topK), "use a whole number from 1, or 0 to keep all tokens");
            }
            if (!(topP >= 0 && topP <= 1)) {
                throw new BowlineException("top-p is %s".formatted(topP), "use a number from 0 to 1");
            }
            if (!(minP >= 0 && minP <= 1)) {
                throw new BowlineException("min-p is %s".formatted(minP), "use a number from 0 to 1");
            }
        }

        public Sampled withTemperature(double value) {
            return new Sampled(value, topK, topP, minP, seed);
        }

        public Sampled withTopK(int value) {
            return new Sampled(temperature, value, topP, minP, seed);
        }

        public Sampled withTopP(double value) {
            return new Sampled(temperature, topK, value, minP, seed);
        }

        public Sampled withMinP(double value) {
            return new Sampled(temperature, topK, topP, value, seed);
        }

        public Sampled withSeed(long value) {
            return new Sampled(temperature, topK, topP, minP, value);
        }
    }
}
