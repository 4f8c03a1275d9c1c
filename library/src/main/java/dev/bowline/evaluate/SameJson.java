package dev.bowline.evaluate;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import java.math.BigDecimal;
import java.util.Optional;

/// Compares JSON values by their meaning: the order of fields and the spelling of numbers do not matter.
final class SameJson {

    /// The most digits of an exponent that is compared exactly.
    private static final int EXPONENT_DIGITS = 4;

    private SameJson() {}

    static boolean test(JsonValue one, JsonValue other) {
        return switch (one) {
            case JsonObject object -> other instanceof JsonObject that && sameFields(object, that);
            case JsonArray array -> other instanceof JsonArray that && sameElements(array, that);
            case JsonString string ->
                other instanceof JsonString that && string.value().equals(that.value());
            case JsonNumber number -> other instanceof JsonNumber that && sameNumber(number, that);
            case JsonBoolean bool -> other instanceof JsonBoolean that && bool.equals(that);
            case JsonNull _ -> other instanceof JsonNull;
        };
    }

    private static boolean sameFields(JsonObject one, JsonObject other) {
        return one.fields().size() == other.fields().size()
                && one.fields().entrySet().stream().allMatch(field -> {
                    Optional<JsonValue> there = other.get(field.getKey());
                    return there.isPresent() && test(field.getValue(), there.get());
                });
    }

    private static boolean sameElements(JsonArray one, JsonArray other) {
        if (one.size() != other.size()) {
            return false;
        }
        for (int i = 0; i < one.size(); i++) {
            if (!test(one.get(i), other.get(i))) {
                return false;
            }
        }
        return true;
    }

    private static boolean sameNumber(JsonNumber one, JsonNumber other) {
        return one.equals(other)
                || isExact(one)
                        && isExact(other)
                        && new BigDecimal(one.text()).compareTo(new BigDecimal(other.text())) == 0;
    }

    /// False for what is no finite number, and for an exponent whose digits would fill the memory.
    private static boolean isExact(JsonNumber number) {
        String text = number.text();
        int exponent = Math.max(text.indexOf('e'), text.indexOf('E'));
        return Double.isFinite(number.asDouble()) && (exponent < 0 || text.length() - exponent <= EXPONENT_DIGITS + 1);
    }
}
