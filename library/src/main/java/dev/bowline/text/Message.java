package dev.bowline.text;

import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import java.util.Optional;

/// One turn of a conversation, with all its fields as the template will see them.
///
/// @param fields `role`, mostly `content`, and whatever else there is: `tool_calls`, `name`, `reasoning_content`
public record Message(JsonObject fields) {

    private static final String ASSISTANT = "assistant";

    /// Refuses a message without a role, naming its place.
    public Message {
        fields.requireString("role");
    }

    public static Message of(String role, String content) {
        return new Message(JsonObject.of().with("role", role).with("content", content));
    }

    public static Message system(String content) {
        return of("system", content);
    }

    public static Message user(String content) {
        return of("user", content);
    }

    public static Message assistant(String content) {
        return of(ASSISTANT, content);
    }

    public String role() {
        return fields.requireString("role");
    }

    public boolean isAnswer() {
        return role().equals(ASSISTANT);
    }

    /// The content, if it is plain text.
    public Optional<String> text() {
        return fields.get("content").filter(JsonString.class::isInstance).map(content -> content.asString());
    }
}
