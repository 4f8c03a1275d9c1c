package dev.bowline.json;

import java.util.List;
import java.util.function.Function;

/// A JSON array.
public record JsonArray(List<JsonValue> values, JsonLocation location) implements JsonValue {

    public JsonArray {
        values = List.copyOf(values);
    }

    public static JsonArray ofStrings(List<String> values) {
        return JsonValue.of(values.stream().map(JsonValue::of).toList());
    }

    public static JsonArray ofLongs(List<Long> values) {
        return JsonValue.of(values.stream().map(JsonValue::of).toList());
    }

    public int size() {
        return values.size();
    }

    public JsonValue get(int index) {
        return values.get(index);
    }

    /// Every element as a string; one that is not is refused with its own place. The same holds for the others
    /// below.
    public List<String> strings() {
        return each(JsonValue::asString);
    }

    public List<Integer> ints() {
        return each(JsonValue::asInt);
    }

    public List<Long> longs() {
        return each(JsonValue::asLong);
    }

    public List<Double> doubles() {
        return each(JsonValue::asDouble);
    }

    public List<JsonObject> objects() {
        return each(JsonValue::asObject);
    }

    public List<JsonArray> arrays() {
        return each(JsonValue::asArray);
    }

    @Override
    public String description() {
        return "an array of %d".formatted(values.size());
    }

    @Override
    public JsonArray asArray() {
        return this;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JsonArray that && that.values.equals(values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    @Override
    public String toString() {
        return Json.compact(this);
    }

    private <T> List<T> each(Function<JsonValue, T> read) {
        return values.stream().map(read).toList();
    }
}
