package dev.bowline.model.decoder;

import dev.bowline.BowlineException;
import dev.bowline.nn.Linear;

/// The second half of a layer.
public sealed interface FeedForwardConfig {

    /// W_d (a(W_g x) ⊙ W_u x) with three matrices.
    ///
    /// @param width of the inner layer, I
    record Gated(int width, Linear.Bias bias) implements FeedForwardConfig {
        public Gated {
            DecoderConfig.requirePositive("intermediate_size", width);
        }
    }

    /// The same with gate above up in one matrix, as Phi-3 stores them: `gate_up_proj`.
    record FusedGated(int width) implements FeedForwardConfig {
        public FusedGated {
            DecoderConfig.requirePositive("intermediate_size", width);
        }
    }

    /// A router and experts in place of the dense feed-forward.
    ///
    /// @param count E
    /// @param perToken K
    /// @param width of one expert
    record Experts(int count, int perToken, int width, RoutingWeights routingWeights) implements FeedForwardConfig {
        public Experts {
            DecoderConfig.requireWithin("num_experts", count, DecoderConfig.MOST_EXPERTS);
            DecoderConfig.requirePositive("moe_intermediate_size", width);
            if (perToken < 1 || perToken > count) {
                throw new BowlineException(
                        "num_experts_per_tok is %d with num_experts %d".formatted(perToken, count),
                        "num_experts_per_tok must be between 1 and num_experts; use the checkpoint's original"
                                + " config.json");
            }
        }
    }

    /// A dense feed-forward and experts in parallel, as Gemma 4 has them.
    ///
    /// @param count E
    /// @param perToken K
    /// @param expertWidth width of one expert
    record GatedWithExperts(Gated dense, int count, int perToken, int expertWidth) implements FeedForwardConfig {
        public GatedWithExperts {
            DecoderConfig.requireWithin("num_experts", count, DecoderConfig.MOST_EXPERTS);
            DecoderConfig.requirePositive("moe_intermediate_size", expertWidth);
            if (perToken < 1 || perToken > count) {
                throw new BowlineException(
                        "top_k_experts is %d with num_experts %d".formatted(perToken, count),
                        "top_k_experts must be between 1 and num_experts; use the checkpoint's original config.json");
            }
        }
    }

    /// The weights of the chosen experts, from their probabilities.
    enum RoutingWeights {
        AS_CHOSEN,
        /// Divided by their sum: `norm_topk_prob`.
        NORMALIZED
    }
}
