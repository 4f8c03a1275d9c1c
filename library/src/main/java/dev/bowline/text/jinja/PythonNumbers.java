package dev.bowline.text.jinja;

import java.math.BigInteger;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/// The results of Python's `int(…)` and `float(…)`; empty where Python raises an error.
final class PythonNumbers {

    /// Possessive, so that a text of many digits is walked through once and without recursion.
    private static final Pattern REAL =
            Pattern.compile("[+-]?(?:DIGITS(?:\\.(?:DIGITS)?+)?+|\\.DIGITS)(?:[eE][+-]?DIGITS)?+"
                    .replace("DIGITS", "\\d++(?:_\\d++)*+"));
    private static final Pattern UNDERSCORES = Pattern.compile("[0-9a-z]++(?:_[0-9a-z]++)*+");
    private static final int MAX_DIGITS = 4300;

    private PythonNumbers() {}

    static Optional<Value> whole(String text, int base) {
        String written = CodePoints.strip(text).toLowerCase(Locale.ROOT);
        boolean negative = written.startsWith("-");
        String digits = negative || written.startsWith("+") ? written.substring(1) : written;
        int radix = base;
        String prefix = digits.length() > 2 ? digits.substring(0, 2) : "";
        int prefixed = switch (prefix) {
            case "0b" -> 2;
            case "0o" -> 8;
            case "0x" -> 16;
            default -> 0;
        };
        if (prefixed != 0 && (base == prefixed || base == 0)) {
            radix = prefixed;
            digits = digits.substring(2);
        }
        radix = radix == 0 ? 10 : radix;
        if (radix < 2
                || radix > 36
                || digits.length() > 2 * MAX_DIGITS
                || !UNDERSCORES.matcher(digits).matches()) {
            return Optional.empty();
        }
        String plain = digits.replace("_", "");
        int allowed = radix;
        if (plain.length() > MAX_DIGITS || !plain.chars().allMatch(c -> Character.digit(c, allowed) >= 0)) {
            return Optional.empty();
        }
        BigInteger number = new BigInteger(plain, radix);
        return Optional.of(new Value.Whole(negative ? number.negate() : number));
    }

    static Optional<Value> real(Value value) {
        return switch (value) {
            case Value.Text(String text) -> real(CodePoints.strip(text));
            case Value.Bool _, Value.Whole _ -> Optional.of(Value.of(Numbers.real(value)));
            case Value.Real _ -> Optional.of(value);
            case Value.Undefined(String message) -> throw new TemplateFailure(message);
            default -> Optional.empty();
        };
    }

    private static Optional<Value> real(String text) {
        if (REAL.matcher(text).matches()) {
            return Optional.of(Value.of(Double.parseDouble(text.replace("_", ""))));
        }
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "inf", "+inf", "infinity", "+infinity" -> Optional.of(Value.of(Double.POSITIVE_INFINITY));
            case "-inf", "-infinity" -> Optional.of(Value.of(Double.NEGATIVE_INFINITY));
            case "nan", "+nan", "-nan" -> Optional.of(Value.of(Double.NaN));
            default -> Optional.empty();
        };
    }
}
