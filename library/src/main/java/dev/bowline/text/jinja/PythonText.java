package dev.bowline.text.jinja;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;

/// The printed form of values: Python's `str` and, inside containers, `repr`.
final class PythonText {

    private static final int MAX_DEPTH = 200;
    private static final int SMALLEST_PLAIN_EXPONENT = -4;
    private static final int LARGEST_PLAIN_EXPONENT = 16;

    private PythonText() {}

    static String text(Value value) {
        return switch (value) {
            case Value.Text(String text) -> text;
            case Value.Undefined _ -> "";
            default -> represent(value, 0);
        };
    }

    static String represent(Value value) {
        return represent(value, 0);
    }

    private static String represent(Value value, int depth) {
        RenderBudget.step();
        RenderBudget.readValue(value);
        if (depth > MAX_DEPTH) {
            throw new TemplateFailure("a value nested more than %d deep cannot be printed".formatted(MAX_DEPTH));
        }
        return switch (value) {
            case Value.Undefined _ -> "Undefined";
            case Value.None _ -> "None";
            case Value.Bool(boolean fact) -> fact ? "True" : "False";
            case Value.Whole(var number) -> number.toString();
            case Value.Real(double number) -> real(number);
            case Value.Text(String text) -> quoted(text);
            case Value.Sequence(var kind, var items) ->
                switch (kind) {
                    case LIST -> "[" + joined(items, depth) + "]";
                    case TUPLE -> "(" + joined(items, depth) + (items.size() == 1 ? ",)" : ")");
                };
            case Value.Range(long start, long stop, long step, var _) ->
                step == 1 ? "range(%d, %d)".formatted(start, stop) : "range(%d, %d, %d)".formatted(start, stop, step);
            case Value.Mapping(var entries) -> entries(entries, depth);
            case Value.View(String pythonName, var items) -> pythonName + "([" + joined(items, depth) + "])";
            case Value.Once _ -> "<generator object>";
            case Namespace namespace -> "<Namespace " + entries(namespace.entries(), depth) + ">";
            case Value.Native object -> object.description();
        };
    }

    private static String entries(Map<Value, Value> entries, int depth) {
        StringBuilder text = new StringBuilder("{");
        String separator = "";
        for (Map.Entry<Value, Value> entry : entries.entrySet()) {
            append(text, separator + represent(entry.getKey(), depth + 1) + ": ");
            append(text, represent(entry.getValue(), depth + 1));
            separator = ", ";
        }
        return text.append('}').toString();
    }

    private static String joined(List<Value> items, int depth) {
        StringBuilder text = new StringBuilder();
        for (Value item : items) {
            append(text, text.isEmpty() ? "" : ", ");
            append(text, represent(item, depth + 1));
        }
        return text.toString();
    }

    private static void append(StringBuilder text, String part) {
        Arithmetic.requireLength((long) text.length() + part.length());
        RenderBudget.made(part.length());
        text.append(part);
    }

    /// The shortest digits that give the number back, plain between 0.0001 and 10¹⁶ and with an exponent beyond.
    static String real(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        }
        if (number == 0) {
            return 1 / number > 0 ? "0.0" : "-0.0";
        }
        BigDecimal shortest = shortest(number);
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= SMALLEST_PLAIN_EXPONENT && exponent < LARGEST_PLAIN_EXPONENT) {
            String plain = shortest.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = shortest.unscaledValue().abs().toString();
        String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
        String sign = number < 0 ? "-" : "";
        return "%s%c%se%c%02d"
                .formatted(sign, digits.charAt(0), fraction, exponent < 0 ? '-' : '+', Math.abs(exponent));
    }

    /// Java writes at least two digits, which is one too many for some of the smallest numbers.
    private static BigDecimal shortest(double number) {
        BigDecimal digits = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        BigDecimal oneLess = digits.round(new MathContext(Math.max(1, digits.precision() - 1), RoundingMode.HALF_EVEN));
        return oneLess.doubleValue() == number ? oneLess.stripTrailingZeros() : digits;
    }

    /// In single quotes, unless the text has some and no double ones.
    private static String quoted(String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder quoted = new StringBuilder().append(quote);
        text.codePoints().forEach(c -> {
            switch (c) {
                case '\\' -> quoted.append("\\\\");
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                default -> {
                    if (c == quote) {
                        quoted.append('\\').append(quote);
                    } else if (isPrintable(c)) {
                        quoted.appendCodePoint(c);
                    } else {
                        quoted.append(escaped(c));
                    }
                }
            }
        });
        return quoted.append(quote).toString();
    }

    private static String escaped(int c) {
        if (c <= 0xff) {
            return "\\x%02x".formatted(c);
        }
        return c <= 0xffff ? "\\u%04x".formatted(c) : "\\U%08x".formatted(c);
    }

    static boolean isPrintable(int c) {
        if (c == ' ') {
            return true;
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SPACE_SEPARATOR -> false;
            default -> true;
        };
    }
}
