package dev.bowline.json;

/// `true` or `false`.
public record JsonBoolean(boolean value, JsonLocation location) implements JsonValue {

    @Override
    public String description() {
        return Boolean.toString(value);
    }

    @Override
    public boolean asBoolean() {
        return value;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JsonBoolean that && that.value == value;
    }

    @Override
    public int hashCode() {
        return Boolean.hashCode(value);
    }

    @Override
    public String toString() {
        return Json.compact(this);
    }
}
