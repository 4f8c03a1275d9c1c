package dev.bowline.model.gemma4;

import dev.bowline.LocatedException;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.model.ConfigFindings;
import dev.bowline.nn.Rope;
import dev.bowline.nn.RopeScaling;
import java.util.Map;
import java.util.Set;

/// Reads one entry of `rope_parameters`: the rotation of the layers of one attention type.
final class Gemma4RopeReader {

    private static final double SLIDING_THETA = 10_000;
    private static final double FULL_THETA = 1_000_000;
    private static final double FULL_FRACTION = 0.25;

    /// The keys that each type reads in addition to `rope_type` and `rope_theta`.
    private static final Map<String, Set<String>> OF_TYPE =
            Map.of("default", Set.of(), "proportional", Set.of("partial_rotary_factor", "factor"));

    private Gemma4RopeReader() {}

    /// The rotation of sliding layers where config.json has none.
    static Rope sliding(int headDim) {
        return new Rope(SLIDING_THETA, headDim, new RopeScaling.None());
    }

    /// The rotation of full layers where config.json has none.
    static Rope full(int headDim) {
        return proportional(FULL_THETA, headDim, FULL_FRACTION, 1);
    }

    /// @param findings takes the keys that the type does not read
    static Rope read(JsonObject rope, int headDim, ConfigFindings findings) {
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
            case "default" -> new Rope(theta, headDim, new RopeScaling.None());
            case "proportional" ->
                proportional(
                        theta,
                        headDim,
                        rope.optionalDouble("partial_rotary_factor").orElse(1),
                        rope.optionalDouble("factor").orElse(1));
            default ->
                throw new LocatedException(
                        rope.require("rope_type").location().source(),
                        "%s: rope_type '%s' is not one that Gemma 4 has"
                                .formatted(rope.require("rope_type").location(), type),
                        "use 'default' or 'proportional'");
        };
    }

    private static Rope proportional(double theta, int headDim, double fraction, double factor) {
        int pairs = (int) Math.floor(fraction * headDim / 2);
        return new Rope(theta, headDim, new RopeScaling.Proportional(pairs, factor));
    }
}
