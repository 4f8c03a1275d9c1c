package dev.bowline.json;

import dev.bowline.BowlineException;

/// A number with its text, so that `1e-06` stays `1e-06` and an integer of 40 digits loses none.
///
/// @param text a JSON number, or `NaN`, `Infinity`, `-Infinity` as Python's json module writes them
public record JsonNumber(String text, JsonLocation location) implements JsonValue {

    public JsonNumber {
        if (!JsonNumberText.isNumber(text)) {
            throw new IllegalArgumentException("'" + text + "' is not a JSON number");
        }
    }

    /// True for a number written without fraction and exponent: `1.0` and `1e3` are not whole numbers in JSON.
    public boolean isWhole() {
        return JsonNumberText.isWhole(text);
    }

    @Override
    public String description() {
        return "the number " + text;
    }

    @Override
    public int asInt() {
        long value = asLong();
        if (value != (int) value) {
            throw outOfRange(Integer.MIN_VALUE, Integer.MAX_VALUE);
        }
        return (int) value;
    }

    @Override
    public long asLong() {
        if (!isWhole()) {
            throw mistyped("a whole number");
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException _) {
            throw outOfRange(Long.MIN_VALUE, Long.MAX_VALUE);
        }
    }

    /// The nearest double; a number beyond its range is an infinity, as in Python.
    @Override
    public double asDouble() {
        return Double.parseDouble(text);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof JsonNumber that && that.text.equals(text);
    }

    @Override
    public int hashCode() {
        return text.hashCode();
    }

    @Override
    public String toString() {
        return text;
    }

    private BowlineException outOfRange(long smallest, long largest) {
        return mistyped("a whole number from %d to %d".formatted(smallest, largest));
    }
}
