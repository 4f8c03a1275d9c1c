package dev.bowline.recipe;

import dev.bowline.recipe.KeyType.Invalid;
import dev.bowline.recipe.KeyType.Parsed;
import dev.bowline.recipe.KeyType.Valid;
import dev.bowline.recipe.YamlValue.Scalar;
import dev.bowline.recipe.YamlValue.Sequence;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.DoublePredicate;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Types of keys with numbers.
final class NumberTypes {

    private static final Pattern TIME = Pattern.compile("([0-9]{1,6})([smh])");

    private NumberTypes() {}

    /// The numbers of a key.
    private record Range(String text, DoublePredicate holds) {}

    static KeyType<Double> above(double low, String example) {
        return number(new Range("above " + shortest(low), value -> value > low), example);
    }

    static KeyType<Double> atLeast(double low, String example) {
        return number(new Range("of at least " + shortest(low), value -> value >= low), example);
    }

    static KeyType<Double> only(double value, String example) {
        return number(new Range("that is " + shortest(value), written -> written == value), example);
    }

    /// @param least above 0
    static KeyType<Integer> zeroOrFrom(int least) {
        KeyType<Integer> positive = integerFrom(least);
        return KeyType.ofScalar(
                "0 or " + positive.expected(),
                "0, or one such as " + least,
                scalar -> scalar.text().equals("0") && scalar.isPlain() ? new Valid<>(0) : positive.parse(scalar),
                String::valueOf);
    }

    static KeyType<Integer> integerFrom(int least) {
        String expected = "an integer of at least " + least;
        return KeyType.ofScalar(
                expected, "one, such as " + Math.max(1, least), scalar -> integer(scalar, least), String::valueOf);
    }

    /// An integer of at least 1, or `none` or null for 1, as AutoModel writes the absence of a split.
    static KeyType<Integer> oneOrNone() {
        KeyType<Integer> positive = integerFrom(1);
        return new KeyType<>(
                positive.expected(),
                value -> value instanceof Scalar scalar
                                && (scalar.isNull() || scalar.text().equals("none"))
                        ? new Valid<>(1)
                        : positive.parse(value),
                positive.writer());
    }

    /// A number of seconds, minutes or hours, of at least one second.
    static KeyType<Duration> duration() {
        return KeyType.ofScalar(
                "a time of at least 1s, such as 90s, 10m or 1h",
                "one, such as 10m",
                NumberTypes::duration,
                NumberTypes::durationText);
    }

    private static Parsed<Duration> duration(Scalar scalar) {
        Matcher matcher = TIME.matcher(scalar.text());
        if (!matcher.matches()) {
            return new Invalid<>(
                    scalar.isNumber() ? "write the unit too: %ss".formatted(scalar.text()) : "write one, such as 10m");
        }
        long count = Long.parseLong(matcher.group(1));
        Duration time = switch (matcher.group(2)) {
            case "s" -> Duration.ofSeconds(count);
            case "m" -> Duration.ofMinutes(count);
            default -> Duration.ofHours(count);
        };
        return time.isZero() ? new Invalid<>("write one, such as 10m") : new Valid<>(time);
    }

    private static String durationText(Duration time) {
        long seconds = time.toSeconds();
        if (!time.equals(Duration.ofSeconds(seconds))) {
            return time.toString();
        }
        if (seconds % 3600 == 0) {
            return seconds / 3600 + "h";
        }
        return seconds % 60 == 0 ? seconds / 60 + "m" : seconds + "s";
    }

    static KeyType<Long> longFrom(long least) {
        return KeyType.ofScalar(
                "an integer of at least " + least,
                "one, such as 42",
                scalar -> whole(
                        scalar,
                        BigInteger.valueOf(least),
                        BigInteger.valueOf(Long.MAX_VALUE),
                        BigInteger::longValueExact),
                String::valueOf);
    }

    /// A number of at least 0 and below 1.
    static KeyType<Double> fraction(String example) {
        return number(new Range("of at least 0 and below 1", value -> value >= 0 && value < 1), example);
    }

    private static KeyType<Double> number(Range range, String example) {
        return KeyType.ofScalar(
                "a number " + range.text(),
                "one, such as " + example,
                scalar -> number(scalar, range, example),
                NumberTypes::shortest);
    }

    static KeyType<List<Double>> betas() {
        return new KeyType<>(
                "a list of two numbers, each at least 0 and below 1",
                value -> {
                    if (!(value instanceof Sequence list) || list.items().size() != 2) {
                        return new Invalid<>("write two, such as [0.9, 0.999]");
                    }
                    List<Double> rates = new ArrayList<>();
                    for (int i = 0; i < 2; i++) {
                        YamlValue item = list.items().get(i);
                        KeyType<Double> rate = fraction(i == 0 ? "0.9" : "0.999");
                        switch (rate.parse(item)) {
                            case Valid<Double>(Double valid) -> rates.add(valid);
                            case Invalid<Double>(String fix, var _) -> {
                                KeyType.Part part = new KeyType.Part("[%d]".formatted(i), rate.expected(), item);
                                return new Invalid<>(fix, Optional.of(part));
                            }
                        }
                    }
                    return new Valid<>(List.copyOf(rates));
                },
                betas -> "[%s, %s]".formatted(shortest(betas.getFirst()), shortest(betas.getLast())));
    }

    /// A number as YAML that is read back with the same bits.
    static String shortest(double value) {
        if (value == Math.rint(value) && Math.abs(value) < 1e7) {
            return String.valueOf((long) value);
        }
        return String.valueOf(value).replace('E', 'e').replace(".0e", "e");
    }

    private static Parsed<Integer> integer(Scalar scalar, int least) {
        return whole(
                scalar, BigInteger.valueOf(least), BigInteger.valueOf(Integer.MAX_VALUE), BigInteger::intValueExact);
    }

    private static <T> Parsed<T> whole(
            Scalar scalar, BigInteger least, BigInteger most, Function<BigInteger, T> narrow) {
        String text = scalar.text();
        if (!Scalar.INTEGER.matcher(text).matches()) {
            return new Invalid<>(wholeFix(scalar));
        }
        if (!scalar.isPlain()) {
            return new Invalid<>("remove the quotes");
        }
        if (text.matches("[-+]?0[0-9]+")) {
            return new Invalid<>("remove the leading zeros, which some YAML readers take for octal");
        }
        BigInteger value = new BigInteger(text);
        if (value.compareTo(least) < 0) {
            return new Invalid<>("write %s or more".formatted(least));
        }
        if (value.compareTo(most) > 0) {
            return new Invalid<>("write %s or less".formatted(most));
        }
        return new Valid<>(narrow.apply(value));
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

    private static Parsed<Double> number(Scalar scalar, Range range, String example) {
        String text = scalar.text();
        if (!Scalar.NUMBER.matcher(text).matches()) {
            return new Invalid<>("write a finite number, such as " + example);
        }
        if (!scalar.isPlain()) {
            return new Invalid<>("remove the quotes");
        }
        double value = Double.parseDouble(text);
        if (!Double.isFinite(value)) {
            return new Invalid<>("write a finite number, such as " + example);
        }
        if (!range.holds().test(value)) {
            return new Invalid<>("write a number %s, such as %s".formatted(range.text(), example));
        }
        return new Valid<>(value);
    }
}
