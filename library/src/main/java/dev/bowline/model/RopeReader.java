package dev.bowline.model;

import dev.bowline.LocatedException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.nn.Rope;
import dev.bowline.nn.RopeScaling;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/// Reads a rotation from config.json in both spellings: `rope_parameters`, and `rope_scaling` with
/// `rope_theta` with the type under `rope_type` or `type` (transformers: `RotaryEmbeddingConfigMixin`).
public final class RopeReader {

    /// The keys of config.json that say how a model rotates.
    static final Set<String> KEYS = Set.of(
            "rope_parameters",
            "rope_scaling",
            "rope_theta",
            "partial_rotary_factor",
            "original_max_position_embeddings");

    private static final List<String> ATTENTION_TYPES = List.of("full_attention", "sliding_attention");

    private static final Set<String> OF_EVERY_TYPE =
            Set.of("rope_type", "type", "rope_theta", "partial_rotary_factor", "max_position_embeddings");

    /// The further keys of each type.
    private static final Map<String, Set<String>> OF_TYPE = Map.of(
            "default", Set.of(),
            "proportional", Set.of("factor"),
            "linear", Set.of("factor"),
            "dynamic", Set.of("factor", "original_max_position_embeddings"),
            "llama3", Set.of("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
            "yarn",
                    Set.of(
                            "factor",
                            "original_max_position_embeddings",
                            "attention_factor",
                            "beta_fast",
                            "beta_slow",
                            "mscale",
                            "mscale_all_dim",
                            "truncate"),
            "longrope",
                    Set.of(
                            "factor",
                            "short_factor",
                            "long_factor",
                            "attention_factor",
                            "original_max_position_embeddings"));

    /// Every type but `proportional`, which only Gemma 4 has.
    private static final Set<String> OF_WHOLE_HEADS =
            Set.of("default", "linear", "dynamic", "llama3", "yarn", "longrope");

    /// The assumptions of a family, and the types that it accepts.
    ///
    /// @param theta `rope_theta` where no level has one
    /// @param headWidth D, channels of a head
    /// @param maxPositions `max_position_embeddings`
    /// @param types the values of `rope_type` that the family has
    /// @param alsoReads further keys of the rotation's object that the family understands,
    ///     `partial_rotary_factor` where a part of each head may rotate
    public record Defaults(double theta, int headWidth, int maxPositions, Set<String> types, Set<String> alsoReads) {

        /// Whole heads rotate, by any type.
        public Defaults(double theta, int headWidth, int maxPositions) {
            this(theta, headWidth, maxPositions, OF_WHOLE_HEADS, Set.of());
        }

        public Defaults alsoReading(String... keys) {
            return new Defaults(theta, headWidth, maxPositions, types, Set.of(keys));
        }
    }

    private final JsonObject text;
    private final Defaults defaults;
    private final ConfigFindings findings;

    RopeReader(JsonObject text, Defaults defaults, ConfigFindings findings) {
        this.text = text;
        this.defaults = defaults;
        this.findings = findings;
    }

    /// The object that describes the one rotation of a model; empty where none does.
    static JsonObject object(JsonObject text) {
        return text.optionalObject("rope_scaling")
                .filter(object -> !object.fields().isEmpty())
                .or(() -> text.optionalObject("rope_parameters"))
                .orElseGet(JsonObject::of);
    }

    Rope read() {
        JsonObject rope = object(text);
        double theta = rope.optionalDouble("rope_theta")
                .orElse(text.optionalDouble("rope_theta").orElse(defaults.theta()));
        OptionalDouble topPart = text.optionalDouble("partial_rotary_factor");
        return rope(rope, theta, rope.optionalDouble("partial_rotary_factor").orElse(topPart.orElse(1)));
    }

    /// @param legacyKeys the base's, then perhaps the scaling's
    Rope read(String type, List<String> legacyKeys) {
        JsonObject types = text.optionalObject("rope_parameters").orElseGet(JsonObject::of);
        refuseOneForAll(types);
        JsonObject rope = types.optionalObject(type).orElseGet(JsonObject::of);
        if (legacyKeys.size() > 1) {
            rope = merged(rope, text.optionalObject(legacyKeys.get(1)).orElseGet(JsonObject::of));
        }
        // transformers looks for the key next to the attention types, where no file has it.
        rope = rope.without("truncate");
        double theta = rope.optionalDouble("rope_theta").orElse(legacyTheta(legacyKeys));
        return rope(rope, theta, rope.optionalDouble("partial_rotary_factor").orElse(1));
    }

    private double legacyTheta(List<String> legacyKeys) {
        return legacyKeys.isEmpty()
                ? defaults.theta()
                : text.optionalDouble(legacyKeys.getFirst()).orElse(defaults.theta());
    }

    private void refuseOneForAll(JsonObject types) {
        for (String key : types.keys()) {
            if (!ATTENTION_TYPES.contains(key)) {
                throw new LocatedException(
                        source(),
                        "%s: rope_parameters has '%s', but each kind of layer has a rotation of its own"
                                .formatted(source(), key),
                        "give rope_parameters an object for each of " + ATTENTION_TYPES);
            }
        }
    }

    private static JsonObject merged(JsonObject base, JsonObject changes) {
        JsonObject merged = base.fields().isEmpty() ? changes : base;
        for (String key : changes.keys()) {
            merged = merged.with(key, changes.require(key));
        }
        return merged;
    }

    private Rope rope(JsonObject rope, double theta, double part) {
        String type = type(rope);
        if (!defaults.types().contains(type) || !OF_TYPE.containsKey(type)) {
            throw new LocatedException(
                    source(),
                    "%s: rope_type '%s' is not supported for this architecture".formatted(typeLocation(rope), type),
                    "use one of " + new TreeSet<>(defaults.types()));
        }
        noteUnknown(rope, type);
        requirePositive("rope_theta", theta);
        rope.optionalDouble("factor").ifPresent(factor -> requirePositive("factor", factor));
        if (type.equals("proportional")) {
            double factor = rope.optionalDouble("factor").orElse(1);
            return new Rope(
                    theta, defaults.headWidth(), RopeScaling.Proportional.of(defaults.headWidth(), part, factor));
        }
        int width = (int) (defaults.headWidth() * rotatedPart(type, part));
        return new Rope(theta, width, scaling(rope, type, theta, width));
    }

    /// `rope_type`, or `type` in older files; early Phi-3 files call longrope `su` or `yarn`.
    private String type(JsonObject rope) {
        String type = rope.optionalString("rope_type")
                .or(() -> rope.optionalString("type"))
                .orElse("default");
        boolean early = type.equals("su") || type.equals("yarn");
        return early && !defaults.types().contains("yarn") ? "longrope" : type;
    }

    /// The part of each head that rotates. A class that rotates whole heads computes the default type for the
    /// whole head, and fails with every other.
    private double rotatedPart(String type, double part) {
        if (part == 1 || defaults.alsoReads().contains("partial_rotary_factor")) {
            return part;
        }
        if (!type.equals("default")) {
            throw new LocatedException(
                    source(),
                    "%s: partial_rotary_factor %s is not supported for this architecture".formatted(source(), part),
                    "use a checkpoint that rotates whole heads");
        }
        findings.note(
                "partial_rotary_factor",
                "partial_rotary_factor %s of config.json is not used: this architecture rotates whole heads"
                        .formatted(part));
        return 1;
    }

    private void noteUnknown(JsonObject rope, String type) {
        Set<String> known = Objects.requireNonNull(OF_TYPE.get(type));
        for (String key : rope.keys()) {
            if (rope.require(key) instanceof JsonObject) {
                throw new LocatedException(
                        source(),
                        "%s: '%s' of the rotation is an object, but all layers have one rotation"
                                .formatted(source(), key),
                        "give the rotation itself, as {\"rope_type\": …, \"rope_theta\": …}");
            }
            boolean hasValue = !(rope.require(key) instanceof JsonNull);
            if (hasValue
                    && !OF_EVERY_TYPE.contains(key)
                    && !known.contains(key)
                    && !defaults.alsoReads().contains(key)) {
                findings.note(
                        "rotation." + key,
                        "%s of the rotation in config.json is not used: rope_type '%s' does not read it"
                                .formatted(key, type));
            }
        }
    }

    private RopeScaling scaling(JsonObject rope, String type, double theta, int width) {
        return switch (type) {
            case "default" -> new RopeScaling.None();
            case "linear" -> new RopeScaling.Linear(rope.requireDouble("factor"));
            case "dynamic" -> new RopeScaling.Dynamic(rope.requireDouble("factor"), defaults.maxPositions());
            case "llama3" ->
                new RopeScaling.Llama3(
                        rope.requireDouble("factor"),
                        rope.requireDouble("low_freq_factor"),
                        rope.requireDouble("high_freq_factor"),
                        original(rope));
            case "yarn" -> yarn(rope, theta, width);
            case "longrope" -> longRope(rope, width);
            default -> throw new IllegalArgumentException(type);
        };
    }

    private RopeScaling yarn(JsonObject rope, double theta, int width) {
        int original = original(rope);
        OptionalDouble written = rope.optionalDouble("factor");
        double factor = written.orElse((double) defaults.maxPositions() / original);
        double mscale = rope.optionalDouble("mscale").orElse(0);
        double mscaleAll = rope.optionalDouble("mscale_all_dim").orElse(0);
        double inferred = mscale != 0 && mscaleAll != 0
                ? magnitude(factor, mscale) / magnitude(factor, mscaleAll)
                : magnitude(factor, 1);
        RopeScaling.Yarn.Turns turns = new RopeScaling.Yarn.Turns(
                nonZero(rope.optionalDouble("beta_fast"), 32),
                nonZero(rope.optionalDouble("beta_slow"), 1),
                rope.optionalBoolean("truncate").orElse(true));
        return new RopeScaling.Yarn(
                factor,
                original,
                RopeScaling.Yarn.Ramp.of(theta, width, original, turns),
                rope.optionalDouble("attention_factor").orElse(inferred));
    }

    private static double magnitude(double factor, double scale) {
        return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    }

    private static double nonZero(OptionalDouble value, double otherwise) {
        return value.orElse(0) == 0 ? otherwise : value.getAsDouble();
    }

    private RopeScaling longRope(JsonObject rope, int width) {
        int original = original(rope);
        double factor = rope.optionalDouble("factor").orElse((double) defaults.maxPositions() / original);
        double inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
        return new RopeScaling.LongRope(
                factors(rope, "short_factor", width),
                factors(rope, "long_factor", width),
                original,
                rope.optionalDouble("attention_factor").orElse(inferred));
    }

    private List<Double> factors(JsonObject rope, String key, int width) {
        JsonArray array = rope.requireArray(key);
        List<Double> factors = array.doubles();
        if (factors.size() != width / 2) {
            throw new LocatedException(
                    source(),
                    "%s: %s has %d numbers, but %d pairs of channels rotate"
                            .formatted(source(), key, factors.size(), width / 2),
                    "use the checkpoint's original config.json");
        }
        return factors;
    }

    /// The positions of the pretraining: a key of the config itself comes before one of the rotation.
    private int original(JsonObject rope) {
        OptionalInt top = text.optionalInt("original_max_position_embeddings");
        OptionalInt own = rope.optionalInt("original_max_position_embeddings");
        int original = top.orElse(own.orElse(defaults.maxPositions()));
        requirePositive("original_max_position_embeddings", original);
        return original;
    }

    private void requirePositive(String key, double value) {
        if (!(value > 0)) {
            throw new LocatedException(
                    source(),
                    "%s: %s of the rotation is %s".formatted(source(), key, value),
                    "it must be greater than 0; use the checkpoint's original config.json");
        }
    }

    /// The place of the type, or the file where no key names it.
    private String typeLocation(JsonObject rope) {
        return rope.get("rope_type")
                .or(() -> rope.get("type"))
                .map(type -> type.location().position())
                .orElse(source());
    }

    private String source() {
        return text.location().source();
    }
}
