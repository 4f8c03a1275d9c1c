package dev.bowline.recipe;

/// What reading one value came to.
sealed interface Reading<T> {

    record Sound<T>(T value) implements Reading<T> {}

    /// @param fix what to write instead
    record Unsound<T>(String fix) implements Reading<T> {}
}
