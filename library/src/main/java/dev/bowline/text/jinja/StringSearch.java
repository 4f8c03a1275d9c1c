package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Arguments.Bound;
import java.util.Map;
import java.util.function.BiFunction;

/// Finding and replacing in strings, at positions that count code points.
final class StringSearch {

    private StringSearch() {}

    static void register(Map<String, BiFunction<String, Arguments, Value>> methods) {
        methods.put("find", (text, arguments) -> Value.of(find("find", text, arguments)));
        methods.put("rfind", (text, arguments) -> Value.of(find("rfind", text, arguments)));
        methods.put("index", (text, arguments) -> Value.of(index("index", text, arguments)));
        methods.put("rindex", (text, arguments) -> Value.of(index("rindex", text, arguments)));
        methods.put("count", (text, arguments) -> {
            Bound bound = arguments.bind("count", "sub", "start?", "end?");
            return Value.of(count(part(text, bound, 1), bound.text(0)));
        });
    }

    /// The part of the text between the bounds given as two arguments, or all of it.
    static String part(String text, Bound bound, int first) {
        Value start = bound.orElse(first, Value.NONE);
        Value end = bound.orElse(first + 1, Value.NONE);
        return PythonText.text(Slicing.slice(Value.of(text), start, end, Value.NONE));
    }

    static String replace(String text, String old, String replacement, int count) {
        if (count == 0 || (old.isEmpty() && replacement.isEmpty())) {
            return text;
        }
        return old.isEmpty() ? interleaved(text, replacement, count) : replaced(text, old, replacement, count);
    }

    private static String replaced(String text, String old, String replacement, int count) {
        StringBuilder result = new StringBuilder();
        int from = 0;
        int left = count;
        for (int at = TextSearch.indexOf(text, old, 0);
                at >= 0 && left != 0;
                at = TextSearch.indexOf(text, old, from)) {
            Arithmetic.requireLength((long) result.length() + replacement.length());
            result.append(text, from, at).append(replacement);
            from = at + old.length();
            left--;
        }
        return result.append(text, from, text.length()).toString();
    }

    /// The empty string is found before every character and at the end.
    private static String interleaved(String text, String replacement, int count) {
        Arithmetic.requireLength((long) replacement.length() * (text.length() + 1));
        StringBuilder result = new StringBuilder();
        int left = count;
        for (String character : CodePoints.characters(text)) {
            result.append(left == 0 ? "" : replacement).append(character);
            left = left == 0 ? 0 : left - 1;
        }
        return result.append(left == 0 ? "" : replacement).toString();
    }

    private static int find(String name, String text, Arguments arguments) {
        Bound bound = arguments.bind(name, "sub", "start?", "end?");
        String part = part(text, bound, 1);
        String sought = bound.text(0);
        int at = name.startsWith("r")
                ? TextSearch.lastIndexOf(part, sought, part.length())
                : TextSearch.indexOf(part, sought, 0);
        if (at < 0) {
            return -1;
        }
        int length = CodePoints.length(text);
        int start = bound.count(1, 0);
        return part.codePointCount(0, at) + Math.clamp(start < 0 ? start + length : start, 0, length);
    }

    private static int index(String name, String text, Arguments arguments) {
        int found = find(name, text, arguments);
        if (found < 0) {
            throw new TemplateFailure("substring not found");
        }
        return found;
    }

    private static int count(String text, String sought) {
        if (sought.isEmpty()) {
            return CodePoints.length(text) + 1;
        }
        int count = 0;
        for (int at = TextSearch.indexOf(text, sought, 0);
                at >= 0;
                at = TextSearch.indexOf(text, sought, at + sought.length())) {
            count++;
        }
        return count;
    }
}
