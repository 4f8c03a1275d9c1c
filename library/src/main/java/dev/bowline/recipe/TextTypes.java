package dev.bowline.recipe;

import dev.bowline.BowlineException;
import dev.bowline.data.DatasetSplit;
import dev.bowline.recipe.KeyType.Invalid;
import dev.bowline.recipe.KeyType.Parsed;
import dev.bowline.recipe.KeyType.Part;
import dev.bowline.recipe.KeyType.Valid;
import dev.bowline.recipe.YamlValue.Scalar;
import dev.bowline.recipe.YamlValue.Sequence;
import dev.bowline.tensor.DeviceChoice;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/// Types of keys with one word: a switch, a choice, a name, a split, a device, a size.
final class TextTypes {

    private static final Pattern SIZE = Pattern.compile("([0-9]+(?:\\.[0-9]+)?) ?([KMGT]i?B|B)?");
    private static final Map<String, Long> UNITS = units();
    private static final long LEAST_SIZE = 1_000;

    private TextTypes() {}

    static KeyType<Boolean> trueOrFalse() {
        return KeyType.ofScalar(
                "true or false",
                "true or false",
                scalar -> scalar.isBoolean()
                        ? new Valid<>(scalar.text().equalsIgnoreCase("true"))
                        : new Invalid<>(booleanFix(scalar)),
                String::valueOf);
    }

    /// @param fix of `false`
    static KeyType<Boolean> onlyTrue(String fix) {
        return only("true", fix);
    }

    /// @param fix of `true`
    static KeyType<Boolean> onlyFalse(String fix) {
        return only("false", fix);
    }

    private static KeyType<Boolean> only(String word, String fix) {
        KeyType<Boolean> either = trueOrFalse();
        return KeyType.ofScalar(
                word,
                word,
                scalar -> either.parse(scalar) instanceof Valid<Boolean>(Boolean value)
                                && String.valueOf(value).equals(word)
                        ? new Valid<>(value)
                        : new Invalid<>(fix),
                String::valueOf);
    }

    /// One of the names; several may mean the same, and the first of them is the one that is written.
    ///
    /// @param hints the replacement for each known name that the key does not take
    static <T> KeyType<T> oneOf(Map<String, T> names, Map<String, String> hints) {
        List<String> known = List.copyOf(names.keySet());
        return KeyType.ofScalar(
                "one of " + String.join(", ", known),
                "one of them",
                scalar -> {
                    T meant = names.get(scalar.text());
                    return meant != null
                            ? new Valid<>(meant)
                            : new Invalid<>(Optional.ofNullable(hints.get(scalar.text()))
                                    .orElseGet(() -> nearest(scalar.text(), known)));
                },
                meant -> known.stream()
                        .filter(name -> meant.equals(names.get(name)))
                        .findFirst()
                        .orElseThrow());
    }

    static <T> KeyType<T> oneOf(Map<String, T> names) {
        return oneOf(names, Map.of());
    }

    /// One of the constants, each in lower case.
    @SafeVarargs
    static <E extends Enum<E>> KeyType<E> oneOf(E... constants) {
        Map<String, E> names = new LinkedHashMap<>();
        for (E constant : constants) {
            names.put(constant.name().toLowerCase(Locale.ROOT), constant);
        }
        return oneOf(names);
    }

    /// Names for [#oneOf], in the order they are listed.
    @SafeVarargs
    static <E> Map<String, E> names(Map.Entry<String, E>... entries) {
        Map<String, E> names = new LinkedHashMap<>();
        for (Map.Entry<String, E> entry : entries) {
            names.put(entry.getKey(), entry.getValue());
        }
        return names;
    }

    /// A list with each of some names at most once, and at least one of them.
    static <T> KeyType<List<T>> listOf(Map<String, T> names) {
        KeyType<T> one = oneOf(names);
        String example =
                "a list, such as [%s]".formatted(names.keySet().iterator().next());
        return new KeyType<>(
                "a list of " + String.join(", ", names.keySet()),
                value -> {
                    if (!(value instanceof Sequence list) || list.items().isEmpty()) {
                        return new Invalid<>("write " + example);
                    }
                    List<T> all = new ArrayList<>();
                    for (int i = 0; i < list.items().size(); i++) {
                        YamlValue item = list.items().get(i);
                        switch (one.parse(item)) {
                            case Valid<T>(T valid) -> {
                                if (all.contains(valid)) {
                                    return new Invalid<>(
                                            "remove one of the two",
                                            Optional.of(new Part("[%d]".formatted(i), "each name once", item)));
                                }
                                all.add(valid);
                            }
                            case Invalid<T>(String fix, var _) -> {
                                return new Invalid<>(
                                        fix, Optional.of(new Part("[%d]".formatted(i), one.expected(), item)));
                            }
                        }
                    }
                    return new Valid<>(List.copyOf(all));
                },
                all -> all.stream().map(one::write).collect(Collectors.joining(", ", "[", "]")));
    }

    /// A regular expression of Java.
    static KeyType<String> regex() {
        return KeyType.ofScalar(
                "a regular expression",
                "one, such as '[0-9]{4}-[0-9]{2}-[0-9]{2}'",
                scalar -> {
                    try {
                        return new Valid<>(Pattern.compile(scalar.text()).pattern());
                    } catch (PatternSyntaxException e) {
                        return new Invalid<>("correct the pattern: " + e.getDescription());
                    }
                },
                TextTypes::quoted);
    }

    static KeyType<String> name(String what, String example) {
        return KeyType.ofScalar(
                what,
                "one, such as " + example,
                scalar -> {
                    if (scalar.isNumber() || scalar.isBoolean()) {
                        return new Invalid<>("put it in quotes if it is meant as text: '%s'".formatted(scalar.text()));
                    }
                    return scalar.text().isBlank() ? new Invalid<>("write " + example) : new Valid<>(scalar.text());
                },
                TextTypes::quoted);
    }

    /// A split of a dataset in the notation of Hugging Face datasets.
    static KeyType<String> split() {
        String form = "a name, and perhaps a slice of its rows: train, train[:1000], train[90%:]";
        return parsed(
                "a split, such as train or train[:1000]",
                form,
                text -> {
                    DatasetSplit.of(text);
                    return text;
                },
                text -> text.indexOf('+') >= 0
                        ? "name one split; put the files of several into one directory to train on all of them"
                        : "write " + form,
                TextTypes::quoted);
    }

    static KeyType<DeviceChoice> device() {
        return parsed(
                "auto, cpu, cuda or cuda:N",
                "auto",
                DeviceChoice::parse,
                text -> nearest(text, DeviceChoice.SPELLINGS),
                DeviceChoice::toString);
    }

    /// Text that another package reads.
    ///
    /// @param parser throws a [BowlineException] for text of another form
    /// @param fix of such text
    private static <T> KeyType<T> parsed(
            String expected,
            String example,
            Function<String, T> parser,
            UnaryOperator<String> fix,
            Function<T, String> writer) {
        return KeyType.ofScalar(
                expected,
                example,
                scalar -> {
                    if (scalar.isNumber() || scalar.isBoolean()) {
                        return new Invalid<>(fix.apply(scalar.text()));
                    }
                    try {
                        return new Valid<>(parser.apply(scalar.text()));
                    } catch (BowlineException _) {
                        return new Invalid<>(fix.apply(scalar.text()));
                    }
                },
                writer);
    }

    static KeyType<Long> size() {
        return KeyType.ofScalar(
                "a size of at least 1KB, such as 5GB or 512MiB", "5GB", TextTypes::size, TextTypes::sizeText);
    }

    /// Text as YAML: plain if no other reading is possible, otherwise in double quotes.
    static String quoted(String text) {
        if (text.matches("[A-Za-z/_][A-Za-z0-9_./-]*") && !text.matches("(?i)true|false|null|yes|no|on|off|y|n")) {
            return text;
        }
        StringBuilder escaped = new StringBuilder("\"");
        text.codePoints().forEach(c -> {
            if (c == '"' || c == '\\') {
                escaped.append('\\').appendCodePoint(c);
            } else if ((c >= ' ' && c <= '~') || Character.isLetterOrDigit(c)) {
                escaped.appendCodePoint(c);
            } else {
                escaped.append("\\U%08x".formatted(c));
            }
        });
        return escaped.append('"').toString();
    }

    private static String nearest(String written, List<String> known) {
        return Key.nearest(written, known).map("did you mean '%s'?"::formatted).orElse("write one of them");
    }

    private static String booleanFix(Scalar scalar) {
        return switch (scalar.text().toLowerCase(Locale.ROOT)) {
            case "yes", "on", "y", "1" -> "write true; YAML 1.2 reads '%s' as something else".formatted(scalar.text());
            case "no", "off", "n", "0" -> "write false; YAML 1.2 reads '%s' as something else".formatted(scalar.text());
            case "true", "false" -> scalar.isPlain() ? "write it in lower case" : "remove the quotes";
            default -> "write true or false";
        };
    }

    private static Parsed<Long> size(Scalar scalar) {
        Matcher matcher = SIZE.matcher(scalar.text());
        if (!matcher.matches()) {
            return new Invalid<>(
                    "write a number and a unit (%s), such as 5GB".formatted(String.join(", ", UNITS.keySet())));
        }
        long unit = matcher.group(2) == null ? 1 : UNITS.getOrDefault(matcher.group(2), 1L);
        BigDecimal bytes = new BigDecimal(matcher.group(1)).multiply(BigDecimal.valueOf(unit));
        if (bytes.compareTo(BigDecimal.valueOf(LEAST_SIZE)) < 0
                || bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
            return new Invalid<>("write a size from 1KB to 8000000TB, such as 5GB");
        }
        return new Valid<>(bytes.longValue());
    }

    private static String sizeText(long bytes) {
        List<String> exact = new ArrayList<>();
        UNITS.forEach((name, unit) -> {
            if (bytes % unit == 0) {
                exact.add(bytes / unit + name);
            }
        });
        return exact.stream().min(Comparator.comparingInt(String::length)).orElseThrow();
    }

    private static Map<String, Long> units() {
        Map<String, Long> units = new LinkedHashMap<>();
        units.put("B", 1L);
        String prefixes = "KMGT";
        for (int i = 0; i < prefixes.length(); i++) {
            units.put(prefixes.charAt(i) + "B", (long) Math.pow(1000, i + 1));
        }
        for (int i = 0; i < prefixes.length(); i++) {
            units.put(prefixes.charAt(i) + "iB", 1L << (10 * (i + 1)));
        }
        return units;
    }
}
