package dev.bowline.json;

import dev.bowline.LocatedException;
import dev.bowline.NearestNames;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SequencedMap;
import java.util.SequencedSet;

/// An object whose keys keep the order of the file.
///
/// `require…` refuses an absent key, `optional…` is empty for a key that is absent or null, and both refuse a
/// value of another type. Equality looks at keys and values, not at their order.
public record JsonObject(SequencedMap<String, JsonValue> fields, JsonLocation location) implements JsonValue {

    public JsonObject {
        fields = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(fields));
    }

    /// An empty object, to be filled by `with`.
    public static JsonObject of() {
        return of(Map.of());
    }

    /// An object of many fields at once, in the map's order.
    public static JsonObject of(Map<String, ? extends JsonValue> fields) {
        return new JsonObject(new LinkedHashMap<>(fields), JsonLocation.built());
    }

    public SequencedSet<String> keys() {
        return fields.sequencedKeySet();
    }

    public boolean has(String key) {
        return fields.containsKey(key);
    }

    /// The value, which may be [JsonNull]; empty when the key is absent.
    public Optional<JsonValue> get(String key) {
        return Optional.ofNullable(fields.get(key));
    }

    /// The value, which may be [JsonNull].
    public JsonValue require(String key) {
        return require(key, "a value");
    }

    public int requireInt(String key) {
        return require(key, "a whole number").asInt();
    }

    public long requireLong(String key) {
        return require(key, "a whole number").asLong();
    }

    public double requireDouble(String key) {
        return require(key, "a number").asDouble();
    }

    public boolean requireBoolean(String key) {
        return require(key, "true or false").asBoolean();
    }

    public String requireString(String key) {
        return require(key, "a string").asString();
    }

    public JsonObject requireObject(String key) {
        return require(key, "an object").asObject();
    }

    public JsonArray requireArray(String key) {
        return require(key, "an array").asArray();
    }

    public OptionalInt optionalInt(String key) {
        return present(key).map(value -> OptionalInt.of(value.asInt())).orElse(OptionalInt.empty());
    }

    public OptionalLong optionalLong(String key) {
        return present(key).map(value -> OptionalLong.of(value.asLong())).orElse(OptionalLong.empty());
    }

    public OptionalDouble optionalDouble(String key) {
        return present(key).map(value -> OptionalDouble.of(value.asDouble())).orElse(OptionalDouble.empty());
    }

    public Optional<Boolean> optionalBoolean(String key) {
        return present(key).map(JsonValue::asBoolean);
    }

    public Optional<String> optionalString(String key) {
        return present(key).map(JsonValue::asString);
    }

    public Optional<JsonObject> optionalObject(String key) {
        return present(key).map(JsonValue::asObject);
    }

    public Optional<JsonArray> optionalArray(String key) {
        return present(key).map(JsonValue::asArray);
    }

    /// A copy in which `key` has `value`: in its old place if it was there, last otherwise.
    public JsonObject with(String key, JsonValue value) {
        SequencedMap<String, JsonValue> changed = new LinkedHashMap<>(fields);
        changed.put(key, value);
        return new JsonObject(changed, location);
    }

    public JsonObject with(String key, String value) {
        return with(key, JsonValue.of(value));
    }

    public JsonObject with(String key, long value) {
        return with(key, JsonValue.of(value));
    }

    public JsonObject with(String key, double value) {
        return with(key, JsonValue.of(value));
    }

    public JsonObject with(String key, boolean value) {
        return with(key, JsonValue.of(value));
    }

    /// A copy without `key`, which may have been absent already.
    public JsonObject without(String key) {
        SequencedMap<String, JsonValue> changed = new LinkedHashMap<>(fields);
        changed.remove(key);
        return new JsonObject(changed, location);
    }

    @Override
    public String description() {
        return "an object of %d".formatted(fields.size());
    }

    @Override
    public JsonObject asObject() {
        return this;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JsonObject that && that.fields.equals(fields);
    }

    @Override
    public int hashCode() {
        return fields.hashCode();
    }

    @Override
    public String toString() {
        return Json.compact(this);
    }

    private Optional<JsonValue> present(String key) {
        return get(key).filter(value -> !(value instanceof JsonNull));
    }

    private JsonValue require(String key, String expected) {
        return get(key).orElseThrow(() -> new LocatedException(
                location.source(),
                "%s: %s has no '%s'%s; expected %s"
                        .formatted(
                                location.position(), location.subject(), key, NearestNames.hint(key, keys()), expected),
                "add '%s' to %s in %s".formatted(key, location.subject(), location.source())));
    }
}
