package dev.bowline.text.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The format of one value: the part after the colon in `'{:>8.2f}'`, or the equivalent of `%8.2f`.
///
/// @param align one of `< > ^ =`
/// @param type the conversion letter; a blank if none was given
record FormatSpec(
        String fill,
        Optional<Character> align,
        char sign,
        boolean alternate,
        int width,
        char grouping,
        Optional<Integer> precision,
        char type) {

    private static final Pattern NOTATION = Pattern.compile(
            "(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\\d{1,7})?([,_])?(?:\\.(\\d{1,5}))?([a-zA-Z%])?", Pattern.DOTALL);

    static FormatSpec parse(String notation) {
        Matcher matcher = NOTATION.matcher(notation);
        if (!matcher.matches()) {
            throw new TemplateFailure("Invalid format specifier '%s'".formatted(notation));
        }
        boolean zeros = matcher.group(5) != null;
        Optional<Character> align = Optional.ofNullable(matcher.group(2)).map(text -> text.charAt(0));
        return new FormatSpec(
                Optional.ofNullable(matcher.group(1)).orElse(zeros ? "0" : " "),
                align.or(() -> zeros ? Optional.of('=') : Optional.empty()),
                letter(matcher.group(3), '-'),
                matcher.group(4) != null,
                Optional.ofNullable(matcher.group(6)).map(Integer::valueOf).orElse(0),
                letter(matcher.group(7), ' '),
                Optional.ofNullable(matcher.group(8)).map(Integer::valueOf),
                letter(matcher.group(9), ' '));
    }

    private static char letter(@org.jspecify.annotations.Nullable String group, char otherwise) {
        return group == null ? otherwise : group.charAt(0);
    }

    String apply(Value value) {
        return switch (value) {
            case Value.Text(String text) -> text(text);
            case Value.Bool _ -> type == ' ' && width == 0 ? PythonText.text(value) : number(value);
            case Value.Whole _, Value.Real _ -> number(value);
            default -> {
                if (!equals(parse(""))) {
                    throw new TemplateFailure(
                            "unsupported format string passed to %s.__format__".formatted(TypeNames.of(value)));
                }
                yield PythonText.text(value);
            }
        };
    }

    private String text(String text) {
        if (type != ' ' && type != 's') {
            throw new TemplateFailure("Unknown format code '%c' for object of type 'str'".formatted(type));
        }
        boolean cut = precision.isPresent() && precision.get() < CodePoints.length(text);
        return padded("", cut ? CodePoints.part(text, 0, precision.get()) : text, '<');
    }

    private String number(Value value) {
        boolean real = switch (type) {
            case 'e', 'E', 'f', 'F', 'g', 'G', '%' -> true;
            case 'd', 'b', 'o', 'x', 'X', 'c' -> {
                if (value instanceof Value.Real) {
                    throw new TemplateFailure("Unknown format code '%c' for object of type 'float'".formatted(type));
                }
                yield false;
            }
            case ' ' -> value instanceof Value.Real;
            default ->
                throw new TemplateFailure(
                        "Unknown format code '%c' for object of type '%s'".formatted(type, TypeNames.of(value)));
        };
        return real ? real(Numbers.real(value)) : whole(Numbers.whole(value));
    }

    private String whole(BigInteger number) {
        String digits = switch (type) {
            case 'b' -> (alternate ? "0b" : "") + number.abs().toString(2);
            case 'o' -> (alternate ? "0o" : "") + number.abs().toString(8);
            case 'x' -> (alternate ? "0x" : "") + number.abs().toString(16);
            case 'X' -> (alternate ? "0X" : "") + number.abs().toString(16).toUpperCase(Locale.ROOT);
            case 'c' -> PrintfFormat.character(new Value.Whole(number));
            default -> grouped(number.abs().toString());
        };
        return padded(signOf(number.signum() < 0), digits, '>');
    }

    private String real(double number) {
        boolean negative = number < 0 || (number == 0 && 1 / number < 0);
        double size = Math.abs(number);
        if (!Double.isFinite(size)) {
            return padded(signOf(negative), Double.isNaN(size) ? "nan" : "inf", '>');
        }
        String digits = switch (type) {
            case 'f', 'F' -> fixed(new BigDecimal(size), precision.orElse(6));
            case '%' -> fixed(new BigDecimal(size).scaleByPowerOfTen(2), precision.orElse(6)) + "%";
            case 'e' -> scientific(size, precision.orElse(6));
            case 'E' -> scientific(size, precision.orElse(6)).toUpperCase(Locale.ROOT);
            case 'g' -> general(size, precision.orElse(6));
            case 'G' -> general(size, precision.orElse(6)).toUpperCase(Locale.ROOT);
            default -> precision.map(digitCount -> shortest(size, digitCount)).orElseGet(() -> PythonText.real(size));
        };
        return padded(signOf(negative), grouped(digits), '>');
    }

    private static String fixed(BigDecimal number, int places) {
        return number.setScale(places, RoundingMode.HALF_EVEN).toPlainString();
    }

    private static String scientific(double number, int places) {
        if (number == 0) {
            return "0" + (places > 0 ? "." + "0".repeat(places) : "") + "e+00";
        }
        BigDecimal rounded =
                new BigDecimal(number).round(new java.math.MathContext(places + 1, RoundingMode.HALF_EVEN));
        int exponent = rounded.precision() - rounded.scale() - 1;
        String digits = rounded.unscaledValue().toString();
        digits = digits + "0".repeat(Math.max(0, places + 1 - digits.length()));
        String fraction = places > 0 ? "." + digits.substring(1, places + 1) : "";
        return "%c%se%c%02d".formatted(digits.charAt(0), fraction, exponent < 0 ? '-' : '+', Math.abs(exponent));
    }

    private static String general(double number, int asked) {
        int significant = Math.max(1, asked);
        if (number == 0) {
            return "0";
        }
        BigDecimal rounded =
                new BigDecimal(number).round(new java.math.MathContext(significant, RoundingMode.HALF_EVEN));
        int exponent = rounded.precision() - rounded.scale() - 1;
        if (exponent >= -4 && exponent < significant) {
            return rounded.stripTrailingZeros().toPlainString();
        }
        String text = scientific(number, significant - 1);
        int end = text.indexOf('e');
        return text.substring(0, end).contains(".")
                ? text.substring(0, end).replaceFirst("\\.?0+$", "") + text.substring(end)
                : text;
    }

    /// A precision without a type counts significant digits but keeps a number looking like a float.
    private static String shortest(double number, int digits) {
        String general = general(number, digits);
        return general.matches("\\d+") && general.length() < digits + 1 ? general + ".0" : general;
    }

    private String grouped(String digits) {
        if (grouping == ' ') {
            return digits;
        }
        int end = 0;
        while (end < digits.length() && Character.isDigit(digits.charAt(end))) {
            end++;
        }
        StringBuilder grouped = new StringBuilder(digits);
        for (int at = end - 3; at > 0; at -= 3) {
            grouped.insert(at, grouping);
        }
        return grouped.toString();
    }

    private String signOf(boolean negative) {
        if (negative) {
            return "-";
        }
        return sign == '-' ? "" : String.valueOf(sign);
    }

    private String padded(String signText, String body, char usual) {
        int missing = Math.max(0, width - signText.length() - CodePoints.length(body));
        RenderBudget.made(missing + (long) body.length());
        return switch (align.orElse(usual)) {
            case '<' -> signText + body + fill.repeat(missing);
            case '^' -> fill.repeat(missing / 2) + signText + body + fill.repeat(missing - missing / 2);
            case '=' -> signText + fill.repeat(missing) + body;
            default -> fill.repeat(missing) + signText + body;
        };
    }
}
