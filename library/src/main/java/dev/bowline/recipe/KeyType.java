package dev.bowline.recipe;

import dev.bowline.recipe.YamlValue.Scalar;
import java.util.Optional;
import java.util.function.Function;

/// The values that a key takes: their description, their reader and their writer.
///
/// @param expected completes "expected …" in a message and is a column of the guide's table
/// @param reader decides alone what a YAML value means
/// @param writer writes a value as YAML that the reader accepts
record KeyType<T>(String expected, Function<YamlValue, Parsed<T>> reader, Function<T, String> writer) {

    /// The result of reading one value.
    sealed interface Parsed<T> {}

    record Valid<T>(T value) implements Parsed<T> {}

    /// @param fix the value to write instead
    /// @param part the wrong part of the value; empty for all of it
    record Invalid<T>(String fix, Optional<Part> part) implements Parsed<T> {
        Invalid(String fix) {
            this(fix, Optional.empty());
        }
    }

    /// One part of a value.
    ///
    /// @param suffix of the key's path: `[1]`, `.name`
    /// @param expected completes "expected …"
    record Part(String suffix, String expected, YamlValue value) {}

    Parsed<T> parse(YamlValue value) {
        return reader.apply(value);
    }

    String write(T value) {
        return writer.apply(value);
    }

    /// Holds a value of a program to the rule for values in a file: the value is written as YAML and read.
    ///
    /// @param name of the value, for the message
    /// @throws IllegalArgumentException if a file must not have the value
    void require(String name, T value) {
        String yaml = write(value);
        YamlValue written = YamlReader.read(SourceText.ofProgram(yaml, new Origin.InProgram(name)), new Diagnostics())
                .orElseThrow(() -> new IllegalStateException(name + " is written as no value"));
        if (parse(written) instanceof Invalid<T>) {
            throw new IllegalArgumentException("%s: expected %s, found %s".formatted(name, expected, yaml));
        }
    }

    /// The same type, with `null` for no value.
    KeyType<Optional<T>> optional() {
        return new KeyType<>(
                expected + ", or null",
                value -> {
                    if (value instanceof Scalar scalar && scalar.isNull()) {
                        return new Valid<>(Optional.empty());
                    }
                    if (value instanceof Scalar scalar && scalar.text().equalsIgnoreCase("none")) {
                        return new Invalid<>("write null for none");
                    }
                    return switch (reader.apply(value)) {
                        case Valid<T>(T valid) -> new Valid<>(Optional.of(valid));
                        case Invalid<T>(String fix, var part) -> new Invalid<>(fix, part);
                    };
                },
                value -> value.map(writer).orElse("null"));
    }

    /// A type whose values are one scalar each, quoted or not.
    static <T> KeyType<T> ofScalar(
            String expected, String example, Function<Scalar, Parsed<T>> reader, Function<T, String> writer) {
        return new KeyType<>(
                expected,
                value -> value instanceof Scalar scalar && !scalar.isNull()
                        ? reader.apply(scalar)
                        : new Invalid<>("write " + example),
                writer);
    }
}
