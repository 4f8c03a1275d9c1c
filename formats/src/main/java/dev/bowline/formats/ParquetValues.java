package dev.bowline.formats;

import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonBoolean;
import dev.bowline.json.JsonLocation;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonNumber;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonString;
import dev.bowline.json.JsonValue;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.PqStruct;
import dev.hardwood.row.StructAccessor;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// Parquet's values as JSON.
///
/// Numbers are exact. Dates, times and UUIDs are text in ISO form. Bytes are text where they are UTF-8, as some writers
/// do not mark their strings, and base64 otherwise.
final class ParquetValues {

    private ParquetValues() {}

    /// A row. A null column stays null.
    static JsonObject object(StructAccessor row, JsonLocation location) {
        SequencedMap<String, JsonValue> fields = new LinkedHashMap<>();
        for (int i = 0; i < row.getFieldCount(); i++) {
            String name = row.getFieldName(i);
            fields.put(name, value(row.isNull(i) ? null : row.getValue(i), location.key(name, 0, 0)));
        }
        return new JsonObject(fields, location);
    }

    /// A struct in a row. A column has every field that any row has, and the fields that this one does not have are
    /// null:
    /// they are left out again. A message keeps its `content`, as null is a content there.
    private static JsonObject struct(PqStruct struct, JsonLocation location) {
        SequencedMap<String, JsonValue> fields = new LinkedHashMap<>();
        JsonObject all = object(struct, location);
        boolean isMessage = all.has("role");
        all.fields().forEach((name, value) -> {
            if (!(value instanceof JsonNull) || (isMessage && name.equals("content"))) {
                fields.put(name, value);
            }
        });
        return new JsonObject(fields, location);
    }

    private static JsonValue value(@Nullable Object value, JsonLocation at) {
        return switch (value) {
            case null -> new JsonNull(at);
            case String text -> new JsonString(text, at);
            case Boolean truth -> new JsonBoolean(truth, at);
            case Float number -> new JsonNumber(number(number.doubleValue(), number.toString()), at);
            case Double number -> new JsonNumber(number(number, number.toString()), at);
            case BigDecimal number -> new JsonNumber(number.toPlainString(), at);
            case Number number -> new JsonNumber(number.toString(), at);
            case PqStruct struct -> struct(struct, at);
            case PqList list -> array(list, at);
            case PqMap map -> map(map, at);
            case byte[] bytes -> new JsonString(text(bytes), at);
            default -> new JsonString(value.toString(), at);
        };
    }

    /// JSON as Python writes it names what is no number.
    private static String number(double value, String text) {
        if (Double.isNaN(value)) {
            return "NaN";
        }
        return Double.isInfinite(value) ? (value > 0 ? "Infinity" : "-Infinity") : text;
    }

    private static JsonArray array(PqList list, JsonLocation at) {
        List<JsonValue> elements = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            elements.add(value(list.isNull(i) ? null : list.get(i), at.index(i, 0, 0)));
        }
        return new JsonArray(elements, at);
    }

    private static JsonObject map(PqMap map, JsonLocation at) {
        SequencedMap<String, JsonValue> fields = new LinkedHashMap<>();
        for (PqMap.Entry entry : map.getEntries()) {
            String key = String.valueOf(entry.getKey());
            fields.put(key, value(entry.isValueNull() ? null : entry.getValue(), at.key(key, 0, 0)));
        }
        return new JsonObject(fields, at);
    }

    private static String text(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException _) {
            return Base64.getEncoder().encodeToString(bytes);
        }
    }
}
