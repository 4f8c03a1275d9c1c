package dev.bowline.adapter;

import dev.bowline.adapter.format.LoraConfig.Variant;
import java.util.List;

/// A module of the base model that an adapter changes, with the sizes of the adapter's values.
public sealed interface AdaptedModule {

    /// The name of the module in the base model, such as `model.layers.0.self_attn.q_proj`, or the name of the
    /// stacked weight, such as `model.layers.0.mlp.experts.gate_up_proj`.
    String module();

    /// The number of values that training updates.
    long trainedValues();

    /// y = W x + scale B A x. The base is a linear of any kind: a projection, a fused projection, a router, a
    /// head.
    ///
    /// @param scale the factor of the delta
    record LinearPair(String module, long in, long out, long rank, double scale, Variant variant)
            implements AdaptedModule {

        @Override
        public long trainedValues() {
            return rank * (in + out)
                    + switch (variant) {
                        case LORA -> 0;
                        case DORA -> out;
                    };
        }
    }

    /// A pair of matrices per expert of a stacked weight [experts, out, in]: A [experts, rank, in] and
    /// B [experts, out, rank]. No dropout, no DoRA (PEFT).
    record ExpertPairs(String module, long experts, long in, long out, long rank, double scale)
            implements AdaptedModule {

        @Override
        public long trainedValues() {
            return experts * rank * (in + out);
        }
    }

    /// The row of a token is its row of W plus its row of scale (B A)ᵀ, with A `[rank, vocabulary]` and B
    /// `[width, rank]`.
    ///
    /// @param uses the modules that the delta changes
    record EmbeddingPair(String module, long vocabulary, long width, long rank, double scale, Uses uses)
            implements AdaptedModule {

        @Override
        public long trainedValues() {
            return rank * (vocabulary + width);
        }
    }

    /// A copy of the module's weight and bias, trained whole (`modules_to_save`).
    ///
    /// @param shape of the weight
    /// @param biasValues the values of the bias, 0 without one
    record SavedModule(String module, List<Long> shape, long biasValues, Uses uses) implements AdaptedModule {

        public SavedModule {
            shape = List.copyOf(shape);
        }

        @Override
        public long trainedValues() {
            return shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact) + biasValues;
        }
    }

    /// Some rows of an embedding or of a head (`trainable_token_indices`).
    ///
    /// @param ids the rows, each once, in the order of the adapter's file
    record TokenRows(String module, List<Long> ids, long width, Uses uses) implements AdaptedModule {

        public TokenRows {
            ids = List.copyOf(ids);
        }

        @Override
        public long trainedValues() {
            return ids.size() * width;
        }
    }

    /// The members of a tied group that a change reaches.
    enum Uses {
        /// The named module only: it is not tied, or the tie mode is `untie`.
        NAMED,
        /// Input embedding and head: they stay one value.
        BOTH
    }
}
