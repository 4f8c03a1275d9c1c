package dev.bowline.model.gemma4;

import dev.bowline.LocatedException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.ConfigReader;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// `per_layer_config`: the layers that differ from the rest, by index.
///
/// transformers pads the indices with zeros to one width ("04" and "34"), so the reader parses a key as a number.
final class LayerOverrides {

    /// The keys that one layer may override.
    private static final Set<String> BUILT = Set.of("head_dim", "num_key_value_heads");

    private static final Pattern INDEX = Pattern.compile("\\s*\\+?0*[0-9]{1,9}\\s*");

    private final Map<Integer, JsonObject> layers;

    private LayerOverrides(Map<Integer, JsonObject> layers) {
        this.layers = Map.copyOf(layers);
    }

    static LayerOverrides none() {
        return new LayerOverrides(Map.of());
    }

    /// @param keys the config that the layers differ from
    /// @param written the value of `per_layer_config`
    /// @param count `num_hidden_layers`
    static LayerOverrides read(ConfigReader keys, JsonObject written, int count) {
        Map<Integer, String> spellings = new HashMap<>();
        Map<Integer, JsonObject> layers = new HashMap<>();
        for (String key : written.keys()) {
            int index = index(written, key, count);
            String other = spellings.put(index, key);
            if (other != null) {
                throw new LocatedException(
                        written.require(key).location().source(),
                        "%s: per_layer_config has '%s' and '%s' for one layer"
                                .formatted(written.require(key).location().position(), other, key),
                        "keep one of them; use the checkpoint's original config.json");
            }
            JsonObject layer = written.requireObject(key);
            requireBuilt(keys, layer, index);
            layers.put(index, layer);
        }
        return new LayerOverrides(layers);
    }

    OptionalInt get(int layer, String key) {
        JsonObject overrides = layers.get(layer);
        return overrides == null ? OptionalInt.empty() : overrides.optionalInt(key);
    }

    private static int index(JsonObject written, String key, int count) {
        boolean isIndex = INDEX.matcher(key).matches() && Integer.parseInt(digits(key)) < count;
        if (!isIndex) {
            throw new LocatedException(
                    written.require(key).location().source(),
                    "%s: per_layer_config has the key '%s', num_hidden_layers is %d"
                            .formatted(written.require(key).location().position(), key, count),
                    "each key must be the index of a layer, from 0 to %d".formatted(count - 1));
        }
        return Integer.parseInt(digits(key));
    }

    private static String digits(String key) {
        String digits = key.strip().replaceFirst("^\\+?0*", "");
        return digits.isEmpty() ? "0" : digits;
    }

    private static void requireBuilt(ConfigReader keys, JsonObject layer, int index) {
        for (String key : layer.keys()) {
            if (!BUILT.contains(key) && !changesNothing(keys, key, layer.require(key))) {
                throw new LocatedException(
                        layer.require(key).location().source(),
                        "%s: per_layer_config gives layer %d a %s of its own, which is not supported"
                                .formatted(layer.require(key).location().position(), index, key),
                        "use a checkpoint whose layers differ in " + new TreeSet<>(BUILT) + " at most");
            }
        }
    }

    /// The value of the whole model, or no sub-layer to skip.
    private static boolean changesNothing(ConfigReader keys, String key, JsonValue value) {
        return key.equals("skip")
                ? value instanceof JsonArray skipped && skipped.values().isEmpty()
                : keys.written(key).filter(value::equals).isPresent();
    }
}
