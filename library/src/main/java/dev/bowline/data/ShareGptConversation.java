package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.Conversation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Converts a row in ShareGPT's format to a conversation in OpenAI's form.
final class ShareGptConversation {

    private static final String CALL = "function_call";
    private static final String CALL_FORM = "a call or an array of calls as JSON, each with 'name' and 'arguments',";
    private static final Map<String, String> ROLES = Map.ofEntries(
            Map.entry("human", "user"),
            Map.entry("user", "user"),
            Map.entry("gpt", Conversation.ASSISTANT),
            Map.entry("assistant", Conversation.ASSISTANT),
            Map.entry("chatgpt", Conversation.ASSISTANT),
            Map.entry("bing", Conversation.ASSISTANT),
            Map.entry(CALL, Conversation.ASSISTANT),
            Map.entry("system", "system"),
            Map.entry("tool", "tool"),
            Map.entry("observation", "tool"));

    private ShareGptConversation() {}

    static Conversation of(JsonObject example) {
        List<JsonObject> messages = new ArrayList<>();
        example.optionalString("system").ifPresent(system -> messages.add(Conversation.message("system", system)));
        List<JsonObject> turns = example.requireArray("conversations").objects();
        if (!turns.isEmpty() && turns.stream().allMatch(turn -> turn.has("role") && !turn.has("from"))) {
            turns.forEach(turn -> turn.requireString("role"));
            turns.forEach(NonTextContent::refuse);
            messages.addAll(turns);
            return new Conversation(messages, ExampleFormat.Messages.tools(example));
        }
        for (JsonObject turn : turns) {
            String from = turn.requireString("from");
            String role = ROLES.get(from);
            if (role == null) {
                throw turn.require("from")
                        .mistyped("one of " + ROLES.keySet().stream().sorted().toList());
            }
            messages.add(from.equals(CALL) ? called(turn) : Conversation.message(role, turn.requireString("value")));
        }
        return new Conversation(messages, ExampleFormat.Messages.tools(example).map(ShareGptConversation::functions));
    }

    private static JsonObject called(JsonObject turn) {
        JsonValue written = turn.require("value");
        JsonValue value = parsed(written);
        List<JsonValue> calls = value instanceof JsonArray array ? array.values() : List.of(value);
        List<JsonValue> functions = new ArrayList<>();
        for (JsonValue call : calls) {
            if (!(call instanceof JsonObject object) || !object.has("name") || !object.has("arguments")) {
                throw written.mistyped(CALL_FORM);
            }
            functions.add(ExampleFormat.function(object));
        }
        return Conversation.message(Conversation.ASSISTANT, "").with("tool_calls", JsonValue.of(functions));
    }

    private static JsonValue parsed(JsonValue written) {
        if (!(written instanceof JsonString text)) {
            return written;
        }
        try {
            return Json.parse(
                    text.value(), "%s (%s)".formatted(written.location().source(), CALL));
        } catch (BowlineException _) {
            throw written.mistyped(CALL_FORM);
        }
    }

    private static JsonArray functions(JsonArray tools) {
        return JsonValue.of(tools.values().stream()
                .map(tool -> tool instanceof JsonObject object && object.has("name") && !object.has("function")
                        ? ExampleFormat.function(object)
                        : tool)
                .toList());
    }
}
