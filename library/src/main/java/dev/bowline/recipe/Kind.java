package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Scalar;
import java.util.Optional;
import java.util.function.Function;

/// What a key may hold: how that is told, read and written.
///
/// @param expected completes "expected …" in a message and stands in the guide's table
/// @param reader decides what a YAML value means; nothing else does
/// @param writer writes a value as YAML that the reader takes back
record Kind<T>(String expected, Function<YamlValue, Reading<T>> reader, Function<T, String> writer) {

    /// The same, where `null` says that there is none.
    Kind<Optional<T>> optional() {
        return new Kind<>(
                expected + ", or null",
                value -> {
                    if (value instanceof Scalar scalar && scalar.isNull()) {
                        return new Reading.Sound<>(Optional.empty());
                    }
                    if (value instanceof Scalar scalar && scalar.text().equalsIgnoreCase("none")) {
                        return new Reading.Unsound<>("write null for none");
                    }
                    return switch (reader.apply(value)) {
                        case Reading.Sound<T>(T sound) -> new Reading.Sound<>(Optional.of(sound));
                        case Reading.Unsound<T>(String fix, var part) -> new Reading.Unsound<>(fix, part);
                    };
                },
                value -> value.map(writer).orElse("null"));
    }

    /// A kind whose value stands in one scalar, quoted or not.
    static <T> Kind<T> ofScalar(
            String expected, String example, Function<Scalar, Reading<T>> reader, Function<T, String> writer) {
        return new Kind<>(
                expected,
                value -> value instanceof Scalar scalar && !scalar.isNull()
                        ? reader.apply(scalar)
                        : new Reading.Unsound<>("write " + example),
                writer);
    }
}
