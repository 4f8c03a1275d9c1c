package dev.bowline.recipe;

import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.recipe.KeyType.Invalid;
import dev.bowline.recipe.KeyType.Parsed;
import dev.bowline.recipe.KeyType.Part;
import dev.bowline.recipe.KeyType.Valid;
import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import dev.bowline.recipe.YamlValue.Sequence;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/// Types of keys with modules of a model: names, patterns of names, and values by module.
final class PeftTypes {

    private static final String ALL_LINEAR = "all-linear";
    private static final Pattern REGEX_ONLY = Pattern.compile("^\\.\\*|[\\\\()\\[\\]{}|+?^$]");
    private static final String NAMES = "write a list, such as [q_proj, v_proj]";
    private static final String OTHER_INIT = "write true, gaussian, xavier or uniform;"
            + " Bowline makes no initial values from the weights or from data";

    private PeftTypes() {}

    /// The modules that get an adapter.
    static KeyType<ModulePatterns> targets() {
        KeyType<ModulePatterns> named = excluded();
        return new KeyType<>(
                "all-linear, a list of names, or a regular expression",
                value -> {
                    List<YamlValue> items = value instanceof Sequence list ? list.items() : List.of(value);
                    boolean isAll = items.stream()
                            .flatMap(item -> item.asScalar().stream())
                            .anyMatch(item ->
                                    item.text().equals("*") || item.text().equals(ALL_LINEAR));
                    if (isAll && items.size() > 1) {
                        return new Invalid<>("write %s alone; it has every linear".formatted(ALL_LINEAR));
                    }
                    return isAll ? new Valid<>(new ModulePatterns.AllLinear()) : named.parse(value);
                },
                named.writer());
    }

    /// Modules by name. A text with a character that only a regular expression has is a regular expression.
    static KeyType<ModulePatterns> excluded() {
        return new KeyType<>(
                "a list of names, or a regular expression",
                value -> value instanceof Scalar scalar && !scalar.isNull()
                        ? oneText(scalar)
                        : map(names().parse(value), ModulePatterns.Named::new),
                PeftTypes::write);
    }

    private static Parsed<ModulePatterns> oneText(Scalar scalar) {
        Optional<String> unsound = unsoundText(scalar);
        if (unsound.isPresent()) {
            return new Invalid<>(unsound.get());
        }
        if (!REGEX_ONLY.matcher(scalar.text()).find()) {
            return new Valid<>(new ModulePatterns.Named(List.of(scalar.text())));
        }
        return map(regex(scalar), ModulePatterns.Regex::new);
    }

    /// A list of names; `null` is an empty one, as in PEFT's files.
    static KeyType<List<String>> names() {
        return new KeyType<>(
                "a list of names",
                value -> {
                    if (value instanceof Scalar scalar && scalar.isNull()) {
                        return new Valid<>(List.of());
                    }
                    if (!(value instanceof Sequence list)) {
                        return new Invalid<>(NAMES);
                    }
                    List<String> names = new ArrayList<>();
                    for (YamlValue item : list.items()) {
                        Optional<String> unsound = item instanceof Scalar scalar
                                ? unsoundText(scalar).or(() -> unsoundName(scalar.text()))
                                : Optional.of(NAMES);
                        if (unsound.isPresent()) {
                            Part part = new Part("[%d]".formatted(names.size()), "a name", item);
                            return new Invalid<>(unsound.get(), Optional.of(part));
                        }
                        names.add(((Scalar) item).text());
                    }
                    return new Valid<>(List.copyOf(names));
                },
                PeftTypes::write);
    }

    private static Optional<String> unsoundText(Scalar scalar) {
        if (scalar.isNumber() || scalar.isBoolean()) {
            return Optional.of("put it in quotes if it is meant as text: '%s'".formatted(scalar.text()));
        }
        return scalar.text().isBlank() ? Optional.of("write a name, such as q_proj") : Optional.empty();
    }

    private static Optional<String> unsoundName(String name) {
        return REGEX_ONLY.matcher(name).find()
                ? Optional.of("use * for any characters of the full name, or write one regular expression as a text and"
                        + " not as a list")
                : Optional.empty();
    }

    private static Parsed<String> regex(Scalar scalar) {
        try {
            return new Valid<>(Pattern.compile(scalar.text()).pattern());
        } catch (PatternSyntaxException e) {
            return new Invalid<>("correct the regular expression: %s at index %d"
                    .formatted(e.getDescription(), Math.max(0, e.getIndex())));
        }
    }

    /// The initial values of lora_A, by AutoModel's and by PEFT's names.
    static KeyType<LoraConfig.LoraAInit> init() {
        Map<String, String> hints = new LinkedHashMap<>(Map.of("True", "write true"));
        List.of("false", "eva", "olora", "pissa", "corda", "loftq", "orthogonal", "lora_ga")
                .forEach(name -> hints.put(name, OTHER_INIT));
        return TextTypes.oneOf(
                TextTypes.names(
                        Map.entry("kaiming", LoraConfig.LoraAInit.KAIMING),
                        Map.entry("uniform", LoraConfig.LoraAInit.KAIMING),
                        Map.entry("true", LoraConfig.LoraAInit.KAIMING),
                        Map.entry("xavier", LoraConfig.LoraAInit.XAVIER),
                        Map.entry("gaussian", LoraConfig.LoraAInit.GAUSSIAN)),
                hints);
    }

    /// Values by regular expressions of a module's name, in the order of the file; `null` is an empty mapping.
    ///
    /// @param number one value
    static <N> KeyType<SequencedMap<String, N>> byPattern(KeyType<N> number) {
        return new KeyType<>(
                "a mapping of regular expressions to numbers",
                value -> mapping(
                        value,
                        number,
                        "write patterns and numbers, such as {down_proj: 16}",
                        key -> regex(new Scalar(key, false, value.at()))),
                map -> write(map, number));
    }

    /// Token ids by the name of an embedding; a list alone is of `embed_tokens`, as in PEFT.
    static KeyType<SequencedMap<String, List<Long>>> tokens() {
        KeyType<List<Long>> ids = ids();
        return new KeyType<>(
                "a list of token ids, or a mapping of embeddings to such lists",
                value -> value instanceof Sequence
                        ? map(ids.parse(value), list -> new LinkedHashMap<>(Map.of("embed_tokens", list)))
                        : mapping(value, ids, "write a list of token ids, such as [5, 6]", Valid::new),
                map -> write(map, ids));
    }

    private static KeyType<List<Long>> ids() {
        KeyType<Long> id = NumberTypes.longFrom(0);
        return new KeyType<>(
                "a list of token ids",
                value -> {
                    if (!(value instanceof Sequence list) || list.items().isEmpty()) {
                        return new Invalid<>("write a list of token ids, such as [5, 6]");
                    }
                    List<Long> ids = new ArrayList<>();
                    for (YamlValue item : list.items()) {
                        Part part = new Part("[%d]".formatted(ids.size()), id.expected(), item);
                        switch (id.parse(item)) {
                            case Valid<Long>(Long valid)
                            when ids.contains(valid) -> {
                                return new Invalid<>("remove the second %d".formatted(valid), Optional.of(part));
                            }
                            case Valid<Long>(Long valid) -> ids.add(valid);
                            case Invalid<Long>(String fix, var _) -> {
                                return new Invalid<>(fix, Optional.of(part));
                            }
                        }
                    }
                    return new Valid<>(List.copyOf(ids));
                },
                List::toString);
    }

    private static <V> Parsed<SequencedMap<String, V>> mapping(
            YamlValue value, KeyType<V> type, String fix, Function<String, Parsed<String>> key) {
        if (value instanceof Scalar scalar && scalar.isNull()) {
            return new Valid<>(new LinkedHashMap<>());
        }
        if (!(value instanceof Mapping mapping)) {
            return new Invalid<>(fix);
        }
        SequencedMap<String, V> read = new LinkedHashMap<>();
        for (Entry entry : mapping.entries()) {
            if (key.apply(entry.key()) instanceof Invalid<String>(String keyFix, var _)) {
                Scalar written = new Scalar(entry.key(), false, entry.keyAt());
                return new Invalid<>(keyFix, Optional.of(new Part("", "a regular expression", written)));
            }
            switch (type.parse(entry.value())) {
                case Valid<V>(V valid) -> read.put(entry.key(), valid);
                case Invalid<V>(String valueFix, var part) -> {
                    Part whole = new Part("." + entry.key(), type.expected(), entry.value());
                    return new Invalid<>(valueFix, Optional.of(part.orElse(whole)));
                }
            }
        }
        return new Valid<>(read);
    }

    private static <A, B> Parsed<B> map(Parsed<A> parsed, Function<A, ? extends B> made) {
        return switch (parsed) {
            case Valid<A>(A value) -> new Valid<>(made.apply(value));
            case Invalid<A>(String fix, var part) -> new Invalid<>(fix, part);
        };
    }

    private static String write(ModulePatterns modules) {
        return switch (modules) {
            case ModulePatterns.AllLinear() -> ALL_LINEAR;
            case ModulePatterns.Named(List<String> names) -> write(names);
            case ModulePatterns.Regex(String regex) -> TextTypes.quoted(regex);
        };
    }

    private static String write(List<String> names) {
        return names.stream().map(TextTypes::quoted).collect(Collectors.joining(", ", "[", "]"));
    }

    private static <V> String write(Map<String, V> map, KeyType<V> type) {
        return map.entrySet().stream()
                .map(entry -> TextTypes.quoted(entry.getKey()) + ": " + type.write(entry.getValue()))
                .collect(Collectors.joining(", ", "{", "}"));
    }
}
