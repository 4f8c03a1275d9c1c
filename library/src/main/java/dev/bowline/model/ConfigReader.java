package dev.bowline.model;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.nn.Activation;
import dev.bowline.nn.Linear;
import dev.bowline.nn.Rope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.IntPredicate;

/// Reads the level of config.json that describes a decoder, with a family's defaults for absent keys, and
/// remembers which keys it was asked for: [#refuseWhatWasNotRead] then refuses a feature that nobody built.
public final class ConfigReader {

    private static final String SLIDING = "sliding_attention";
    private static final String FULL = "full_attention";

    private final JsonObject text;
    private final ConfigFindings findings;
    private final Set<String> read = new HashSet<>();

    /// @param findings takes the keys that are not used
    public ConfigReader(JsonObject text, ConfigFindings findings) {
        this.text = text;
        this.findings = findings;
    }

    /// A null is absent.
    public int integer(String key, int otherwise) {
        return optionalInteger(key).orElse(otherwise);
    }

    /// A whole number of at least 1, such as every how many layers something is.
    public int every(String key, int otherwise) {
        int every = integer(key, otherwise);
        DecoderConfig.requirePositive(key, every);
        return every;
    }

    /// `num_hidden_layers`.
    public int layers(int otherwise) {
        int layers = integer("num_hidden_layers", otherwise);
        DecoderConfig.requireWithin("num_hidden_layers", layers, DecoderConfig.MOST_LAYERS);
        return layers;
    }

    public OptionalInt optionalInteger(String key) {
        read.add(key);
        return text.optionalInt(key);
    }

    public double number(String key, double otherwise) {
        return optionalNumber(key).orElse(otherwise);
    }

    public OptionalDouble optionalNumber(String key) {
        read.add(key);
        return text.optionalDouble(key);
    }

    public boolean flag(String key) {
        return flag(key, false);
    }

    public boolean flag(String key, boolean otherwise) {
        read.add(key);
        return text.optionalBoolean(key).orElse(otherwise);
    }

    /// Whether a flag asks for biases.
    public Linear.Bias bias(String key) {
        return flag(key) ? Linear.Bias.PRESENT : Linear.Bias.NONE;
    }

    /// A list of whole numbers, if it is there.
    public Optional<List<Integer>> integers(String key) {
        read.add(key);
        return text.optionalArray(key).map(JsonArray::ints);
    }

    /// A key that is there and null is null, as for `sliding_window`; `otherwise` is for one that is not there.
    public OptionalInt nullable(String key, OptionalInt otherwise) {
        read.add(key);
        return text.has(key) ? text.optionalInt(key) : otherwise;
    }

    /// As [#nullable(String, OptionalInt)].
    public OptionalDouble nullable(String key, OptionalDouble otherwise) {
        read.add(key);
        return text.has(key) ? text.optionalDouble(key) : otherwise;
    }

    /// `pad_token_id`: null leaves the embedding without a padding row.
    public OptionalLong paddingId(OptionalLong otherwise) {
        read.add("pad_token_id");
        return text.has("pad_token_id") ? text.optionalLong("pad_token_id") : otherwise;
    }

    /// `hidden_act` or `hidden_activation`.
    public Activation activation(String key, Activation otherwise) {
        read.add(key);
        Optional<String> name = text.optionalString(key);
        if (name.isEmpty()) {
            return otherwise;
        }
        return Arrays.stream(Activation.values())
                .filter(activation -> activation.configNames().contains(name.get()))
                .findFirst()
                .orElseThrow(() -> unsupported(
                        key,
                        "'%s'".formatted(name.get()),
                        "use one of "
                                + Arrays.stream(Activation.values())
                                        .map(activation ->
                                                activation.configNames().getFirst())
                                        .toList()));
    }

    /// Which layers slide, by `layer_types`, or by a rule where that is absent.
    public List<Boolean> slidingLayers(int count, IntPredicate otherwise) {
        read.add("layer_types");
        List<Boolean> sliding = new ArrayList<>();
        Optional<JsonArray> written = text.optionalArray("layer_types");
        if (written.isEmpty()) {
            for (int i = 0; i < count; i++) {
                sliding.add(otherwise.test(i));
            }
            return sliding;
        }
        for (JsonValue type : written.get().values()) {
            String name = type.asString();
            if (!name.equals(SLIDING) && !name.equals(FULL)) {
                throw type.mistyped("'%s' or '%s'".formatted(SLIDING, FULL));
            }
            sliding.add(name.equals(SLIDING));
        }
        if (sliding.size() != count) {
            throw new LocatedException(
                    text.location().source(),
                    "%s: layer_types has %d entries, num_hidden_layers is %d"
                            .formatted(text.location().source(), sliding.size(), count),
                    "use the checkpoint's original config.json");
        }
        return sliding;
    }

    /// Windows per layer for families whose `layer_types` mean something only with `use_sliding_window`.
    ///
    /// @param window of the layers that slide
    public List<OptionalInt> windows(int count, IntPredicate otherwise, OptionalInt window) {
        List<Boolean> sliding = slidingLayers(count, layer -> window.isPresent() && otherwise.test(layer));
        if (window.isEmpty() && sliding.contains(true)) {
            throw unsupported("layer_types", "'%s' without a sliding_window".formatted(SLIDING), "give sliding_window");
        }
        return sliding.stream()
                .map(slides -> slides ? window : OptionalInt.empty())
                .toList();
    }

    /// Query heads, key/value heads and the size of a head.
    ///
    /// @param queries `num_attention_heads` where absent
    /// @param keyValues `num_key_value_heads` where absent; null means as many as query heads
    /// @param width `head_dim` where absent; empty, or null in the file, for hidden / query heads
    public AttentionConfig.Heads heads(int queries, OptionalInt keyValues, OptionalInt width, int hidden) {
        int asked = integer("num_attention_heads", queries);
        return new AttentionConfig.Heads(
                asked,
                nullable("num_key_value_heads", keyValues).orElse(asked),
                nullable("head_dim", width).orElse(hidden / Math.max(1, asked)));
    }

    /// A number inside the rotation's own object, in either spelling.
    public OptionalDouble ropeNumber(String key) {
        return RopeReader.object(text).optionalDouble(key);
    }

    /// The rotation that the whole model shares, in either spelling.
    public Rope rope(RopeReader.Defaults defaults) {
        read.addAll(RopeReader.KEYS);
        return new RopeReader(text, defaults, findings).read();
    }

    /// The rotation of one attention type, where `rope_parameters` has one for each.
    ///
    /// @param legacyKeys the keys of older files that say the same, its base first, then perhaps its scaling
    public Rope rope(String type, RopeReader.Defaults defaults, List<String> legacyKeys) {
        read.add("rope_parameters");
        read.addAll(legacyKeys);
        // transformers reads it inside each attention type's object only.
        JsonObject inside = text.without("original_max_position_embeddings");
        return new RopeReader(inside, defaults, findings).read(type, legacyKeys);
    }

    /// The keys read so far.
    public Set<String> keys() {
        return Set.copyOf(read);
    }

    /// Records a dropout, which transformers applies in training.
    public void dropout(String key) {
        read.add(key);
        OptionalDouble probability = text.optionalDouble(key);
        if (probability.isPresent() && probability.getAsDouble() != 0) {
            findings.add(new Dropout(key, probability.getAsDouble()));
        }
    }

    /// Notes that transformers' class does not use a key of every class.
    ///
    /// @param reason completes "… is not used: "
    public void ignore(String key, String reason) {
        read.add(key);
        text.get(key)
                .filter(value -> !(value instanceof JsonNull))
                .ifPresent(_ -> findings.note(key, "%s of config.json is not used: %s".formatted(key, reason)));
    }

    /// Refuses a key of any family that changes what a model computes, is set to do so, and was not read.
    ///
    /// @param architecture for the message
    public void refuseWhatWasNotRead(String architecture) {
        FeatureKeys.refuse(text, read, architecture);
    }

    /// Refuses such a key if transformers' class reads it, and notes it if the class does not.
    ///
    /// @param architecture for the messages
    /// @param used the keys that this class reads in transformers and that are not built
    public void settleWhatWasNotRead(String architecture, String... used) {
        FeatureKeys.settle(text, read, Set.of(used), architecture, findings);
    }

    private BowlineException unsupported(String key, String value, String fix) {
        return new LocatedException(
                text.location().source(),
                "%s: %s %s is not supported".formatted(text.location().source(), key, value),
                fix);
    }
}
