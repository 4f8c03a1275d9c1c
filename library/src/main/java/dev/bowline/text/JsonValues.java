package dev.bowline.text;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.bowline.text.jinja.Value;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.Map;

/// JSON as templates see it: what Python's `json.loads` would have given them.
public final class JsonValues {

    private JsonValues() {}

    public static Value of(JsonValue json) {
        return switch (json) {
            case JsonObject object -> Value.mapping(variables(object));
            case JsonArray array ->
                Value.list(array.values().stream().map(JsonValues::of).toList());
            case JsonString string -> Value.of(string.value());
            case JsonNumber number ->
                number.isWhole() ? Value.of(new BigInteger(number.text())) : Value.of(number.asDouble());
            case JsonBoolean fact -> Value.of(fact.value());
            case JsonNull _ -> Value.NONE;
        };
    }

    /// The fields as the variables of a template.
    public static Map<String, Value> variables(JsonObject object) {
        Map<String, Value> variables = new LinkedHashMap<>();
        object.fields().forEach((name, value) -> variables.put(name, of(value)));
        return variables;
    }
}
