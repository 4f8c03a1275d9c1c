package dev.bowline.audit;

import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The part of JSON Schema 2020-12 that the schemas in docs use; any other keyword is an error.
public final class JsonSchema {

    private static final Set<String> KNOWN = Set.of(
            "$schema",
            "title",
            "$defs",
            "$ref",
            "type",
            "required",
            "properties",
            "additionalProperties",
            "items",
            "oneOf",
            "enum",
            "const",
            "pattern");

    private final JsonObject root;

    public JsonSchema(JsonObject root) {
        this.root = root;
    }

    static JsonSchema ofAudit() {
        return new JsonSchema(
                Json.parse(Path.of("..", "docs", "audit.schema.json")).asObject());
    }

    /// What is wrong with a document, each with the place; empty when it is valid.
    public List<String> problems(JsonValue document) {
        List<String> problems = new ArrayList<>();
        check(root, document, "$", problems);
        return problems;
    }

    private void check(JsonObject schema, JsonValue value, String place, List<String> problems) {
        for (Map.Entry<String, JsonValue> keyword : schema.fields().entrySet()) {
            if (!KNOWN.contains(keyword.getKey())) {
                throw new IllegalArgumentException("no keyword " + keyword.getKey());
            }
            check(keyword.getKey(), keyword.getValue(), value, place, problems);
        }
        if (value instanceof JsonObject object) {
            properties(schema, object, place, problems);
        }
    }

    private void check(String keyword, JsonValue rule, JsonValue value, String place, List<String> problems) {
        switch (keyword) {
            case "$ref" -> check(referred(rule.asString()), value, place, problems);
            case "type" -> require(isOfType(rule, value), place + " is not of type " + text(rule), problems);
            case "const" -> require(same(rule, value), place + " is not " + text(rule), problems);
            case "enum" ->
                require(
                        rule.asArray().values().stream().anyMatch(each -> same(each, value)),
                        "%s is %s, not one of %s".formatted(place, text(value), text(rule)),
                        problems);
            case "pattern" ->
                require(
                        value instanceof JsonString string && string.value().matches(".*" + rule.asString() + ".*"),
                        "%s does not match %s".formatted(place, text(rule)),
                        problems);
            case "required" ->
                rule.asArray()
                        .values()
                        .forEach(key -> require(
                                !(value instanceof JsonObject object) || object.has(key.asString()),
                                place + " lacks " + text(key),
                                problems));
            case "items" -> {
                if (value instanceof JsonArray array) {
                    for (int i = 0; i < array.size(); i++) {
                        check(rule.asObject(), array.get(i), "%s[%d]".formatted(place, i), problems);
                    }
                }
            }
            case "oneOf" -> oneOf(rule.asArray(), value, place, problems);
            default -> {}
        }
    }

    private void oneOf(JsonArray choices, JsonValue value, String place, List<String> problems) {
        List<List<String>> failures = new ArrayList<>();
        for (JsonValue choice : choices.values()) {
            List<String> found = new ArrayList<>();
            check(choice.asObject(), value, place, found);
            failures.add(found);
        }
        long fitting = failures.stream().filter(List::isEmpty).count();
        require(fitting == 1, "%s fits %d of the choices: %s".formatted(place, fitting, failures), problems);
    }

    private void properties(JsonObject schema, JsonObject object, String place, List<String> problems) {
        JsonObject properties = schema.optionalObject("properties").orElse(JsonObject.of());
        for (Map.Entry<String, JsonValue> field : object.fields().entrySet()) {
            String inner = place + "." + field.getKey();
            if (properties.has(field.getKey())) {
                check(properties.requireObject(field.getKey()), field.getValue(), inner, problems);
            } else if (schema.get("additionalProperties").orElse(null) instanceof JsonObject others) {
                check(others, field.getValue(), inner, problems);
            } else if (schema.has("additionalProperties") && !schema.requireBoolean("additionalProperties")) {
                problems.add(inner + " is not described");
            }
        }
    }

    private JsonObject referred(String reference) {
        return root.requireObject("$defs").requireObject(reference.substring("#/$defs/".length()));
    }

    private static boolean isOfType(JsonValue rule, JsonValue value) {
        if (rule instanceof JsonArray several) {
            return several.values().stream().anyMatch(each -> isOfType(each, value));
        }
        return switch (rule.asString()) {
            case "object" -> value instanceof JsonObject;
            case "array" -> value instanceof JsonArray;
            case "string" -> value instanceof JsonString;
            case "boolean" -> value instanceof JsonBoolean;
            case "null" -> value instanceof JsonNull;
            case "number" -> value instanceof JsonNumber;
            case "integer" -> value instanceof JsonNumber number && number.isWhole();
            default -> throw new IllegalArgumentException("no type " + rule);
        };
    }

    private static boolean same(JsonValue a, JsonValue b) {
        return text(a).equals(text(b));
    }

    private static String text(JsonValue value) {
        return Json.compact(value);
    }

    private static void require(boolean holds, String problem, List<String> problems) {
        if (!holds) {
            problems.add(problem);
        }
    }
}
