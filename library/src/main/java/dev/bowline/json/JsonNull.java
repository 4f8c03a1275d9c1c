package dev.bowline.json;

/// `null`, which most readers treat as an absent key.
public record JsonNull(JsonLocation location) implements JsonValue {

    @Override
    public String description() {
        return "null";
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JsonNull;
    }

    @Override
    public int hashCode() {
        return 0;
    }

    @Override
    public String toString() {
        return Json.compact(this);
    }
}
