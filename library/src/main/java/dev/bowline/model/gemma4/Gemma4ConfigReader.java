package dev.bowline.model.gemma4;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.Dropout;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.AttentionConfig.Projections;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
import dev.bowline.model.decoder.LayerConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Head;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Rope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/// Reads the text config of a Gemma 4 checkpoint: defaults and derived values as transformers'
/// `Gemma4TextConfig`.
final class Gemma4ConfigReader {

    /// Keys that change what a model computes and that are read here.
    static final Set<String> FEATURES = Set.of(
            "attention_dropout",
            "final_logit_softcapping",
            "hidden_activation",
            "layer_types",
            "num_kv_shared_layers",
            "per_layer_config",
            "rope_parameters",
            "sliding_window",
            "use_bidirectional_attention");

    private static final String SLIDING = "sliding_attention";
    private static final String FULL = "full_attention";

    private final JsonObject text;
    private final ConfigFindings findings;

    private Gemma4ConfigReader(JsonObject text, ConfigFindings findings) {
        this.text = text;
        this.findings = findings;
    }

    /// @param placeholders ids that stand for an image, a video or a sound
    /// @param findings takes the dropout and the keys that are not used
    static DecoderConfig read(JsonObject text, List<Long> placeholders, ConfigFindings findings) {
        Gemma4ConfigReader reader = new Gemma4ConfigReader(text, findings);
        double dropout = reader.number("attention_dropout", 0);
        if (dropout != 0) {
            findings.add(new Dropout("attention_dropout", dropout));
        }
        return reader.read(placeholders);
    }

    private DecoderConfig read(List<Long> placeholders) {
        refuseWhatIsNotBuilt();
        DecoderConfig.Size size = new DecoderConfig.Size(
                integer("vocab_size", 262_144),
                integer("hidden_size", 2304),
                integer("max_position_embeddings", 131_072),
                number("rms_norm_eps", 1e-6),
                number("initializer_range", 0.02),
                paddingId());
        DecoderConfig.Style style = new DecoderConfig.Style(
                RmsNorm.Scale.LEARNED,
                DecoderConfig.Block.NORM_BEFORE_AND_AFTER,
                Activation.GELU_TANH,
                DecoderConfig.Embedding.TIMES_ROOT_OF_WIDTH,
                DecoderConfig.Rotation.AS_MODEL,
                Head.Rows.AS_STORED,
                softcap(),
                DecoderConfig.LayerScalar.STORED);
        return new DecoderConfig(size, style, layers(), perLayer(), placeholders);
    }

    private void refuseWhatIsNotBuilt() {
        text.optionalString("use_bidirectional_attention").filter("all"::equals).ifPresent(_ -> {
            throw new LocatedException(
                    text.location().source(),
                    "%s: use_bidirectional_attention 'all' is not supported"
                            .formatted(text.location().source()),
                    "Bowline trains causal language models; use a checkpoint whose value is null or 'vision'");
        });
        String activation = text.optionalString("hidden_activation").orElse("gelu_pytorch_tanh");
        if (!activation.equals("gelu_pytorch_tanh")) {
            throw new LocatedException(
                    text.location().source(),
                    "%s: hidden_activation '%s' is not supported"
                            .formatted(text.location().source(), activation),
                    "Gemma 4 uses 'gelu_pytorch_tanh'; use the checkpoint's original config.json");
        }
    }

    /// A pad_token_id that is null leaves the embedding without a padding row; an absent one is 0.
    private OptionalLong paddingId() {
        return text.has("pad_token_id") ? text.optionalLong("pad_token_id") : OptionalLong.of(0);
    }

    private OptionalDouble softcap() {
        OptionalDouble softcap = text.optionalDouble("final_logit_softcapping");
        if (softcap.isPresent() && !(softcap.getAsDouble() > 0)) {
            throw new BowlineException(
                    "final_logit_softcapping is " + softcap.getAsDouble(), "it must be greater than 0, or null");
        }
        return softcap;
    }

    private List<LayerConfig> layers() {
        int count = integer("num_hidden_layers", 30);
        DecoderConfig.requireWithin("num_hidden_layers", count, DecoderConfig.MOST_LAYERS);
        List<String> types = layerTypes(count);
        LayerOverrides overrides = overrides(count);
        int firstShared = firstShared(count);
        List<LayerConfig> layers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            boolean isShared = i >= firstShared;
            Optional<Integer> keyValueLayer = isShared ? Optional.of(donor(types, firstShared, i)) : Optional.empty();
            layers.add(new LayerConfig(attention(types.get(i), i, overrides, keyValueLayer), feedForward(isShared)));
        }
        return layers;
    }

    /// The first of the last layers that reuse the keys and values of an earlier one.
    private int firstShared(int count) {
        int shared = integer("num_kv_shared_layers", 0);
        if (shared < 0 || shared >= count) {
            throw new BowlineException(
                    "num_kv_shared_layers is %d with %d layers".formatted(shared, count),
                    "it must be at least 0 and less than num_hidden_layers; use the checkpoint's original config.json");
        }
        return count - shared;
    }

    /// The last layer with keys and values of its own and the attention type of layer `index`.
    private static int donor(List<String> types, int firstShared, int index) {
        int donor = types.subList(0, firstShared).lastIndexOf(types.get(index));
        if (donor < 0) {
            throw new BowlineException(
                    "num_kv_shared_layers is %d, but none of the first %d layers has the attention type of a shared one"
                            .formatted(types.size() - firstShared, firstShared),
                    "use the checkpoint's original config.json");
        }
        return donor;
    }

    private AttentionConfig attention(
            String type, int index, LayerOverrides overrides, Optional<Integer> keyValueLayer) {
        boolean isFull = type.equals(FULL);
        boolean valuesAreKeys = isFull && flag("attention_k_eq_v");
        AttentionConfig.Heads heads = isFull ? fullHeads(index, overrides) : slidingHeads(index, overrides);
        Linear.Bias bias = flag("attention_bias") ? Linear.Bias.PRESENT : Linear.Bias.NONE;
        Projections projections = keyValueLayer.isPresent()
                ? new Projections.QueriesOnly(bias, bias, keyValueLayer.get())
                : valuesAreKeys ? new Projections.ValuesAreKeys(bias, bias) : new Projections.Separate(bias, bias);
        return AttentionConfig.of(heads, projections)
                .with(AttentionConfig.HeadNorms.QUERIES_KEYS_AND_VALUES)
                .with(rope(type, heads.width()))
                .within(isFull ? OptionalInt.empty() : OptionalInt.of(integer("sliding_window", 512)))
                .scored(1, OptionalDouble.empty());
    }

    private FeedForwardConfig feedForward(boolean isShared) {
        int width = integer("intermediate_size", 9216);
        boolean isDouble = isShared && flag("use_double_wide_mlp");
        FeedForwardConfig.Gated dense = new FeedForwardConfig.Gated(isDouble ? 2 * width : width, Linear.Bias.NONE);
        return flag("enable_moe_block") ? withExperts(dense) : dense;
    }

    private List<String> layerTypes(int count) {
        List<String> types = new ArrayList<>();
        Optional<JsonArray> written = text.optionalArray("layer_types");
        if (written.isPresent()) {
            for (JsonValue type : written.get().values()) {
                String name = type.asString();
                if (!name.equals(SLIDING) && !name.equals(FULL)) {
                    throw type.mistyped("'%s' or '%s'".formatted(SLIDING, FULL));
                }
                types.add(name);
            }
            if (types.size() != count) {
                throw new LocatedException(
                        text.location().source(),
                        "%s: layer_types has %d entries, num_hidden_layers is %d"
                                .formatted(text.location().source(), types.size(), count),
                        "use the checkpoint's original config.json");
            }
        } else {
            for (int i = 0; i < count; i++) {
                types.add((i + 1) % 6 == 0 ? FULL : SLIDING);
            }
        }
        // The last layer attends to everything whatever the file says, as in transformers.
        types.set(count - 1, FULL);
        return types;
    }

    private AttentionConfig.Heads slidingHeads(int index, LayerOverrides overrides) {
        return heads(index, overrides, integer("head_dim", 256), integer("num_key_value_heads", 4));
    }

    private AttentionConfig.Heads fullHeads(int index, LayerOverrides overrides) {
        int headDim = integer("head_dim", 256);
        int keyValueHeads = integer("num_key_value_heads", 4);
        if (!text.has("per_layer_config")) {
            headDim = globalHeadDim(headDim);
            OptionalInt global = text.optionalInt("num_global_key_value_heads");
            keyValueHeads = flag("attention_k_eq_v") ? global.orElse(keyValueHeads) : keyValueHeads;
        }
        return heads(index, overrides, headDim, keyValueHeads);
    }

    private AttentionConfig.Heads heads(int index, LayerOverrides overrides, int headDim, int keyValueHeads) {
        int queries = integer("num_attention_heads", 8);
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
        if (!text.has("global_head_dim")) {
            return 512;
        }
        int global = text.optionalInt("global_head_dim").orElse(0);
        return global == 0 ? headDim : global;
    }

    /// A null leaves the layers alike, as in transformers.
    private LayerOverrides overrides(int count) {
        return text.optionalObject("per_layer_config")
                .map(written -> LayerOverrides.read(text, written, count))
                .orElseGet(LayerOverrides::none);
    }

    private Rope rope(String type, int headDim) {
        return text.optionalObject("rope_parameters")
                .flatMap(all -> all.optionalObject(type))
                .map(rope -> Gemma4RopeReader.read(rope, headDim, findings))
                .orElseGet(
                        () -> type.equals(FULL) ? Gemma4RopeReader.full(headDim) : Gemma4RopeReader.sliding(headDim));
    }

    private Optional<DecoderConfig.PerLayerEmbedding> perLayer() {
        int width = integer("hidden_size_per_layer_input", 256);
        return width == 0
                ? Optional.empty()
                : Optional.of(
                        new DecoderConfig.PerLayerEmbedding(integer("vocab_size_per_layer_input", 262_144), width));
    }

    private FeedForwardConfig withExperts(FeedForwardConfig.Gated dense) {
        OptionalInt early = text.optionalInt("expert_intermediate_size");
        OptionalInt width = text.optionalInt("moe_intermediate_size");
        int inner = width.isEmpty() && early.isPresent() ? early.getAsInt() : text.requireInt("moe_intermediate_size");
        return new FeedForwardConfig.GatedWithExperts(
                dense, text.requireInt("num_experts"), text.requireInt("top_k_experts"), inner);
    }

    private int integer(String key, int otherwise) {
        return text.optionalInt(key).orElse(otherwise);
    }

    private double number(String key, double otherwise) {
        return text.optionalDouble(key).orElse(otherwise);
    }

    private boolean flag(String key) {
        return text.optionalBoolean(key).orElse(false);
    }
}
