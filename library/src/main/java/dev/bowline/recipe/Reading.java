package dev.bowline.recipe;

import java.util.Optional;

/// What reading one value came to.
sealed interface Reading<T> {

    record Sound<T>(T value) implements Reading<T> {}

    /// @param fix what to write instead
    /// @param part which part of the value is wrong; empty for all of it
    record Unsound<T>(String fix, Optional<Part> part) implements Reading<T> {

        Unsound(String fix) {
            this(fix, Optional.empty());
        }
    }

    /// One part of a value.
    ///
    /// @param suffix of the key's path: `[1]`, `.name`
    /// @param expected completes "expected …"
    record Part(String suffix, String expected, YamlValue value) {}
}
