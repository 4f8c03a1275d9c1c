package dev.bowline.recipe;

import java.util.function.Function;

/// What happens when nobody gives a key.
sealed interface Absent<T> {

    /// It is an error.
    record Required<T>() implements Absent<T> {}

    /// @param reason why this value
    record Fixed<T>(T value, String reason) implements Absent<T> {}

    /// It follows from keys that come before it in the schema, or that were given.
    ///
    /// @param reason what the guide says of it
    /// @param told completes "default: …" for a recipe
    record Derived<T>(Function<Settings, T> value, String reason, Function<Settings, String> told)
            implements Absent<T> {

        Derived(Function<Settings, T> value, String reason) {
            this(value, reason, _ -> reason);
        }
    }
}
