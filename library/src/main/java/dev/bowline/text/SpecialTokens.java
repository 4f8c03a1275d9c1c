package dev.bowline.text;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// The special tokens that tokenizer_config.json names: `bos_token`, `eos_token`, `pad_token` and the like.
///
/// @param texts each one's text by its name in the file
record SpecialTokens(Map<String, String> texts) {

    static SpecialTokens read(Path directory) {
        Path file = directory.resolve("tokenizer_config.json");
        if (!Files.exists(file)) {
            return new SpecialTokens(Map.of());
        }
        JsonObject config = Json.parse(file).asObject();
        Map<String, String> texts = new LinkedHashMap<>();
        config.fields().forEach((key, value) -> {
            if (key.endsWith("_token")) {
                text(value).ifPresent(token -> texts.put(key, token));
            }
        });
        return new SpecialTokens(texts);
    }

    /// A token is written as its text, or as an object with the text in `content`.
    private static Optional<String> text(JsonValue value) {
        return switch (value) {
            case JsonString string -> Optional.of(string.value());
            case JsonObject object -> object.optionalString("content");
            default -> Optional.empty();
        };
    }
}
