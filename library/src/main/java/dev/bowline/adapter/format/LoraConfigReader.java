package dev.bowline.adapter.format;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import dev.bowline.adapter.format.LoraConfig.DropoutPosition;
import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.adapter.format.LoraConfig.Scaling;
import dev.bowline.adapter.format.LoraConfig.TieMode;
import dev.bowline.adapter.format.LoraConfig.Variant;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// Reads `adapter_config.json` as PEFT 0.21 does, and refuses by name each key whose effect Bowline does not
/// carry out.
final class LoraConfigReader {

    private static final String TARGETS = "target_modules";

    /// The name of the input embedding that a list of token ids without a module is for.
    static final String EMBEDDING = "embed_tokens";

    private final JsonObject json;

    private LoraConfigReader(JsonObject json) {
        this.json = json;
    }

    /// @throws BowlineException with the key's place, for a value of the wrong type or range and for a key with
    ///     an effect that Bowline does not carry out
    static LoraConfig read(JsonObject json) {
        AdapterKeys.requireCarriedOut(json);
        return new LoraConfigReader(json).read();
    }

    private LoraConfig read() {
        return new LoraConfig(
                rank(json.require("r")),
                alpha(json.require("lora_alpha")),
                dropout(),
                DropoutPosition.PRE,
                isTrue("use_rslora") ? Scaling.RSLORA : Scaling.LORA,
                isTrue("use_dora") ? Variant.DORA : Variant.LORA,
                init(),
                targets(),
                modules("exclude_modules"),
                strings("target_parameters"),
                strings("modules_to_save"),
                ranks(),
                alphas(),
                tokens(),
                isTrue("ensure_weight_tying") ? TieMode.SHARED : TieMode.UNCHOSEN);
    }

    private static long rank(JsonValue value) {
        long rank = value.asLong();
        if (rank < 1) {
            throw refused(value, "is %d; a rank is at least 1".formatted(rank), "correct the rank");
        }
        return rank;
    }

    private static double alpha(JsonValue value) {
        double alpha = value.asDouble();
        if (alpha == 0 || !Double.isFinite(alpha)) {
            throw refused(
                    value,
                    "is %s; the adapter would have no effect".formatted(((JsonNumber) value).text()),
                    "correct the alpha that the adapter was trained with");
        }
        return alpha;
    }

    private double dropout() {
        Optional<JsonValue> value = present("lora_dropout");
        double dropout = value.map(JsonValue::asDouble).orElse(0.0);
        if (value.isPresent() && !(dropout >= 0 && dropout < 1)) {
            throw refused(value.get(), "is %s".formatted(dropout), "use a probability from 0 to below 1");
        }
        return dropout;
    }

    private LoraAInit init() {
        return present("init_lora_weights")
                .filter(value ->
                        value instanceof JsonString text && text.value().equalsIgnoreCase("gaussian"))
                .map(_ -> LoraAInit.GAUSSIAN)
                .orElse(LoraAInit.KAIMING);
    }

    private ModulePatterns targets() {
        Optional<JsonValue> layers = present("layers_to_transform");
        ModulePatterns targets = modules(TARGETS);
        if (layers.isEmpty() || layers.get() instanceof JsonArray array && array.size() == 0) {
            return targets;
        }
        if (!(targets instanceof ModulePatterns.Named(List<String> names))) {
            throw refused(
                    layers.get(),
                    "is given, and 'target_modules' is no list, with which PEFT refuses it",
                    "write the layers into the regular expression of 'target_modules'");
        }
        List<Long> indices = layers.get() instanceof JsonArray array
                ? array.longs()
                : List.of(layers.get().asLong());
        return new ModulePatterns.Regex(LayerPatterns.regex(names, indices, modulesOrText("layers_pattern")));
    }

    /// A list of names, or a regular expression; none for an absent key.
    private ModulePatterns modules(String key) {
        Optional<JsonValue> value = present(key);
        if (value.isEmpty()) {
            return ModulePatterns.NONE;
        }
        if (value.get() instanceof JsonArray array) {
            return new ModulePatterns.Named(array.strings());
        }
        String text = value.get().asString();
        if (key.equals(TARGETS) && text.equalsIgnoreCase("all-linear")) {
            return new ModulePatterns.AllLinear();
        }
        requireRegex(value.get(), text);
        return new ModulePatterns.Regex(text);
    }

    private List<String> modulesOrText(String key) {
        return present(key)
                .map(value -> value instanceof JsonArray array ? array.strings() : List.of(value.asString()))
                .orElse(List.of());
    }

    private List<String> strings(String key) {
        return json.optionalArray(key).map(JsonArray::strings).orElse(List.of());
    }

    private SequencedMap<String, Long> ranks() {
        SequencedMap<String, Long> ranks = new LinkedHashMap<>();
        patterns("rank_pattern").forEach((pattern, value) -> ranks.put(pattern, rank(value)));
        return ranks;
    }

    private SequencedMap<String, Double> alphas() {
        SequencedMap<String, Double> alphas = new LinkedHashMap<>();
        patterns("alpha_pattern").forEach((pattern, value) -> alphas.put(pattern, alpha(value)));
        return alphas;
    }

    private SequencedMap<String, JsonValue> patterns(String key) {
        SequencedMap<String, JsonValue> patterns =
                json.optionalObject(key).map(JsonObject::fields).orElse(new LinkedHashMap<>());
        patterns.forEach((pattern, value) -> requireRegex(value, pattern));
        return patterns;
    }

    private SequencedMap<String, List<Long>> tokens() {
        SequencedMap<String, List<Long>> tokens = new LinkedHashMap<>();
        present("trainable_token_indices").ifPresent(value -> {
            if (value instanceof JsonArray ids) {
                tokens.put(EMBEDDING, ids.longs());
            } else {
                value.asObject()
                        .fields()
                        .forEach((module, ids) ->
                                tokens.put(module, ids.asArray().longs()));
            }
        });
        return tokens;
    }

    private boolean isTrue(String key) {
        return json.optionalBoolean(key).orElse(false);
    }

    private Optional<JsonValue> present(String key) {
        return json.get(key).filter(value -> !(value instanceof JsonNull));
    }

    private static void requireRegex(JsonValue place, String regex) {
        try {
            var _ = Pattern.compile(regex);
        } catch (PatternSyntaxException e) {
            throw refused(
                    place,
                    "holds '%s', which is no regular expression: %s".formatted(regex, e.getDescription()),
                    "correct the expression");
        }
    }

    /// The refusal of a value.
    ///
    /// @param problem in words that follow the key's name
    static BowlineException refused(JsonValue value, String problem, String fix) {
        return new LocatedException(
                value.location().source(),
                "%s: %s %s"
                        .formatted(value.location().position(), value.location().subject(), problem),
                fix);
    }
}
