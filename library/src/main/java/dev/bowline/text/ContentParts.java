package dev.bowline.text;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.Optional;

/// A `content` that is a list of texts: `[{"type": "text", "text": …}]`.
final class ContentParts {

    private static final String CONTENT = "content";

    private ContentParts() {}

    /// The message with its texts as one, without anything between them; a content with other parts stays.
    static JsonObject joined(JsonObject message) {
        Optional<JsonArray> parts = parts(message);
        if (parts.isEmpty()) {
            return message;
        }
        StringBuilder joined = new StringBuilder();
        for (JsonValue part : parts.get().values()) {
            Optional<String> text = text(part);
            if (text.isEmpty()) {
                return message;
            }
            joined.append(text.get());
        }
        return message.with(CONTENT, joined.toString());
    }

    /// True if a rendering holds the contents of all messages, and no list in its printed form.
    static boolean areWritten(Conversation conversation, String rendering) {
        return conversation.messages().stream()
                .flatMap(message -> message.get(CONTENT).stream())
                .allMatch(content -> isWritten(content, rendering));
    }

    private static boolean isWritten(JsonValue content, String rendering) {
        boolean isListItself = content instanceof JsonArray parts && ToolArguments.isListIn(parts, rendering);
        return !isListItself
                && UnrenderedText.of(JsonObject.of().with(CONTENT, content), rendering)
                        .isEmpty();
    }

    private static Optional<JsonArray> parts(JsonObject message) {
        return message.get(CONTENT)
                .filter(JsonArray.class::isInstance)
                .map(JsonArray.class::cast)
                .filter(parts -> parts.size() > 0);
    }

    private static Optional<String> text(JsonValue part) {
        return switch (part) {
            case JsonString text -> Optional.of(text.value());
            case JsonObject object -> {
                String type = object.get("type")
                        .filter(JsonString.class::isInstance)
                        .map(JsonValue::asString)
                        .orElse("text");
                yield type.equals("text")
                        ? object.get("text")
                                .filter(JsonString.class::isInstance)
                                .map(JsonValue::asString)
                        : Optional.empty();
            }
            default -> Optional.empty();
        };
    }
}
