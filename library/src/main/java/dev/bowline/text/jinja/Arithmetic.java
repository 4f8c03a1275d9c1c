package dev.bowline.text.jinja;

import dev.bowline.text.jinja.Expression.Operator;
import dev.bowline.text.jinja.Value.Sequence;
import dev.bowline.text.jinja.Value.Text;
import dev.bowline.text.jinja.Value.Undefined;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/// The arithmetic operators, on numbers as Python computes them and on the texts and lists that have some too.
final class Arithmetic {

    private static final int MAX_LENGTH = 1 << 25;
    private static final int MAX_BITS = 1 << 16;

    private Arithmetic() {}

    static Value apply(Operator operator, Value left, Value right) {
        RenderBudget.readValue(left);
        RenderBudget.readValue(right);
        Value result = computed(operator, left, right);
        RenderBudget.madeValue(result);
        return result;
    }

    private static Value computed(Operator operator, Value left, Value right) {
        if (operator == Operator.REMAINDER && left instanceof Text(String format)) {
            return Value.of(PrintfFormat.format(format, right));
        }
        requireDefined(left);
        requireDefined(right);
        if (Numbers.isWhole(left) && Numbers.isWhole(right)) {
            return whole(operator, Numbers.whole(left), Numbers.whole(right));
        }
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
            return Value.of(real(operator, Numbers.real(left), Numbers.real(right)));
        }
        return switch (operator) {
            case ADD -> join(left, right);
            case MULTIPLY -> Numbers.isWhole(left) ? repeat(right, left) : repeat(left, right);
            case SUBTRACT, DIVIDE, FLOOR_DIVIDE, REMAINDER, POWER -> throw unsupported(operator, left, right);
        };
    }

    static Value negate(Value value) {
        requireDefined(value);
        if (value instanceof Value.Real(double number)) {
            return Value.of(-number);
        }
        if (Numbers.isWhole(value)) {
            return new Value.Whole(Numbers.whole(value).negate());
        }
        throw new TemplateFailure("bad operand type for unary -: '%s'".formatted(TypeNames.of(value)));
    }

    static Value plus(Value value) {
        requireDefined(value);
        if (Numbers.isNumber(value)) {
            return Numbers.isWhole(value) ? new Value.Whole(Numbers.whole(value)) : value;
        }
        throw new TemplateFailure("bad operand type for unary +: '%s'".formatted(TypeNames.of(value)));
    }

    static void requireDefined(Value value) {
        if (value instanceof Undefined(String message)) {
            throw new TemplateFailure(message);
        }
    }

    /// Refuses a text or list so long that it can only be a mistake, before it is made.
    static void requireLength(long length) {
        if (length > MAX_LENGTH) {
            throw new TemplateFailure(
                    "a text or list of %d items is more than templates may make (%d)".formatted(length, MAX_LENGTH));
        }
    }

    private static Value whole(Operator operator, BigInteger left, BigInteger right) {
        return switch (operator) {
            case ADD -> new Value.Whole(left.add(right));
            case SUBTRACT -> new Value.Whole(left.subtract(right));
            case MULTIPLY -> {
                requireBits((long) left.bitLength() + right.bitLength());
                yield new Value.Whole(left.multiply(right));
            }
            case DIVIDE -> {
                requireNotZero(right.signum() == 0, "division by zero");
                yield Value.of(left.doubleValue() / right.doubleValue());
            }
            case FLOOR_DIVIDE -> {
                requireNotZero(right.signum() == 0, "integer division or modulo by zero");
                yield new Value.Whole(floorDivide(left, right));
            }
            case REMAINDER -> {
                requireNotZero(right.signum() == 0, "integer modulo by zero");
                yield new Value.Whole(left.subtract(floorDivide(left, right).multiply(right)));
            }
            case POWER -> power(left, right);
        };
    }

    private static BigInteger floorDivide(BigInteger left, BigInteger right) {
        BigInteger[] parts = left.divideAndRemainder(right);
        boolean roundsUp = parts[1].signum() != 0 && parts[1].signum() != right.signum();
        return roundsUp ? parts[0].subtract(BigInteger.ONE) : parts[0];
    }

    private static Value power(BigInteger base, BigInteger exponent) {
        if (exponent.signum() < 0) {
            requireNotZero(base.signum() == 0, "0.0 cannot be raised to a negative power");
            return Value.of(Math.pow(base.doubleValue(), exponent.doubleValue()));
        }
        if (exponent.bitLength() > 31) {
            throw new TemplateFailure("the exponent %s is too large".formatted(exponent));
        }
        requireBits((long) base.bitLength() * exponent.intValue());
        return new Value.Whole(base.pow(exponent.intValue()));
    }

    private static double real(Operator operator, double left, double right) {
        return switch (operator) {
            case ADD -> left + right;
            case SUBTRACT -> left - right;
            case MULTIPLY -> left * right;
            case DIVIDE -> {
                requireNotZero(right == 0, "float division by zero");
                yield left / right;
            }
            case FLOOR_DIVIDE -> {
                requireNotZero(right == 0, "float floor division by zero");
                yield Math.rint((left - floorRemainder(left, right)) / right);
            }
            case REMAINDER -> {
                requireNotZero(right == 0, "float modulo by zero");
                yield floorRemainder(left, right);
            }
            case POWER -> {
                requireNotZero(left == 0 && right < 0, "0.0 cannot be raised to a negative power");
                yield Math.pow(left, right);
            }
        };
    }

    private static double floorRemainder(double left, double right) {
        double remainder = left % right;
        return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder;
    }

    private static Value join(Value left, Value right) {
        if (left instanceof Text(String a) && right instanceof Text(String b)) {
            requireLength((long) a.length() + b.length());
            return Value.of(a + b);
        }
        if (left instanceof Sequence(var kind, var a) && right instanceof Sequence(var other, var b) && kind == other) {
            requireLength((long) a.size() + b.size());
            List<Value> items = new ArrayList<>(a);
            items.addAll(b);
            return new Sequence(kind, items);
        }
        if (left instanceof Text) {
            throw new TemplateFailure("can only concatenate str (not \"%s\") to str".formatted(TypeNames.of(right)));
        }
        if (left instanceof Sequence) {
            String kind = TypeNames.of(left);
            throw new TemplateFailure(
                    "can only concatenate %s (not \"%s\") to %s".formatted(kind, TypeNames.of(right), kind));
        }
        throw unsupported(Operator.ADD, left, right);
    }

    private static Value repeat(Value repeated, Value times) {
        if (!Numbers.isWhole(times)) {
            if (repeated instanceof Text || repeated instanceof Sequence) {
                throw new TemplateFailure(
                        "can't multiply sequence by non-int of type '%s'".formatted(TypeNames.of(times)));
            }
            throw unsupported(Operator.MULTIPLY, repeated, times);
        }
        long count = Math.max(0, Numbers.count(times));
        return switch (repeated) {
            case Text(String text) -> {
                requireLength(text.length() * count);
                yield Value.of(text.repeat((int) count));
            }
            case Sequence(var kind, var items) -> {
                requireLength(items.size() * count);
                List<Value> all = new ArrayList<>();
                for (int i = 0; i < count; i++) {
                    all.addAll(items);
                }
                yield new Sequence(kind, all);
            }
            default -> throw unsupported(Operator.MULTIPLY, repeated, times);
        };
    }

    private static void requireBits(long bits) {
        if (bits > MAX_BITS) {
            throw new TemplateFailure(
                    "a number of %d bits is more than templates may make (%d)".formatted(bits, MAX_BITS));
        }
    }

    private static void requireNotZero(boolean isZero, String message) {
        if (isZero) {
            throw new TemplateFailure(message);
        }
    }

    private static TemplateFailure unsupported(Operator operator, Value left, Value right) {
        String sign = switch (operator) {
            case ADD -> "+";
            case SUBTRACT -> "-";
            case MULTIPLY -> "*";
            case DIVIDE -> "/";
            case FLOOR_DIVIDE -> "//";
            case REMAINDER -> "%";
            case POWER -> "** or pow()";
        };
        return new TemplateFailure("unsupported operand type(s) for %s: '%s' and '%s'"
                .formatted(sign, TypeNames.of(left), TypeNames.of(right)));
    }
}
