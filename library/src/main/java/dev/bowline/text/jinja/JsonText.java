package dev.bowline.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// The `tojson` filter: the output of Python's `json.dumps`, without the HTML escapes of Jinja's own.
final class JsonText {

    private static final int MAX_DEPTH = 200;

    private final Style style;
    private final StringBuilder json = new StringBuilder();

    /// @param indent the indent of one level of nesting; empty with `onOneLine`
    record Style(
            boolean asciiOnly, boolean onOneLine, String indent, String afterItem, String afterKey, boolean sorted) {}

    private JsonText(Style style) {
        this.style = style;
    }

    static Value filter(Value value, Arguments arguments) {
        var bound = arguments.bind("tojson", "ensure_ascii?", "indent?", "separators?", "sort_keys?");
        boolean onOneLine = bound.given(1).isEmpty();
        String indent = bound.given(1).map(JsonText::indent).orElse("");
        List<Value> separators = bound.given(2).map(Iteration::items).orElse(List.of());
        String afterItem = separators.size() == 2 ? PythonText.text(separators.getFirst()) : onOneLine ? ", " : ",";
        String afterKey = separators.size() == 2 ? PythonText.text(separators.getLast()) : ": ";
        JsonText writer =
                new JsonText(new Style(bound.truth(0), onOneLine, indent, afterItem, afterKey, bound.truth(3)));
        writer.write(value, 0);
        return Value.of(writer.json.toString());
    }

    private static String indent(Value indent) {
        if (indent instanceof Value.Text(String text)) {
            return text;
        }
        int width = Math.max(0, Numbers.count(indent));
        Arithmetic.requireLength(width);
        return " ".repeat(width);
    }

    private void write(Value value, int depth) {
        if (depth > MAX_DEPTH) {
            throw new TemplateFailure(
                    "a value nested more than %d deep cannot be written as JSON".formatted(MAX_DEPTH));
        }
        RenderBudget.step();
        RenderBudget.readValue(value);
        Arithmetic.requireLength(json.length());
        switch (value) {
            case Value.Text(String text) -> quote(text);
            case Value.None _ -> json.append("null");
            case Value.Bool(boolean fact) -> json.append(fact);
            case Value.Whole(var number) -> json.append(number);
            case Value.Real(double number) -> json.append(real(number));
            case Value.Sequence(var _, var items) -> items(items, depth);
            case Value.Mapping(var entries) -> entries(entries, depth);
            case Value.Undefined _, Value.Range _, Value.View _, Value.Once _, Value.Native _ ->
                throw new TemplateFailure("Object of type %s is not JSON serializable".formatted(TypeNames.of(value)));
        }
    }

    private void items(List<Value> items, int depth) {
        if (items.isEmpty()) {
            json.append("[]");
            return;
        }
        json.append('[');
        for (int i = 0; i < items.size(); i++) {
            separate(i, depth + 1);
            write(items.get(i), depth + 1);
        }
        newLine(depth);
        json.append(']');
    }

    private void entries(Map<Value, Value> entries, int depth) {
        if (entries.isEmpty()) {
            json.append("{}");
            return;
        }
        json.append('{');
        List<Value> keys = new ArrayList<>(entries.keySet());
        if (style.sorted()) {
            keys.sort(Comparison.ascending());
        }
        for (int i = 0; i < keys.size(); i++) {
            separate(i, depth + 1);
            quote(key(keys.get(i)));
            json.append(style.afterKey());
            write(entries.getOrDefault(keys.get(i), Value.NONE), depth + 1);
        }
        newLine(depth);
        json.append('}');
    }

    private void separate(int index, int depth) {
        if (index > 0) {
            json.append(style.afterItem());
        }
        newLine(depth);
    }

    private void newLine(int depth) {
        if (!style.onOneLine()) {
            json.append('\n').append(style.indent().repeat(depth));
        }
    }

    private static String key(Value key) {
        return switch (key) {
            case Value.Text(String text) -> text;
            case Value.None _ -> "null";
            case Value.Bool(boolean fact) -> String.valueOf(fact);
            case Value.Whole(var number) -> number.toString();
            case Value.Real(double number) -> real(number);
            default ->
                throw new TemplateFailure(
                        "keys must be str, int, float, bool or None, not %s".formatted(TypeNames.of(key)));
        };
    }

    private static String real(double number) {
        if (Double.isNaN(number)) {
            return "NaN";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "Infinity" : "-Infinity";
        }
        return PythonText.real(number);
    }

    private void quote(String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> json.append("\\\"");
                case '\\' -> json.append("\\\\");
                case '\n' -> json.append("\\n");
                case '\r' -> json.append("\\r");
                case '\t' -> json.append("\\t");
                case '\f' -> json.append("\\f");
                case '\b' -> json.append("\\b");
                default -> {
                    if (c < ' ' || (style.asciiOnly() && c > '~')) {
                        json.append("\\u%04x".formatted((int) c));
                    } else {
                        json.append(c);
                    }
                }
            }
        }
        json.append('"');
    }
}
