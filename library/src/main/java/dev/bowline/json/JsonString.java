package dev.bowline.json;

/// A JSON string.
public record JsonString(String value, JsonLocation location) implements JsonValue {

    private static final int LONGEST_QUOTE = 60;

    @Override
    public String description() {
        if (value.length() <= LONGEST_QUOTE) {
            return "the string " + Json.compact(this);
        }
        String start = value.substring(0, LONGEST_QUOTE);
        return "a string of %d characters starting with %s"
                .formatted(value.length(), Json.compact(JsonValue.of(start)));
    }

    @Override
    public String asString() {
        return value;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JsonString that && that.value.equals(value);
    }

    @Override
    public int hashCode() {
        return value.hashCode();
    }

    @Override
    public String toString() {
        return Json.compact(this);
    }
}
