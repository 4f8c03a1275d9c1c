package dev.bowline.evaluate;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Finds the tool calls in the text of an answer, special tokens included.
///
/// A call is a JSON object with `name` and `arguments` or `parameters` (Hermes, Qwen, Llama 3.1, Mistral), an object
/// behind Mistral's `name[ARGS]`, or Gemma 4's `call:name{key:value}`.
final class ToolCallText {

    private static final String NAME = "name";
    private static final List<String> ARGUMENTS = List.of("arguments", "parameters");
    private static final String GEMMA_CALL = "<|tool_call>call:";
    private static final String MISTRAL_CALL = "[TOOL_CALLS]";
    private static final String MISTRAL_ARGUMENTS = "[ARGS]";

    private ToolCallText() {}

    /// The calls in the order of the text.
    static List<ToolCall> parse(String text) {
        List<ToolCall> calls = new ArrayList<>();
        int at = 0;
        while (at < text.length()) {
            if (text.startsWith(GEMMA_CALL, at)) {
                at = gemma(text, at + GEMMA_CALL.length(), calls);
            } else if (text.startsWith(MISTRAL_CALL, at)) {
                at = mistral(text, at + MISTRAL_CALL.length(), calls);
            } else if (text.charAt(at) == '{') {
                at = object(text, at, calls);
            } else {
                at++;
            }
        }
        return calls;
    }

    private static int gemma(String text, int from, List<ToolCall> calls) {
        int open = text.indexOf('{', from);
        if (open < 0) {
            return from;
        }
        GemmaArguments arguments = GemmaArguments.read(text, open);
        calls.add(new ToolCall(text.substring(from, open), arguments.value()));
        return arguments.end();
    }

    /// `[TOOL_CALLS]name[ARGS]{...}`; the older form with a list of objects is read as objects.
    private static int mistral(String text, int from, List<ToolCall> calls) {
        int arguments = text.indexOf(MISTRAL_ARGUMENTS, from);
        int open = arguments + MISTRAL_ARGUMENTS.length();
        if (arguments < 0 || text.substring(from, arguments).contains("{")) {
            return from;
        }
        int end = open < text.length() && text.charAt(open) == '{' ? BalancedJson.end(text, open) : open;
        calls.add(new ToolCall(text.substring(from, arguments).strip(), parsed(text.substring(open, end))));
        return end;
    }

    private static int object(String text, int from, List<ToolCall> calls) {
        int end = BalancedJson.end(text, from);
        Optional<JsonObject> object = parsed(text.substring(from, end));
        Optional<ToolCall> call = object.flatMap(ToolCallText::call);
        call.ifPresent(calls::add);
        // An object around a call, such as {"function": {...}}, is searched inside.
        return call.isPresent() ? end : from + 1;
    }

    private static Optional<ToolCall> call(JsonObject object) {
        Optional<JsonValue> name = object.get(NAME);
        Optional<JsonValue> arguments =
                ARGUMENTS.stream().map(object::get).flatMap(Optional::stream).findFirst();
        return name.isPresent() && name.get() instanceof JsonString text && arguments.isPresent()
                ? Optional.of(new ToolCall(text.value(), asObject(arguments.get())))
                : Optional.empty();
    }

    /// Arguments may be a string of JSON, as in OpenAI's form.
    private static Optional<JsonObject> asObject(JsonValue arguments) {
        return switch (arguments) {
            case JsonObject object -> Optional.of(object);
            case JsonString text -> parsed(text.value());
            default -> Optional.empty();
        };
    }

    static Optional<JsonObject> parsed(String text) {
        try {
            return Json.parse(text, "the answer") instanceof JsonObject object ? Optional.of(object) : Optional.empty();
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }
}
