package dev.bowline.data;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.Conversation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Converts rows of `query`, `tools` and `answers` to OpenAI's form. `tools` and `answers` are JSON or strings of
/// JSON.
///
/// A tool's `parameters` map each name to `type` (Python's names), `description` and perhaps `default`. The
/// parameters become a JSON schema like that of NeMo AutoModel: a parameter without a default is required, an
/// unknown type is a string.
final class Xlam {

    private static final Map<String, String> TYPES = Map.ofEntries(
            Map.entry("str", "string"),
            Map.entry("string", "string"),
            Map.entry("int", "integer"),
            Map.entry("integer", "integer"),
            Map.entry("float", "number"),
            Map.entry("double", "number"),
            Map.entry("number", "number"),
            Map.entry("bool", "boolean"),
            Map.entry("boolean", "boolean"),
            Map.entry("list", "array"),
            Map.entry("array", "array"),
            Map.entry("object", "object"));

    private Xlam() {}

    static Conversation conversation(JsonObject row) {
        List<JsonValue> tools = new ArrayList<>();
        for (JsonObject tool : array(row, "tools").objects()) {
            tools.add(tool(tool));
        }
        List<JsonValue> calls = new ArrayList<>();
        for (JsonObject call : array(row, "answers").objects()) {
            calls.add(ExampleFormat.function(JsonObject.of()
                    .with("name", call.requireString("name"))
                    .with("arguments", call.require("arguments"))));
        }
        if (calls.isEmpty()) {
            throw row.require("answers").mistyped("at least one call");
        }
        JsonObject answer = Conversation.message(Conversation.ASSISTANT, "").with("tool_calls", JsonValue.of(calls));
        return new Conversation(
                List.of(Conversation.message("user", row.requireString("query")), answer),
                tools.isEmpty() ? Optional.empty() : Optional.of(JsonValue.of(tools)));
    }

    private static JsonObject tool(JsonObject tool) {
        JsonObject properties = JsonObject.of();
        List<String> required = new ArrayList<>();
        JsonObject parameters = tool.optionalObject("parameters").orElseGet(JsonObject::of);
        for (String name : parameters.keys()) {
            if (parameters.require(name) instanceof JsonNull) {
                continue;
            }
            JsonObject parameter = parameters.requireObject(name);
            String type = parameter.optionalString("type").orElse("string").toLowerCase(Locale.ROOT);
            JsonObject property = JsonObject.of()
                    .with("type", TYPES.getOrDefault(type, "string"))
                    .with("description", parameter.optionalString("description").orElse(""));
            for (String key : List.of("enum", "default")) {
                if (parameter.has(key)) {
                    property = property.with(key, parameter.require(key));
                }
            }
            if (!parameter.has("default")) {
                required.add(name);
            }
            properties = properties.with(name, property);
        }
        JsonObject schema = JsonObject.of().with("type", "object").with("properties", properties);
        return ExampleFormat.function(JsonObject.of()
                .with("name", tool.requireString("name"))
                .with("description", tool.optionalString("description").orElse(""))
                .with(
                        "parameters",
                        required.isEmpty() ? schema : schema.with("required", JsonArray.ofStrings(required))));
    }

    private static JsonArray array(JsonObject row, String key) {
        JsonValue written = row.require(key);
        if (!(written instanceof JsonString text)) {
            return row.requireArray(key);
        }
        JsonValue parsed;
        try {
            parsed = Json.parse(text.value(), "%s (%s)".formatted(row.location().source(), key));
        } catch (BowlineException e) {
            throw new LocatedException(
                    written.location().source(),
                    "%s: '%s' is not JSON: %s".formatted(written.location(), key, e.problem()),
                    e.howToFix(),
                    e);
        }
        if (parsed instanceof JsonArray array) {
            return array;
        }
        throw written.mistyped("a string that holds an array");
    }
}
