package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Arguments.Bound;
import java.util.Map;
import java.util.function.BiFunction;

/// Making strings as wide as asked.
final class StringPadding {

    private StringPadding() {}

    static void register(Map<String, BiFunction<String, Arguments, Value>> methods) {
        methods.put("ljust", (text, arguments) -> {
            Bound bound = arguments.bind("ljust", "width", "fillchar?");
            return Value.of(text + fill(bound).repeat(missing(text, bound)));
        });
        methods.put("rjust", (text, arguments) -> {
            Bound bound = arguments.bind("rjust", "width", "fillchar?");
            return Value.of(fill(bound).repeat(missing(text, bound)) + text);
        });
        methods.put("center", (text, arguments) -> {
            Bound bound = arguments.bind("center", "width", "fillchar?");
            return Value.of(center(text, Numbers.count(bound.get(0)), fill(bound)));
        });
        methods.put("zfill", (text, arguments) -> {
            Bound bound = arguments.bind("zfill", "width");
            boolean signed = text.startsWith("-") || text.startsWith("+");
            String zeros = "0".repeat(missing(text, bound));
            return Value.of(signed ? text.charAt(0) + zeros + text.substring(1) : zeros + text);
        });
    }

    /// An odd blank goes to the left where the width is odd, to the right where it is even.
    static String center(String text, int width, String fill) {
        int missing = Math.max(0, width - CodePoints.length(text));
        Arithmetic.requireLength(missing);
        int left = missing / 2 + (missing & width & 1);
        return fill.repeat(left) + text + fill.repeat(missing - left);
    }

    private static int missing(String text, Bound bound) {
        int missing = Math.max(0, Numbers.count(bound.get(0)) - CodePoints.length(text));
        Arithmetic.requireLength(missing);
        return missing;
    }

    private static String fill(Bound bound) {
        String fill = bound.text(1, " ");
        if (CodePoints.length(fill) != 1) {
            throw new TemplateFailure("The fill character must be exactly one character long");
        }
        return fill;
    }
}
