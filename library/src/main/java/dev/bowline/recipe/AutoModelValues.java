package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Entry;
import dev.bowline.recipe.YamlValue.Mapping;
import dev.bowline.recipe.YamlValue.Scalar;
import dev.bowline.recipe.YamlValue.Sequence;
import java.util.Locale;
import java.util.Optional;

/// The meaning of values in AutoModel's recipes where it does not follow from the key.
final class AutoModelValues {

    private AutoModelValues() {}

    /// Whether a section or a switch asks for nothing.
    static boolean isSwitchedOff(YamlValue value) {
        return switch (value) {
            case Scalar scalar -> scalar.isNull() || written(scalar).equals("false");
            case Sequence _ -> false;
            case Mapping mapping ->
                mapping.entry("enabled")
                                .map(Entry::value)
                                .filter(AutoModelValues::isSwitchedOff)
                                .isPresent()
                        || (isOff(mapping, "load_in_4bit") && isOff(mapping, "load_in_8bit"));
        };
    }

    static boolean isOff(Mapping mapping, String key) {
        return mapping.entry(key)
                .map(Entry::value)
                .filter(AutoModelValues::isSwitchedOff)
                .isPresent();
    }

    /// As a row of [AutoModelKeys] writes values.
    static String written(YamlValue value) {
        return switch (value) {
            case Scalar scalar -> scalar.isNull() ? "null" : scalar.text().toLowerCase(Locale.ROOT);
            case Sequence sequence -> sequence.items().isEmpty() ? "[]" : sequence.found();
            case Mapping mapping -> mapping.found();
        };
    }

    static Optional<Double> number(YamlValue value) {
        return value instanceof Scalar scalar
                        && Scalar.NUMBER.matcher(scalar.text()).matches()
                ? Optional.of(Double.valueOf(scalar.text()))
                : Optional.empty();
    }
}
