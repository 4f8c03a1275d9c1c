package dev.bowline.json;

import java.util.Iterator;
import java.util.Map;

/// Lays values out as text.
final class JsonWriter {

    private static final int INDENT = 2;

    private enum Layout {
        COMPACT,
        PRETTY
    }

    private final StringBuilder text = new StringBuilder();
    private final Layout layout;
    private int depth;

    private JsonWriter(Layout layout) {
        this.layout = layout;
    }

    static String compact(JsonValue value) {
        return new JsonWriter(Layout.COMPACT).write(value);
    }

    static String pretty(JsonValue value) {
        return new JsonWriter(Layout.PRETTY).write(value);
    }

    private String write(JsonValue value) {
        append(value);
        return text.toString();
    }

    private void append(JsonValue value) {
        switch (value) {
            case JsonObject object -> appendObject(object);
            case JsonArray array -> appendArray(array);
            case JsonString string -> appendString(string.value());
            case JsonNumber number -> text.append(number.text());
            case JsonBoolean bool -> text.append(bool.value());
            case JsonNull _ -> text.append("null");
        }
    }

    private void appendObject(JsonObject object) {
        text.append('{');
        depth++;
        for (Iterator<Map.Entry<String, JsonValue>> fields =
                        object.fields().entrySet().iterator();
                fields.hasNext(); ) {
            Map.Entry<String, JsonValue> field = fields.next();
            startLine();
            appendString(field.getKey());
            text.append(layout == Layout.PRETTY ? ": " : ":");
            append(field.getValue());
            text.append(fields.hasNext() ? "," : "");
        }
        depth--;
        if (!object.fields().isEmpty()) {
            startLine();
        }
        text.append('}');
    }

    private void appendArray(JsonArray array) {
        text.append('[');
        depth++;
        for (Iterator<JsonValue> values = array.values().iterator(); values.hasNext(); ) {
            startLine();
            append(values.next());
            text.append(values.hasNext() ? "," : "");
        }
        depth--;
        if (!array.values().isEmpty()) {
            startLine();
        }
        text.append(']');
    }

    private void startLine() {
        if (layout == Layout.PRETTY) {
            text.append('\n').repeat(' ', INDENT * depth);
        }
    }

    private void appendString(String value) {
        text.append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\b' -> text.append("\\b");
                case '\f' -> text.append("\\f");
                default -> {
                    // Half a surrogate pair has no UTF-8 form; escaped it survives the file.
                    if (c < ' ' || isLoneSurrogate(value, i)) {
                        text.append("\\u%04x".formatted((int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }

    private static boolean isLoneSurrogate(String value, int index) {
        char c = value.charAt(index);
        if (Character.isHighSurrogate(c)) {
            return index + 1 == value.length() || !Character.isLowSurrogate(value.charAt(index + 1));
        }
        return Character.isLowSurrogate(c) && (index == 0 || !Character.isHighSurrogate(value.charAt(index - 1)));
    }
}
