package dev.bowline.text;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.jinja.Template;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/// The `arguments` of the tool calls in a message, as an object or as a string of JSON.
final class ToolArguments {

    private static final String CALLS = "tool_calls";
    private static final String FUNCTION = "function";
    private static final String ARGUMENTS = "arguments";

    private static final Template AS_JSON = Template.parse("tojson", "{{ arguments | tojson }}");
    private static final Template PRINTED = Template.parse("printed", "{{ arguments }}");

    private ToolArguments() {}

    /// The message with every `arguments` changed.
    static JsonObject map(JsonObject message, UnaryOperator<JsonValue> change) {
        if (!(message.get(CALLS).orElse(JsonValue.absent()) instanceof JsonArray calls)) {
            return message;
        }
        List<JsonValue> changed = calls.values().stream()
                .map(call -> call instanceof JsonObject object ? call(object, change) : call)
                .toList();
        return changed.equals(calls.values()) ? message : message.with(CALLS, JsonValue.of(changed));
    }

    private static JsonObject call(JsonObject call, UnaryOperator<JsonValue> change) {
        if (call.get(FUNCTION).orElse(JsonValue.absent()) instanceof JsonObject function) {
            return call.with(FUNCTION, arguments(function, change));
        }
        return arguments(call, change);
    }

    private static JsonObject arguments(JsonObject function, UnaryOperator<JsonValue> change) {
        return function.get(ARGUMENTS)
                .map(value -> function.with(ARGUMENTS, change.apply(value)))
                .orElse(function);
    }

    /// Every `arguments` of a conversation.
    static Stream<JsonValue> in(Conversation conversation) {
        Stream.Builder<JsonValue> found = Stream.builder();
        conversation
                .messages()
                .forEach(message -> map(message, value -> {
                    found.add(value);
                    return value;
                }));
        return found.build();
    }

    /// Parses a string of JSON to an object, an empty string to an empty object; any other value stays unchanged.
    static JsonValue asObject(JsonValue arguments) {
        if (arguments instanceof JsonString text) {
            if (text.value().isBlank()) {
                return JsonObject.of();
            }
            try {
                JsonValue parsed = Json.parse(text.value(), ARGUMENTS);
                return parsed instanceof JsonObject ? parsed : arguments;
            } catch (BowlineException _) {
                return arguments;
            }
        }
        return arguments;
    }

    /// Encodes an object as a string of JSON; any other value stays unchanged.
    static JsonValue asString(JsonValue arguments) {
        return arguments instanceof JsonObject ? JsonValue.of(render(AS_JSON, arguments)) : arguments;
    }

    /// A text as a string of JSON, with its quotation marks.
    static String encoded(String text) {
        return render(AS_JSON, JsonValue.of(text));
    }

    /// True if the text holds the value in the form of a template that does not encode objects:
    /// `{'city': 'Paris'}`.
    static boolean isPrinted(JsonValue arguments, String text) {
        String printed = render(PRINTED, arguments);
        return arguments instanceof JsonObject && !printed.equals(render(AS_JSON, arguments)) && text.contains(printed);
    }

    /// True if the text holds the list in the form of a template that prints it, or as JSON.
    static boolean isListIn(JsonArray list, String text) {
        return text.contains(render(PRINTED, list)) || text.contains(render(AS_JSON, list));
    }

    private static String render(Template template, JsonValue arguments) {
        return template.render(Map.of(ARGUMENTS, JsonValues.of(arguments)), Clock.systemUTC())
                .text();
    }
}
