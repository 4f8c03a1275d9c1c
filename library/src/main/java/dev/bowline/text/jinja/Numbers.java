package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Value.Bool;
import dev.bowline.text.jinja.Value.Real;
import dev.bowline.text.jinja.Value.Whole;
import java.math.BigDecimal;
import java.math.BigInteger;

/// Python's three number types as one line: `bool` is an `int`, and an `int` equals the `float` of its value.
final class Numbers {

    private static final double EXACT_WHOLE = 0x1p53;

    private Numbers() {}

    static boolean isNumber(Value value) {
        return value instanceof Bool || value instanceof Whole || value instanceof Real;
    }

    static boolean isWhole(Value value) {
        return value instanceof Bool || value instanceof Whole;
    }

    static BigInteger whole(Value value) {
        return switch (value) {
            case Bool(boolean fact) -> fact ? BigInteger.ONE : BigInteger.ZERO;
            case Whole(BigInteger number) -> number;
            default ->
                throw new TemplateFailure(
                        "'%s' object cannot be interpreted as an integer".formatted(TypeNames.of(value)));
        };
    }

    /// A whole number that counts something, so it must fit an `int`.
    static int count(Value value) {
        BigInteger number = whole(value);
        if (number.bitLength() > 31) {
            throw new TemplateFailure("%s is too large a count".formatted(number));
        }
        return number.intValue();
    }

    static double real(Value value) {
        return switch (value) {
            case Real(double number) -> number;
            case Bool _, Whole _ -> {
                double number = whole(value).doubleValue();
                if (Double.isInfinite(number)) {
                    throw new TemplateFailure("int too large to convert to float");
                }
                yield number;
            }
            default -> throw new TemplateFailure("must be real number, not %s".formatted(TypeNames.of(value)));
        };
    }

    static boolean equal(Value left, Value right) {
        RenderBudget.step();
        if (!isNumber(left) || !isNumber(right)) {
            return false;
        }
        if (left instanceof Real(double a) && right instanceof Real(double b)) {
            return a == b;
        }
        return compare(left, right) == 0 && !isNaN(left) && !isNaN(right);
    }

    static boolean isNaN(Value value) {
        return value instanceof Real(double number) && Double.isNaN(number);
    }

    /// Exact, also where a whole number is too large to be a `double`. A NaN must be kept out by the caller.
    static int compare(Value left, Value right) {
        if (isWhole(left) && isWhole(right)) {
            return whole(left).compareTo(whole(right));
        }
        if (isFinite(left) && isFinite(right)) {
            return decimal(left).compareTo(decimal(right));
        }
        return Double.compare(approximate(left), approximate(right));
    }

    static int hash(Value value) {
        if (value instanceof Real(double number)) {
            boolean whole = number == Math.rint(number) && Math.abs(number) < EXACT_WHOLE;
            return whole ? BigInteger.valueOf((long) number).hashCode() : Double.hashCode(number);
        }
        return whole(value).hashCode();
    }

    private static boolean isFinite(Value value) {
        return !(value instanceof Real(double number)) || Double.isFinite(number);
    }

    private static BigDecimal decimal(Value value) {
        return value instanceof Real(double number) ? new BigDecimal(number) : new BigDecimal(whole(value));
    }

    private static double approximate(Value value) {
        return value instanceof Real(double number) ? number : whole(value).doubleValue();
    }
}
