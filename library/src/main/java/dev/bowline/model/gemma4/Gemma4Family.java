package dev.bowline.model.gemma4;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import dev.bowline.model.Architecture;
import dev.bowline.model.ConfigReader;
import dev.bowline.model.RopeReader;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.AttentionConfig.Projections;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Rope;
import dev.bowline.nn.RopeScaling;
import dev.bowline.ties.TieFlag;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/// The Gemma 4 classes, with the defaults and derived values of transformers' `Gemma4TextConfig`. Both heads
/// are trained and tested against the reference.
public final class Gemma4Family {

    private static final int SLIDING_THETA = 10_000;
    private static final int FULL_THETA = 1_000_000;
    private static final double FULL_FRACTION = 0.25;

    /// Text, with vision and audio towers that are passed through; the tie flag is the top level's.
    private static final Architecture CONDITIONAL_GENERATION = Architecture.of(
                    "Gemma4ForConditionalGeneration",
                    "gemma4",
                    TieFlag.ClassDefault.TIED,
                    keys -> new Gemma4Family(keys).read(placeholders(keys)))
            .at(Architecture.Level.TEXT_CONFIG)
            .with(config -> Gemma4Weights.rules("model.language_model", config));

    static final Architecture CAUSAL_LM = Architecture.of(
                    "Gemma4ForCausalLM",
                    "gemma4_text",
                    TieFlag.ClassDefault.TIED,
                    keys -> new Gemma4Family(keys).read(List.of()))
            .withBase("Gemma4TextModel")
            .with(config -> Gemma4Weights.rules("model", config));

    public static final List<Architecture> ARCHITECTURES = List.of(CONDITIONAL_GENERATION, CAUSAL_LM);

    private final ConfigReader keys;

    private Gemma4Family(ConfigReader keys) {
        this.keys = keys;
    }

    /// The ids of images, sounds and videos.
    private static List<Long> placeholders(ConfigReader keys) {
        return List.of(
                keys.topLevelId("image_token_id").orElse(258_880),
                keys.topLevelId("audio_token_id").orElse(258_881),
                keys.topLevelId("video_token_id").orElse(258_884));
    }

    private DecoderConfig read(List<Long> placeholders) {
        keys.dropout("attention_dropout");
        refuseUnbuiltValues();
        DecoderConfig.Size size = keys.size(262_144, 2304, 131_072, 1e-6, OptionalLong.of(0));
        DecoderConfig.Style style = DecoderConfig.Style.gemma(RmsNorm.Scale.LEARNED, Activation.GELU_TANH, softcap())
                .with(DecoderConfig.LayerScalar.STORED);
        return new DecoderConfig(size, style, layers(size), perLayer(), placeholders);
    }

    private void refuseUnbuiltValues() {
        keys.string("use_bidirectional_attention").filter("all"::equals).ifPresent(_ -> {
            throw new LocatedException(
                    keys.source(),
                    "%s: use_bidirectional_attention 'all' is not supported".formatted(keys.source()),
                    "Bowline trains causal language models; use a checkpoint whose value is null or 'vision'");
        });
        String activation = keys.string("hidden_activation").orElse("gelu_pytorch_tanh");
        if (!activation.equals("gelu_pytorch_tanh")) {
            throw new LocatedException(
                    keys.source(),
                    "%s: hidden_activation '%s' is not supported".formatted(keys.source(), activation),
                    "Gemma 4 uses 'gelu_pytorch_tanh'; use the checkpoint's original config.json");
        }
    }

    private OptionalDouble softcap() {
        OptionalDouble softcap = keys.optionalNumber("final_logit_softcapping");
        if (softcap.isPresent() && !(softcap.getAsDouble() > 0)) {
            throw new BowlineException(
                    "final_logit_softcapping is " + softcap.getAsDouble(), "it must be greater than 0, or null");
        }
        return softcap;
    }

    private List<LayerConfig> layers(DecoderConfig.Size size) {
        int count = keys.layers(30);
        List<Boolean> sliding = new ArrayList<>(keys.slidingLayers(count, layer -> (layer + 1) % 6 != 0));
        // The last layer attends to everything, also where the file has another type, like in transformers.
        sliding.set(count - 1, false);
        LayerOverrides overrides = keys.object("per_layer_config")
                .map(written -> LayerOverrides.read(keys, written, count))
                .orElseGet(LayerOverrides::none);
        int firstShared = firstShared(count);
        List<LayerConfig> layers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean isShared = i >= firstShared;
            Optional<Integer> keyValueLayer = isShared ? Optional.of(donor(sliding, firstShared, i)) : Optional.empty();
            AttentionConfig.Heads heads = sliding.get(i) ? slidingHeads(i, overrides) : fullHeads(i, overrides);
            AttentionConfig attention = sliding.get(i)
                    ? sliding(heads, projections(keyValueLayer, false), size)
                    : full(heads, projections(keyValueLayer, keys.flag("attention_k_eq_v")), size);
            layers.add(new LayerConfig(attention, feedForward(isShared)));
        }
        return layers;
    }

    private AttentionConfig sliding(AttentionConfig.Heads heads, Projections projections, DecoderConfig.Size size) {
        Rope rope = hasRope("sliding_attention")
                ? keys.rope("sliding_attention", rope(SLIDING_THETA, heads, size), List.of())
                : new Rope(SLIDING_THETA, heads.width(), new RopeScaling.None());
        return attention(heads, projections, rope).within(OptionalInt.of(keys.integer("sliding_window", 512)));
    }

    private AttentionConfig full(AttentionConfig.Heads heads, Projections projections, DecoderConfig.Size size) {
        Rope rope = hasRope("full_attention")
                ? keys.rope("full_attention", rope(FULL_THETA, heads, size), List.of())
                : new Rope(FULL_THETA, heads.width(), RopeScaling.Proportional.of(heads.width(), FULL_FRACTION, 1));
        return attention(heads, projections, rope);
    }

    private static AttentionConfig attention(AttentionConfig.Heads heads, Projections projections, Rope rope) {
        return AttentionConfig.of(heads, projections)
                .with(AttentionConfig.HeadNorms.QUERIES_KEYS_AND_VALUES)
                .with(rope)
                .scored(1, OptionalDouble.empty());
    }

    private Projections projections(Optional<Integer> keyValueLayer, boolean valuesAreKeys) {
        Linear.Bias bias = keys.bias("attention_bias");
        if (keyValueLayer.isPresent()) {
            return new Projections.QueriesOnly(bias, bias, keyValueLayer.get());
        }
        return valuesAreKeys ? new Projections.ValuesAreKeys(bias, bias) : new Projections.Separate(bias, bias);
    }

    private boolean hasRope(String type) {
        return keys.object("rope_parameters")
                .flatMap(types -> types.optionalObject(type))
                .isPresent();
    }

    private static RopeReader.Defaults rope(int theta, AttentionConfig.Heads heads, DecoderConfig.Size size) {
        return new RopeReader.Defaults(
                theta, heads.width(), size.maxPositions(), Set.of("default", "proportional"), Set.of());
    }

    /// The first of the last layers that reuse the keys and values of an earlier one.
    private int firstShared(int count) {
        int shared = keys.integer("num_kv_shared_layers", 0);
        if (shared < 0 || shared >= count) {
            throw new BowlineException(
                    "num_kv_shared_layers is %d with %d layers".formatted(shared, count),
                    "it must be at least 0 and less than num_hidden_layers; use the checkpoint's original config.json");
        }
        return count - shared;
    }

    /// The last layer with keys and values of its own and the attention type of layer `index`.
    private static int donor(List<Boolean> types, int firstShared, int index) {
        int donor = types.subList(0, firstShared).lastIndexOf(types.get(index));
        if (donor < 0) {
            throw new BowlineException(
                    "num_kv_shared_layers is %d, but none of the first %d layers has the attention type of a shared one"
                            .formatted(types.size() - firstShared, firstShared),
                    "use the checkpoint's original config.json");
        }
        return donor;
    }

    private FeedForwardConfig feedForward(boolean isShared) {
        int width = keys.integer("intermediate_size", 9216);
        boolean isDouble = isShared && keys.flag("use_double_wide_mlp");
        FeedForwardConfig.Gated dense = new FeedForwardConfig.Gated(isDouble ? 2 * width : width, Linear.Bias.NONE);
        return keys.flag("enable_moe_block") ? withExperts(dense) : dense;
    }

    private AttentionConfig.Heads slidingHeads(int index, LayerOverrides overrides) {
        return heads(index, overrides, keys.integer("head_dim", 256), keys.integer("num_key_value_heads", 4));
    }

    private AttentionConfig.Heads fullHeads(int index, LayerOverrides overrides) {
        int headDim = keys.integer("head_dim", 256);
        int keyValueHeads = keys.integer("num_key_value_heads", 4);
        if (!keys.has("per_layer_config")) {
            headDim = globalHeadDim(headDim);
            OptionalInt global = keys.optionalInteger("num_global_key_value_heads");
            keyValueHeads = keys.flag("attention_k_eq_v") ? global.orElse(keyValueHeads) : keyValueHeads;
        }
        return heads(index, overrides, headDim, keyValueHeads);
    }

    private AttentionConfig.Heads heads(int index, LayerOverrides overrides, int headDim, int keyValueHeads) {
        int queries = keys.integer("num_attention_heads", 8);
        int width = overrides.get(index, "head_dim").orElse(headDim);
        int keyValues = overrides.get(index, "num_key_value_heads").orElse(keyValueHeads);
        DecoderConfig.requirePositive("num_attention_heads", queries);
        DecoderConfig.requireWithin("head_dim of layer " + index, width, DecoderConfig.MOST_CHANNELS);
        DecoderConfig.requirePositive("num_key_value_heads of layer " + index, keyValues);
        if (width % 2 != 0) {
            throw new BowlineException(
                    "layer %d has head_dim %d, which rotation cannot halve".formatted(index, width),
                    "head_dim and global_head_dim must be even; use the checkpoint's original config.json");
        }
        if (queries % keyValues != 0) {
            throw new BowlineException(
                    "layer %d has %d key/value heads, which does not divide %d query heads"
                            .formatted(index, keyValues, queries),
                    "correct num_attention_heads or num_key_value_heads in config.json");
        }
        return new AttentionConfig.Heads(queries, keyValues, width);
    }

    /// `global_head_dim` is 512 when absent; null or 0 falls back to `head_dim`, as early releases read it.
    private int globalHeadDim(int headDim) {
        if (!keys.has("global_head_dim")) {
            return 512;
        }
        int global = keys.optionalInteger("global_head_dim").orElse(0);
        return global == 0 ? headDim : global;
    }

    private Optional<DecoderConfig.PerLayerEmbedding> perLayer() {
        int width = keys.integer("hidden_size_per_layer_input", 256);
        return width == 0
                ? Optional.empty()
                : Optional.of(new DecoderConfig.PerLayerEmbedding(
                        keys.integer("vocab_size_per_layer_input", 262_144), width));
    }

    private FeedForwardConfig withExperts(FeedForwardConfig.Gated dense) {
        OptionalInt early = keys.optionalInteger("expert_intermediate_size");
        OptionalInt width = keys.optionalInteger("moe_intermediate_size");
        int inner =
                width.isEmpty() && early.isPresent() ? early.getAsInt() : keys.requireInteger("moe_intermediate_size");
        return new FeedForwardConfig.GatedWithExperts(
                dense, keys.requireInteger("num_experts"), keys.requireInteger("top_k_experts"), inner);
    }
}
