package dev.bowline.data;

import dev.bowline.LocatedException;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.List;
import java.util.Optional;

/// Refuses content that is not text. A template would drop it, or write a placeholder without content, and the
/// model would learn to answer without the content.
final class NonTextContent {

    private static final List<String> KINDS = List.of("image", "audio", "video", "file");

    private NonTextContent() {}

    static void refuse(JsonObject message) {
        Optional<JsonValue> content = message.get("content");
        if (content.isPresent() && content.get() instanceof JsonArray parts) {
            for (JsonValue part : parts.values()) {
                if (part instanceof JsonObject object) {
                    refusePart(object);
                }
            }
        }
    }

    private static void refusePart(JsonObject part) {
        Optional<String> media =
                part.get("type").isPresent() && part.get("type").get() instanceof JsonString type
                        ? Optional.of(type.value()).filter(NonTextContent::isMedia)
                        : part.keys().stream().filter(NonTextContent::isMedia).findFirst();
        if (media.isPresent()) {
            throw new LocatedException(
                    part.location().source(),
                    "%s: %s is of the type '%s', and training takes text only"
                            .formatted(
                                    part.location().position(), part.location().subject(), media.get()),
                    "remove the part, or the row");
        }
    }

    /// `image`, `image_url`, `input_audio` …
    private static boolean isMedia(String name) {
        return KINDS.stream()
                .anyMatch(kind -> name.equals(kind) || name.startsWith(kind + "_") || name.endsWith("_" + kind));
    }
}
