package dev.bowline.model.gemma4;

import dev.bowline.BowlineException;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.nn.RotaryEmbedding;
import java.util.Map;
import java.util.Set;

/// One entry of `rope_parameters`: how the layers of one attention type rotate.
///
/// @param theta `rope_theta`
/// @param rotatedFraction the share of channel pairs that turn: all for `default`, `partial_rotary_factor` for
///     `proportional`
/// @param factor divides the frequencies; 1 for none
record RotarySettings(double theta, double rotatedFraction, double factor) {

    static final RotarySettings SLIDING = new RotarySettings(10_000, 1, 1);
    static final RotarySettings FULL = new RotarySettings(1_000_000, 0.25, 1);

    /// The keys that each type reads in addition to `rope_type` and `rope_theta`.
    private static final Map<String, Set<String>> OF_TYPE =
            Map.of("default", Set.of(), "proportional", Set.of("partial_rotary_factor", "factor"));

    /// @param findings takes the keys that the type does not read
    static RotarySettings parse(JsonObject rope, ConfigFindings findings) {
        String type = rope.optionalString("rope_type").orElse("default");
        double theta = rope.requireDouble("rope_theta");
        Set<String> read = OF_TYPE.getOrDefault(type, rope.keys());
        rope.keys().stream()
                .filter(key -> !read.contains(key) && !key.equals("rope_type") && !key.equals("rope_theta"))
                .filter(key -> !(rope.require(key) instanceof JsonNull))
                .forEach(key -> findings.note(
                        "rotation." + key,
                        "%s of the rotation in config.json is not used: rope_type '%s' does not read it"
                                .formatted(key, type)));
        return switch (type) {
            case "default" -> new RotarySettings(theta, 1, 1);
            case "proportional" ->
                new RotarySettings(
                        theta,
                        rope.optionalDouble("partial_rotary_factor").orElse(1),
                        rope.optionalDouble("factor").orElse(1));
            default ->
                throw new BowlineException(
                        "%s: rope_type '%s' is not one that Gemma 4 has"
                                .formatted(rope.require("rope_type").location(), type),
                        "use 'default' or 'proportional'");
        };
    }

    /// Frequencies θ^(−2j/D) with D the whole head for the pairs that turn, and 0 for the rest.
    RotaryEmbedding rotary(int headDim) {
        int rotatedPairs = (int) Math.floor(rotatedFraction * headDim / 2);
        return new RotaryEmbedding(theta, headDim, rotatedPairs, factor);
    }
}
