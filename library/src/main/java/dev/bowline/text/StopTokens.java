package dev.bowline.text;

import dev.bowline.RegularFile;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedSet;
import java.util.TreeSet;

/// The tokens after which generation ends, as a checkpoint's `eos_token_id` says.
public final class StopTokens {

    private static final String KEY = "eos_token_id";

    private StopTokens() {}

    /// Those of generation_config.json; where it names none, those of config.json, then of its text_config.
    ///
    /// @param config config.json
    /// @param generationConfig generation_config.json, if the checkpoint has one
    /// @return in ascending order; empty if none is named
    public static SequencedSet<Integer> of(JsonObject config, Optional<JsonObject> generationConfig) {
        SequencedSet<Integer> stops =
                generationConfig.map(chosen -> ids(chosen, KEY)).orElseGet(TreeSet::new);
        if (stops.isEmpty()) {
            stops = ids(config, KEY);
        }
        if (stops.isEmpty()) {
            stops = config.optionalObject("text_config")
                    .map(text -> ids(text, KEY))
                    .orElseGet(TreeSet::new);
        }
        return stops;
    }

    /// Those of a Hugging Face directory.
    public static SequencedSet<Integer> in(Path directory) {
        Path generationConfig = directory.resolve("generation_config.json");
        return of(
                Json.parse(directory.resolve("config.json")).asObject(),
                RegularFile.isPresent(generationConfig)
                        ? Optional.of(Json.parse(generationConfig).asObject())
                        : Optional.empty());
    }

    /// One id or a list of them.
    public static SequencedSet<Integer> ids(JsonObject object, String key) {
        if (object.get(key).isPresent() && object.require(key) instanceof JsonNumber) {
            OptionalInt one = object.optionalInt(key);
            return new TreeSet<>(List.of(one.getAsInt()));
        }
        return new TreeSet<>(object.optionalArray(key).map(JsonArray::ints).orElseGet(List::of));
    }
}
