package dev.bowline.text.jinja;

import java.math.BigDecimal;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// `'%s is %5.2f' % (name, number)`
final class PrintfFormat {

    private static final Pattern FIELD =
            Pattern.compile("%(?:\\(([^)]*)\\))?([-+ #0]*)(\\d{1,7})?(?:\\.(\\d{1,5}))?[hlL]?(.)", Pattern.DOTALL);

    private final Value given;
    private final List<Value> values;
    private int used;
    private boolean namesUsed;

    private PrintfFormat(Value given) {
        this.given = given;
        this.values = given instanceof Value.Sequence(var kind, var items) && kind == Value.Sequence.Kind.TUPLE
                ? items
                : List.of(given);
    }

    static String format(String format, Value given) {
        return new PrintfFormat(given).all(format);
    }

    private String all(String format) {
        StringBuilder text = new StringBuilder();
        int from = 0;
        for (int at = format.indexOf('%'); at >= 0; at = format.indexOf('%', from)) {
            text.append(format, from, at);
            Matcher field = FIELD.matcher(format).region(at, format.length());
            if (!field.lookingAt()) {
                throw new TemplateFailure("incomplete format");
            }
            text.append(field(field));
            Arithmetic.requireLength(text.length());
            from = field.end();
        }
        boolean leftOver = !namesUsed && used < values.size() && !canBeIndexed(given);
        if (leftOver) {
            throw new TemplateFailure("not all arguments converted during string formatting");
        }
        return text.append(format.substring(from)).toString();
    }

    /// Python takes a value with `[]` for a source of named fields, and allows unused ones.
    private static boolean canBeIndexed(Value value) {
        return value instanceof Value.Undefined
                || value instanceof Value.Mapping
                || value instanceof Value.Range
                || (value instanceof Value.Sequence(var kind, var _) && kind == Value.Sequence.Kind.LIST);
    }

    private String field(Matcher field) {
        char type = field.group(5).charAt(0);
        if (type == '%') {
            return "%";
        }
        Value value = value(Optional.ofNullable(field.group(1)));
        return spec(field, type).apply(converted(value, type));
    }

    private Value value(Optional<String> name) {
        if (name.isPresent()) {
            namesUsed = true;
            if (!(given instanceof Value.Mapping(var entries))) {
                throw new TemplateFailure("format requires a mapping");
            }
            return Optional.ofNullable(entries.get(Value.of(name.get())))
                    .orElseThrow(() -> new TemplateFailure("'%s'".formatted(name.get())));
        }
        if (used >= values.size()) {
            throw new TemplateFailure("not enough arguments for format string");
        }
        return values.get(used++);
    }

    private static Value converted(Value value, char type) {
        return switch (type) {
            case 's' -> Value.of(PythonText.text(value));
            case 'r', 'a' -> Value.of(PythonText.represent(value));
            case 'd', 'i', 'u' -> {
                requireNumber(value, type);
                yield value instanceof Value.Real(double number)
                        ? new Value.Whole(new BigDecimal(number).toBigInteger())
                        : new Value.Whole(Numbers.whole(value));
            }
            case 'e', 'E', 'f', 'F', 'g', 'G' -> {
                requireNumber(value, type);
                yield Value.of(Numbers.real(value));
            }
            case 'x', 'X', 'o' -> {
                if (!Numbers.isWhole(value)) {
                    throw new TemplateFailure(
                            "%%%c format: an integer is required, not %s".formatted(type, TypeNames.of(value)));
                }
                yield new Value.Whole(Numbers.whole(value));
            }
            case 'c' -> value instanceof Value.Text ? value : Value.of(character(value));
            default -> throw new TemplateFailure("unsupported format character '%c'".formatted(type));
        };
    }

    /// The character with this number.
    static String character(Value value) {
        int code = Numbers.count(value);
        if (!Character.isValidCodePoint(code)) {
            throw new TemplateFailure("%c arg not in range(0x110000)");
        }
        return Character.toString(code);
    }

    private static void requireNumber(Value value, char type) {
        Arithmetic.requireDefined(value);
        if (!Numbers.isNumber(value)) {
            throw new TemplateFailure(
                    "%%%c format: a real number is required, not %s".formatted(type, TypeNames.of(value)));
        }
    }

    private static FormatSpec spec(Matcher field, char type) {
        String flags = field.group(2);
        boolean text = "sra".indexOf(type) >= 0;
        boolean zeros = flags.contains("0") && !flags.contains("-") && !text;
        char align = flags.contains("-") ? '<' : zeros ? '=' : '>';
        char sign = flags.contains("+") ? '+' : flags.contains(" ") ? ' ' : '-';
        char specType = switch (type) {
            case 's', 'r', 'a' -> 's';
            case 'd', 'i', 'u' -> 'd';
            case 'c' -> ' ';
            default -> type;
        };
        return new FormatSpec(
                zeros ? "0" : " ",
                Optional.of(align),
                sign,
                flags.contains("#"),
                Optional.ofNullable(field.group(3)).map(Integer::valueOf).orElse(0),
                ' ',
                Optional.ofNullable(field.group(4)).map(Integer::valueOf),
                specType);
    }
}
