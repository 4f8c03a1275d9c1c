package dev.bowline.text;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// Messages in OpenAI's form, with whatever fields the template wants to see.
///
/// @param messages each with a `role`, first to last
/// @param tools declared to the model, if any
public record Conversation(List<JsonObject> messages, Optional<JsonArray> tools) {

    public static final String ASSISTANT = "assistant";

    public Conversation {
        messages = List.copyOf(messages);
    }

    public static Conversation of(List<JsonObject> messages) {
        return new Conversation(messages, Optional.empty());
    }

    /// A message with text.
    public static JsonObject message(String role, String content) {
        return JsonObject.of().with("role", role).with("content", content);
    }

    public boolean isAssistant(int message) {
        return messages.get(message).requireString("role").equals(ASSISTANT);
    }

    /// The indices of the assistant's messages.
    List<Integer> answers() {
        return java.util.stream.IntStream.range(0, messages.size())
                .filter(this::isAssistant)
                .boxed()
                .toList();
    }

    /// With every message changed.
    Conversation map(UnaryOperator<JsonObject> change) {
        return new Conversation(messages.stream().map(change).toList(), tools);
    }

    /// The first `count` messages.
    public Conversation prefix(int count) {
        return new Conversation(messages.subList(0, count), tools);
    }

    /// With one more message at the end.
    public Conversation plus(JsonObject message) {
        List<JsonObject> longer = new java.util.ArrayList<>(messages);
        longer.add(message);
        return new Conversation(longer, tools);
    }
}
