package dev.bowline.model.gemma4;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.ConfigFindings;
import dev.bowline.model.Dropout;
import dev.bowline.model.decoder.DecoderConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/// Reads the text config of a Gemma 4 checkpoint: defaults and derived values as transformers' `Gemma4TextConfig`.
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
    static Gemma4Config read(JsonObject text, List<Long> placeholders, ConfigFindings findings) {
        Gemma4ConfigReader reader = new Gemma4ConfigReader(text, findings);
        double dropout = reader.number("attention_dropout", 0);
        if (dropout != 0) {
            findings.add(new Dropout("attention_dropout", dropout));
        }
        return reader.read(placeholders);
    }

    private Gemma4Config read(List<Long> placeholders) {
        refuseWhatIsNotBuilt();
        int hiddenSize = integer("hidden_size", 2304);
        return new Gemma4Config(
                integer("vocab_size", 262_144),
                hiddenSize,
                integer("intermediate_size", 9216),
                integer("num_attention_heads", 8),
                number("rms_norm_eps", 1e-6),
                integer("max_position_embeddings", 131_072),
                number("initializer_range", 0.02),
                paddingId(),
                placeholders,
                flag("attention_bias"),
                layers(),
                integer("num_kv_shared_layers", 0),
                flag("use_double_wide_mlp"),
                rotary(SLIDING, RotarySettings.SLIDING),
                rotary(FULL, RotarySettings.FULL),
                softcap(),
                perLayer(),
                experts());
    }

    private void refuseWhatIsNotBuilt() {
        text.optionalString("use_bidirectional_attention").filter("all"::equals).ifPresent(_ -> {
            throw new BowlineException(
                    "%s: use_bidirectional_attention 'all' is not supported"
                            .formatted(text.location().source()),
                    "Bowline trains causal language models; use a checkpoint whose value is null or 'vision'");
        });
        String activation = text.optionalString("hidden_activation").orElse("gelu_pytorch_tanh");
        if (!activation.equals("gelu_pytorch_tanh")) {
            throw new BowlineException(
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

    private List<AttentionKind> layers() {
        int count = integer("num_hidden_layers", 30);
        DecoderConfig.requireWithin("num_hidden_layers", count, DecoderConfig.MOST_LAYERS);
        List<String> types = layerTypes(count);
        LayerOverrides overrides = overrides(count);
        List<AttentionKind> layers = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            layers.add(types.get(i).equals(FULL) ? full(i, overrides) : sliding(i, overrides));
        }
        return layers;
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
                throw new BowlineException(
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

    private AttentionKind sliding(int index, LayerOverrides overrides) {
        return new AttentionKind.Sliding(
                integer("sliding_window", 512),
                overrides.get(index, "head_dim").orElse(integer("head_dim", 256)),
                overrides.get(index, "num_key_value_heads").orElse(integer("num_key_value_heads", 4)));
    }

    private AttentionKind full(int index, LayerOverrides overrides) {
        boolean valuesAreKeys = flag("attention_k_eq_v");
        int headDim = integer("head_dim", 256);
        int keyValueHeads = integer("num_key_value_heads", 4);
        if (!text.has("per_layer_config")) {
            headDim = globalHeadDim(headDim);
            OptionalInt global = text.optionalInt("num_global_key_value_heads");
            keyValueHeads = valuesAreKeys ? global.orElse(keyValueHeads) : keyValueHeads;
        }
        return new AttentionKind.Full(
                overrides.get(index, "head_dim").orElse(headDim),
                overrides.get(index, "num_key_value_heads").orElse(keyValueHeads),
                valuesAreKeys);
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

    private RotarySettings rotary(String type, RotarySettings otherwise) {
        return text.optionalObject("rope_parameters")
                .flatMap(all -> all.optionalObject(type))
                .map(rope -> RotarySettings.parse(rope, findings))
                .orElse(otherwise);
    }

    private Optional<Gemma4Config.PerLayer> perLayer() {
        int width = integer("hidden_size_per_layer_input", 256);
        return width == 0
                ? Optional.empty()
                : Optional.of(new Gemma4Config.PerLayer(integer("vocab_size_per_layer_input", 262_144), width));
    }

    private Optional<Gemma4Config.Experts> experts() {
        if (!flag("enable_moe_block")) {
            return Optional.empty();
        }
        OptionalInt early = text.optionalInt("expert_intermediate_size");
        OptionalInt width = text.optionalInt("moe_intermediate_size");
        int inner = width.isEmpty() && early.isPresent() ? early.getAsInt() : text.requireInt("moe_intermediate_size");
        return Optional.of(
                new Gemma4Config.Experts(text.requireInt("num_experts"), text.requireInt("top_k_experts"), inner));
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
