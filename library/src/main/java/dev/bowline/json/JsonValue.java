package dev.bowline.json;

import dev.bowline.BowlineException;
import dev.bowline.LocatedException;
import java.util.List;

/// A JSON value and the place it was read from.
///
/// Two values are equal when they say the same, wherever they were read; numbers are compared by their text.
/// The `as…` accessors return the value as a type or refuse with its place, what was expected and what was found.
public sealed interface JsonValue permits JsonObject, JsonArray, JsonString, JsonNumber, JsonBoolean, JsonNull {

    JsonLocation location();

    /// The kind and a short form of the value, for the end of an error: `the string "abc"`.
    String description();

    default JsonObject asObject() {
        throw mistyped("an object");
    }

    default JsonArray asArray() {
        throw mistyped("an array");
    }

    default String asString() {
        throw mistyped("a string");
    }

    default boolean asBoolean() {
        throw mistyped("true or false");
    }

    default int asInt() {
        throw mistyped("a whole number");
    }

    default long asLong() {
        throw mistyped("a whole number");
    }

    default double asDouble() {
        throw mistyped("a number");
    }

    /// The error for this value in the place of `expected`, for readers with more rules than types.
    ///
    /// @param expected such as "a whole number" or "one of 'sliding_attention', 'full_attention'"
    default BowlineException mistyped(String expected) {
        return new LocatedException(
                location().source(),
                "%s: expected %s for %s, found %s"
                        .formatted(location().position(), expected, location().subject(), description()),
                "correct %s in %s".formatted(location().subject(), location().source()));
    }

    static JsonNumber of(long value) {
        return new JsonNumber(Long.toString(value), JsonLocation.built());
    }

    /// Written as Python writes it, infinities and NaN included.
    static JsonNumber of(double value) {
        return new JsonNumber(JsonNumberText.of(value), JsonLocation.built());
    }

    static JsonString of(String value) {
        return new JsonString(value, JsonLocation.built());
    }

    static JsonBoolean of(boolean value) {
        return new JsonBoolean(value, JsonLocation.built());
    }

    static JsonArray of(List<? extends JsonValue> values) {
        return new JsonArray(List.copyOf(values), JsonLocation.built());
    }

    /// `null` as JSON spells it.
    static JsonNull absent() {
        return new JsonNull(JsonLocation.built());
    }
}
