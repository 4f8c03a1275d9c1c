package dev.bowline.model.gemma4;

import dev.bowline.BowlineException;
import dev.bowline.model.decoder.DecoderConfig;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// The text half of a Gemma 4 config.json, validated once and immutable after.
///
/// @param vocabulary V, rows of the token embedding
/// @param hiddenSize width of the residual stream, H
/// @param intermediateSize width of the dense feed-forward
/// @param heads query heads, the same in every layer
/// @param epsilon `rms_norm_eps`
/// @param maxPositions `max_position_embeddings`
/// @param initializerRange standard deviation of fresh weights
/// @param paddingId the embedding row without a gradient
/// @param placeholders ids that stand for an image, a video or a sound: they are looked up as the padding row
/// @param attentionBias whether q, k, v and o have biases
/// @param layers one attention kind per decoder layer, first to last
/// @param sharedLayers how many last layers reuse the keys and values of an earlier one
/// @param wideSharedFeedForward `use_double_wide_mlp`: those layers have a feed-forward of twice the width
/// @param sliding the rotation of sliding layers
/// @param full the rotation of full layers
/// @param softcap `final_logit_softcapping`
/// @param perLayer the per-layer embedding, if there is one
/// @param experts the mixture of experts beside the dense feed-forward, if there is one
record Gemma4Config(
        int vocabulary,
        int hiddenSize,
        int intermediateSize,
        int heads,
        double epsilon,
        int maxPositions,
        double initializerRange,
        OptionalLong paddingId,
        List<Long> placeholders,
        boolean attentionBias,
        List<AttentionKind> layers,
        int sharedLayers,
        boolean wideSharedFeedForward,
        RotarySettings sliding,
        RotarySettings full,
        OptionalDouble softcap,
        Optional<PerLayer> perLayer,
        Optional<Experts> experts) {

    /// @param vocabulary rows of the packed table
    /// @param width one layer's slice, P
    record PerLayer(int vocabulary, int width) {
        PerLayer {
            requirePositive("vocab_size_per_layer_input", vocabulary);
        }
    }

    /// @param count E
    /// @param perToken K
    /// @param width of one expert
    record Experts(int count, int perToken, int width) {
        Experts {
            DecoderConfig.requireWithin("num_experts", count, DecoderConfig.MOST_EXPERTS);
            requirePositive("moe_intermediate_size", width);
            if (perToken < 1 || perToken > count) {
                throw new BowlineException(
                        "top_k_experts is %d with num_experts %d".formatted(perToken, count),
                        "top_k_experts must be between 1 and num_experts; use the checkpoint's original config.json");
            }
        }
    }

    Gemma4Config {
        layers = List.copyOf(layers);
        placeholders = List.copyOf(placeholders);
        requirePositive("vocab_size", vocabulary);
        requirePositive("hidden_size", hiddenSize);
        requirePositive("intermediate_size", intermediateSize);
        requirePositive("num_attention_heads", heads);
        requirePositive("max_position_embeddings", maxPositions);
        requirePositive("num_hidden_layers", layers.size());
        for (int i = 0; i < layers.size(); i++) {
            requireAttention(i, layers.get(i), heads);
        }
        if (sharedLayers < 0 || sharedLayers >= layers.size()) {
            throw new BowlineException(
                    "num_kv_shared_layers is %d with %d layers".formatted(sharedLayers, layers.size()),
                    "it must be at least 0 and less than num_hidden_layers; use the checkpoint's original config.json");
        }
        for (int i = layers.size() - sharedLayers; i < layers.size(); i++) {
            donor(layers, layers.size() - sharedLayers, layers.get(i)); // refuses a layer nothing is shared with
        }
        if (!(epsilon > 0)) {
            throw new BowlineException("rms_norm_eps is " + epsilon, "it must be greater than 0");
        }
        if (paddingId.isPresent() && (paddingId.getAsLong() < 0 || paddingId.getAsLong() >= vocabulary)) {
            throw new BowlineException(
                    "pad_token_id is %d with vocab_size %d".formatted(paddingId.getAsLong(), vocabulary),
                    "it must be a row of the embedding; use the checkpoint's original config.json");
        }
    }

    /// The same decoder with the dense feed-forward alone.
    Gemma4Config withoutExperts() {
        return new Gemma4Config(
                vocabulary,
                hiddenSize,
                intermediateSize,
                heads,
                epsilon,
                maxPositions,
                initializerRange,
                paddingId,
                placeholders,
                attentionBias,
                layers,
                sharedLayers,
                wideSharedFeedForward,
                sliding,
                full,
                softcap,
                perLayer,
                Optional.empty());
    }

    /// Whether layer `index` has no keys and values of its own.
    boolean isShared(int index) {
        return index >= layers.size() - sharedLayers;
    }

    /// The layer whose keys and values layer `index` attends to: itself, or the last unshared layer of its type.
    int keyValueLayer(int index) {
        return isShared(index) ? donor(layers, layers.size() - sharedLayers, layers.get(index)) : index;
    }

    /// Whether a later layer reuses the keys and values of layer `index`.
    boolean sharesWithLaterLayers(int index) {
        for (int later = layers.size() - sharedLayers; later < layers.size(); later++) {
            if (later != index && keyValueLayer(later) == index) {
                return true;
            }
        }
        return false;
    }

    int feedForwardWidth(int index) {
        return wideSharedFeedForward && isShared(index) ? 2 * intermediateSize : intermediateSize;
    }

    RotarySettings rotary(AttentionKind kind) {
        return switch (kind) {
            case AttentionKind.Sliding _ -> sliding;
            case AttentionKind.Full _ -> full;
        };
    }

    private static int donor(List<AttentionKind> layers, int firstShared, AttentionKind kind) {
        for (int i = firstShared - 1; i >= 0; i--) {
            if (layers.get(i).getClass() == kind.getClass()) {
                return i;
            }
        }
        throw new BowlineException(
                "num_kv_shared_layers is %d, but none of the first %d layers has the attention type of a shared one"
                        .formatted(layers.size() - firstShared, firstShared),
                "use the checkpoint's original config.json");
    }

    private static void requireAttention(int index, AttentionKind kind, int heads) {
        DecoderConfig.requireWithin("head_dim of layer " + index, kind.headDim(), DecoderConfig.MOST_CHANNELS);
        requirePositive("num_key_value_heads of layer " + index, kind.keyValueHeads());
        kind.window().ifPresent(window -> requirePositive("sliding_window", window));
        if (kind.headDim() % 2 != 0) {
            throw new BowlineException(
                    "layer %d has head_dim %d, which rotation cannot halve".formatted(index, kind.headDim()),
                    "head_dim and global_head_dim must be even; use the checkpoint's original config.json");
        }
        if (heads % kind.keyValueHeads() != 0) {
            throw new BowlineException(
                    "layer %d has %d key/value heads, which does not divide %d query heads"
                            .formatted(index, kind.keyValueHeads(), heads),
                    "correct num_attention_heads or num_key_value_heads in config.json");
        }
    }

    private static void requirePositive(String key, int value) {
        if (value < 1) {
            throw new BowlineException(
                    "%s is %d".formatted(key, value),
                    "it must be at least 1; use the checkpoint's original config.json");
        }
    }
}
