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
import java.util.Optional;

/// How one example is written in a dataset file.
public sealed interface Layout {

    Conversation conversation(JsonObject example);

    /// By the keys of each example: `messages` or `conversations`.
    record Auto() implements Layout {
        @Override
        public Conversation conversation(JsonObject example) {
            if (example.has("messages")) {
                return new Messages().conversation(example);
            }
            if (example.has("conversations")) {
                return new ShareGpt().conversation(example);
            }
            throw new BowlineException(
                    "%s: the example has neither 'messages' nor 'conversations', but %s"
                            .formatted(example.location().position(), example.keys()),
                    "name the fields with dataset.column_mapping, or set dataset.format");
        }
    }

    /// OpenAI chat: `messages` with `role` and `content`, and perhaps `tools`.
    record Messages() implements Layout {
        @Override
        public Conversation conversation(JsonObject example) {
            List<JsonObject> messages = example.requireArray("messages").objects();
            messages.forEach(message -> message.requireString("role"));
            messages.forEach(Media::refuse);
            return new Conversation(messages, tools(example));
        }

        /// Some files carry the array as a string of JSON, or an empty one where there are none.
        private static Optional<JsonArray> tools(JsonObject example) {
            Optional<JsonValue> tools = example.get("tools");
            if (tools.isPresent() && tools.get() instanceof JsonString text) {
                if (text.value().isBlank()) {
                    return Optional.empty();
                }
                return Optional.of(Json.parse(text.value(), example.location().source() + " (tools)")
                        .asArray());
            }
            return example.optionalArray("tools");
        }
    }

    /// `conversations` with `from` and `value`, or with `role` and `content` as in [Messages]; and perhaps `tools`.
    ///
    /// The value of a turn from `function_call` is the call as JSON, which becomes the assistant's `tool_calls`.
    /// A turn from `observation` is what the tool answered.
    record ShareGpt() implements Layout {
        private static final String CALL = "function_call";
        private static final String CALL_FORM =
                "a call or an array of calls as JSON, each with 'name' and 'arguments',";
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

        @Override
        public Conversation conversation(JsonObject example) {
            List<JsonObject> messages = new ArrayList<>();
            example.optionalString("system").ifPresent(system -> messages.add(Conversation.message("system", system)));
            List<JsonObject> turns = example.requireArray("conversations").objects();
            if (!turns.isEmpty() && turns.stream().allMatch(turn -> turn.has("role") && !turn.has("from"))) {
                turns.forEach(turn -> turn.requireString("role"));
                turns.forEach(Media::refuse);
                messages.addAll(turns);
                return new Conversation(messages, Messages.tools(example));
            }
            for (JsonObject turn : turns) {
                String from = turn.requireString("from");
                String role = ROLES.get(from);
                if (role == null) {
                    throw turn.require("from")
                            .mistyped(
                                    "one of " + ROLES.keySet().stream().sorted().toList());
                }
                messages.add(
                        from.equals(CALL) ? called(turn) : Conversation.message(role, turn.requireString("value")));
            }
            return new Conversation(messages, Messages.tools(example).map(ShareGpt::functions));
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
                functions.add(function(object));
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

        /// As OpenAI writes it, whose form templates expect.
        private static JsonObject function(JsonObject function) {
            return JsonObject.of().with("type", "function").with("function", function);
        }

        private static JsonArray functions(JsonArray tools) {
            return JsonValue.of(tools.values().stream()
                    .map(tool -> tool instanceof JsonObject object && object.has("name") && !object.has("function")
                            ? function(object)
                            : tool)
                    .toList());
        }
    }

    /// A field for the question and one for the answer, and perhaps one with text that goes before the question.
    record Columns(Optional<String> context, String question, String answer) implements Layout {
        @Override
        public Conversation conversation(JsonObject example) {
            context.ifPresent(field -> require(example, "context", field));
            require(example, "question", question);
            require(example, "answer", answer);
            String asked = context.isPresent()
                    ? example.requireString(context.get()) + "\n\n" + example.requireString(question)
                    : example.requireString(question);
            return Conversation.of(List.of(
                    Conversation.message("user", asked),
                    Conversation.message(Conversation.ASSISTANT, example.requireString(answer))));
        }

        private static void require(JsonObject example, String role, String field) {
            if (!example.has(field)) {
                throw new MissingColumnException(example, role, field);
            }
        }
    }
}
