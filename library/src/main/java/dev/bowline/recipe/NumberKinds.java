package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Scalar;
import dev.bowline.recipe.YamlValue.Sequence;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoublePredicate;
import java.util.function.Function;

/// Keys that hold numbers, and lists of them.
final class NumberKinds {

    private NumberKinds() {}

    /// Which numbers a key takes.
    record Range(String text, DoublePredicate holds) {

        static Range above(double low) {
            return new Range("above " + shortest(low), value -> value > low);
        }

        static Range atLeast(double low) {
            return new Range("of at least " + shortest(low), value -> value >= low);
        }
    }

    static Kind<Integer> integerFrom(int least) {
        String expected = "an integer of at least " + least;
        return Kind.ofScalar(
                expected, "one, such as " + Math.max(1, least), scalar -> integer(scalar, least), String::valueOf);
    }

    static Kind<Long> longFrom(long least) {
        return Kind.ofScalar(
                "an integer of at least " + least,
                "one, such as 42",
                scalar -> whole(
                        scalar,
                        BigInteger.valueOf(least),
                        BigInteger.valueOf(Long.MAX_VALUE),
                        BigInteger::longValueExact),
                String::valueOf);
    }

    static Kind<Double> number(Range range, String example) {
        return Kind.ofScalar(
                "a number " + range.text(),
                "one, such as " + example,
                scalar -> number(scalar, range, example),
                NumberKinds::shortest);
    }

    static Kind<Betas> betas() {
        Range range = new Range("of at least 0 and below 1", value -> value >= 0 && value < 1);
        return new Kind<>(
                "a list of two numbers, each at least 0 and below 1",
                value -> {
                    if (!(value instanceof Sequence list) || list.items().size() != 2) {
                        return new Reading.Unsound<>("write two, such as [0.9, 0.999]");
                    }
                    List<Double> sound = new ArrayList<>();
                    for (int i = 0; i < 2; i++) {
                        YamlValue item = list.items().get(i);
                        Kind<Double> rate = number(range, i == 0 ? "0.9" : "0.999");
                        switch (rate.reader().apply(item)) {
                            case Reading.Sound<Double>(Double number) -> sound.add(number);
                            case Reading.Unsound<Double>(String fix, var _) -> {
                                Reading.Part part = new Reading.Part("[%d]".formatted(i), rate.expected(), item);
                                return new Reading.Unsound<>(fix, Optional.of(part));
                            }
                        }
                    }
                    return new Reading.Sound<>(new Betas(sound.getFirst(), sound.getLast()));
                },
                betas -> "[%s, %s]".formatted(shortest(betas.first()), shortest(betas.second())));
    }

    /// A number as YAML, so that reading it gives the same bits.
    static String shortest(double value) {
        if (value == Math.rint(value) && Math.abs(value) < 1e7) {
            return String.valueOf((long) value);
        }
        return String.valueOf(value).replace('E', 'e').replace(".0e", "e");
    }

    private static Reading<Integer> integer(Scalar scalar, int least) {
        return whole(
                scalar, BigInteger.valueOf(least), BigInteger.valueOf(Integer.MAX_VALUE), BigInteger::intValueExact);
    }

    private static <T> Reading<T> whole(
            Scalar scalar, BigInteger least, BigInteger most, Function<BigInteger, T> narrow) {
        String text = scalar.text();
        if (!Scalar.INTEGER.matcher(text).matches()) {
            return new Reading.Unsound<>(wholeFix(scalar));
        }
        if (!scalar.isPlain()) {
            return new Reading.Unsound<>("remove the quotes");
        }
        if (text.matches("[-+]?0[0-9]+")) {
            return new Reading.Unsound<>("remove the leading zeros, which some YAML readers take for octal");
        }
        BigInteger value = new BigInteger(text);
        if (value.compareTo(least) < 0) {
            return new Reading.Unsound<>("write %s or more".formatted(least));
        }
        if (value.compareTo(most) > 0) {
            return new Reading.Unsound<>("write %s or less".formatted(most));
        }
        return new Reading.Sound<>(narrow.apply(value));
    }

    private static String wholeFix(Scalar scalar) {
        String text = scalar.text();
        if (text.matches("[-+]?[0-9][0-9_,]*")) {
            return "write %s, without separators".formatted(text.replaceAll("[_,]", ""));
        }
        if (Scalar.NUMBER.matcher(text).matches() && text.length() < 20) {
            BigDecimal value = new BigDecimal(text);
            if (value.signum() != 0
                    && Math.abs(value.scale()) < 20
                    && value.stripTrailingZeros().scale() <= 0) {
                return "write %s".formatted(value.toBigInteger());
            }
        }
        return "write digits only";
    }

    private static Reading<Double> number(Scalar scalar, Range range, String example) {
        String text = scalar.text();
        if (!Scalar.NUMBER.matcher(text).matches()) {
            return new Reading.Unsound<>("write a finite number, such as " + example);
        }
        if (!scalar.isPlain()) {
            return new Reading.Unsound<>("remove the quotes");
        }
        double value = Double.parseDouble(text);
        if (!Double.isFinite(value)) {
            return new Reading.Unsound<>("write a finite number, such as " + example);
        }
        if (!range.holds().test(value)) {
            return new Reading.Unsound<>("write a number %s, such as %s".formatted(range.text(), example));
        }
        return new Reading.Sound<>(value);
    }
}
