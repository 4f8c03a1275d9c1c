package dev.bowline.data;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/// A field of a row: its name, or names and indices with dots between them, such as `answers.text.0`.
///
/// A field whose own name contains dots takes precedence.
record FieldPath(String text) {

    private static final Pattern INDEX = Pattern.compile("0|[1-9][0-9]{0,8}");

    /// The value, which may be [JsonNull]; empty when the row has no such field.
    Optional<JsonValue> find(JsonObject row) {
        Optional<JsonValue> named = row.get(text);
        return named.isPresent() ? named : find(row, List.of(text.split("\\.", -1)));
    }

    private static Optional<JsonValue> find(JsonObject row, List<String> steps) {
        Optional<JsonValue> found = Optional.of(row);
        for (String step : steps) {
            found = found.flatMap(value -> step(value, step));
        }
        return found;
    }

    private static Optional<JsonValue> step(JsonValue value, String step) {
        if (value instanceof JsonObject object) {
            return object.get(step);
        }
        if (value instanceof JsonArray array && INDEX.matcher(step).matches()) {
            int index = Integer.parseInt(step);
            return index < array.size() ? Optional.of(array.get(index)) : Optional.empty();
        }
        return Optional.empty();
    }

    /// The text; empty if the row has no such field, or if the field is null.
    Optional<String> findText(JsonObject row) {
        return find(row).filter(value -> !(value instanceof JsonNull)).map(this::asText);
    }

    private String asText(JsonValue value) {
        if (value instanceof JsonString string) {
            return string.value();
        }
        throw value.mistyped(names(value)
                .map(name -> "a string, such as '%s.%s',".formatted(text, name))
                .orElse("a string"));
    }

    /// The longest beginning of this path that the row has, and the names below it, for an error.
    String nearest(JsonObject row) {
        List<String> steps = List.of(text.split("\\.", -1));
        for (int known = steps.size() - 1; known > 0; known--) {
            List<String> beginning = steps.subList(0, known);
            Optional<JsonValue> found = find(row, beginning);
            if (found.isPresent()) {
                return "'%s' is %s".formatted(String.join(".", beginning), contents(found.get()));
            }
        }
        return "it has '%s'".formatted(String.join("', '", row.keys()));
    }

    private static String contents(JsonValue value) {
        return value instanceof JsonObject object
                ? "an object with '%s'".formatted(String.join("', '", object.keys()))
                : value.description();
    }

    /// The name or index of the first string in `value`.
    private static Optional<String> names(JsonValue value) {
        return switch (value) {
            case JsonObject object ->
                object.fields().entrySet().stream()
                        .filter(field -> field.getValue() instanceof JsonString)
                        .map(java.util.Map.Entry::getKey)
                        .findFirst();
            case JsonArray array ->
                IntStream.range(0, array.size())
                        .filter(index -> array.get(index) instanceof JsonString)
                        .mapToObj(Integer::toString)
                        .findFirst();
            case JsonString _, JsonNull _, dev.bowline.json.JsonNumber _, dev.bowline.json.JsonBoolean _ ->
                Optional.empty();
        };
    }
}
