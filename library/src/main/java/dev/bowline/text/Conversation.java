package dev.bowline.text;

import dev.bowline.json.JsonObject;
import java.util.ArrayList;
import java.util.List;

/// Turns in order, and the tools that may be called in them.
///
/// @param tools JSON schemas of functions, in OpenAI's form
public record Conversation(List<Message> messages, List<JsonObject> tools) {

    public Conversation {
        messages = List.copyOf(messages);
        tools = List.copyOf(tools);
    }

    public static Conversation of(Message... messages) {
        return new Conversation(List.of(messages), List.of());
    }

    /// The first `count` turns.
    public Conversation first(int count) {
        return new Conversation(messages.subList(0, count), tools);
    }

    public Conversation plus(Message message) {
        List<Message> more = new ArrayList<>(messages);
        more.add(message);
        return new Conversation(more, tools);
    }

    /// Which messages are the assistant's.
    public List<Integer> answers() {
        List<Integer> answers = new ArrayList<>();
        for (int i = 0; i < messages.size(); i++) {
            if (messages.get(i).isAnswer()) {
                answers.add(i);
            }
        }
        return answers;
    }
}
