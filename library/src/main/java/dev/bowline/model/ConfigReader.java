package dev.bowline.model;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.decoder.AttentionConfig;
import dev.bowline.model.decoder.DecoderConfig;
import dev.bowline.model.decoder.FeedForwardConfig;
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

/// Reads the level of config.json that describes a decoder, with a family's defaults for absent keys. The reader
/// remembers the keys that it was asked for, so that [Architecture] can refuse a feature that is not built.
public final class ConfigReader {

    private static final String SLIDING = "sliding_attention";
    private static final String FULL = "full_attention";

    private final JsonObject top;
    private JsonObject text;
    private final ConfigFindings findings;
    private final Set<String> read = new HashSet<>();

    /// @param top the whole config.json
    /// @param text the level that describes the decoder
    /// @param findings takes the keys that are not used
    ConfigReader(JsonObject top, JsonObject text, ConfigFindings findings) {
        this.top = top;
        this.text = text;
        this.findings = findings;
    }

    /// Sets a key that the class assumes where config.json has none.
    public void assume(String key, JsonValue value) {
        if (text.get(key).filter(written -> !(written instanceof JsonNull)).isEmpty()) {
            text = text.with(key, value);
        }
    }

    /// True if config.json describes a rotation, in either spelling.
    public boolean hasRope() {
        return text.optionalObject("rope_parameters").isPresent()
                || text.optionalObject("rope_scaling").isPresent();
    }

    /// A token id of the top level.
    public OptionalLong topLevelId(String key) {
        return top.optionalLong(key);
    }

    public int requireInteger(String key) {
        read.add(key);
        return text.requireInt(key);
    }

    /// The value as written, for a comparison.
    public Optional<JsonValue> written(String key) {
        return text.get(key);
    }

    public boolean has(String key) {
        return text.has(key);
    }

    /// The file, for a message.
    public String source() {
        return text.location().source();
    }

    /// The sizes of a decoder, with the defaults of a class.
    ///
    /// @param padding `pad_token_id` where absent
    public DecoderConfig.Size size(int vocabulary, int hidden, int maxPositions, double epsilon, OptionalLong padding) {
        return new DecoderConfig.Size(
                integer("vocab_size", vocabulary),
                integer("hidden_size", hidden),
                integer("max_position_embeddings", maxPositions),
                number("rms_norm_eps", epsilon),
                number("initializer_range", 0.02),
                paddingId(padding));
    }

    /// A dense feed-forward.
    ///
    /// @param width `intermediate_size` where absent
    public FeedForwardConfig.Gated gated(int width, Linear.Bias bias) {
        return new FeedForwardConfig.Gated(integer("intermediate_size", width), bias);
    }

    public Optional<String> string(String key) {
        read.add(key);
        return text.optionalString(key);
    }

    public Optional<JsonObject> object(String key) {
        read.add(key);
        return text.optionalObject(key);
    }

    /// A null is absent.
    public int integer(String key, int otherwise) {
        return optionalInteger(key).orElse(otherwise);
    }

    /// A whole number of at least 1, such as the interval between layers of a kind.
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

    /// True if a flag asks for biases.
    public Linear.Bias bias(String key) {
        return flag(key) ? Linear.Bias.PRESENT : Linear.Bias.NONE;
    }

    /// A list of whole numbers, if the key is present.
    public Optional<List<Integer>> integers(String key) {
        read.add(key);
        return text.optionalArray(key).map(JsonArray::ints);
    }

    /// A present null means no value, as for `sliding_window`; `otherwise` replaces an absent key.
    public OptionalInt nullable(String key, OptionalInt otherwise) {
        read.add(key);
        return text.has(key) ? text.optionalInt(key) : otherwise;
    }

    /// The same for numbers that need not be whole.
    public OptionalDouble nullable(String key, OptionalDouble otherwise) {
        read.add(key);
        return text.has(key) ? text.optionalDouble(key) : otherwise;
    }

    /// `pad_token_id`: null leaves the embedding without a padding row.
    public OptionalLong paddingId(OptionalLong otherwise) {
        read.add("pad_token_id");
        return text.has("pad_token_id") ? text.optionalLong("pad_token_id") : otherwise;
    }

    /// The activation of a Gemma. In a file with two keys, transformers reads `hidden_activation`.
    public Activation gemmaActivation() {
        Activation activation = activation("hidden_activation", Activation.GELU_TANH);
        activation("hidden_act", activation);
        return activation;
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

    /// The layers that slide, by `layer_types`, or by a rule where the key is absent.
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

    /// The window of a class that has one only with `use_sliding_window`.
    ///
    /// @param otherwise `sliding_window` where absent
    public OptionalInt windowIfUsed(OptionalInt otherwise) {
        OptionalInt written = nullable("sliding_window", otherwise);
        return flag("use_sliding_window") ? written : OptionalInt.empty();
    }

    /// Windows of a Qwen: layers from `max_window_layers` on slide where `use_sliding_window` is set and
    /// `layer_types` does not say.
    public List<OptionalInt> windowsOfLastLayers(int count) {
        OptionalInt window = windowIfUsed(OptionalInt.of(4096));
        int firstSliding = integer("max_window_layers", 28);
        return windows(count, layer -> layer >= firstSliding, window);
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

    /// The rotation that the whole model shares, of whole heads, by any type.
    ///
    /// @param theta `rope_theta` where absent
    public Rope rope(double theta, AttentionConfig.Heads heads, DecoderConfig.Size size) {
        return rope(new RopeReader.Defaults(theta, heads.width(), size.maxPositions()));
    }

    /// The rotation that the whole model shares, in either spelling.
    public Rope rope(RopeReader.Defaults defaults) {
        read.addAll(RopeReader.KEYS);
        return new RopeReader(text, defaults, findings).read();
    }

    /// The rotation of one attention type, where `rope_parameters` has one for each.
    ///
    /// @param legacyKeys the keys of older files with the same meaning: the base first, then the scaling, if any
    public Rope rope(String type, RopeReader.Defaults defaults, List<String> legacyKeys) {
        read.add("rope_parameters");
        read.addAll(legacyKeys);
        // transformers reads it inside each attention type's object only.
        JsonObject inside = text.without("original_max_position_embeddings");
        return new RopeReader(inside, defaults, findings).read(type, legacyKeys);
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

    /// Settles the keys that change what a decoder computes, are set to do so, and were not read.
    ///
    /// @param architecture for the messages
    void settleUnread(String architecture, Architecture.Unread unread) {
        switch (unread) {
            case Architecture.Unread.AsInTransformers(Set<String> used) ->
                FeatureKeys.settle(text, read, used, architecture, findings);
            case Architecture.Unread.Refused _ -> FeatureKeys.refuse(text, read, architecture);
        }
    }

    private BowlineException unsupported(String key, String value, String fix) {
        return new LocatedException(
                text.location().source(),
                "%s: %s %s is not supported".formatted(text.location().source(), key, value),
                fix);
    }
}
