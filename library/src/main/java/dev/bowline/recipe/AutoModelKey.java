package dev.bowline.recipe;

import java.util.List;

/// One key of NeMo AutoModel's recipes that Bowline's schema does not have, and what becomes of it.
///
/// @param path dotted; a key with children stands for all of them, unless they have a row of their own
record AutoModelKey(String path, Treatment treatment) {

    /// The translation of a key.
    sealed interface Treatment {}

    /// It changes no number of the run.
    ///
    /// @param reason completes "KEY has no effect: …"
    record Ignored(String reason) implements Treatment {}

    /// Another key has this meaning.
    ///
    /// @param to that key, dotted
    record Moved(String to) implements Treatment {}

    /// With one value it means a value of another key, and with any other it has no effect.
    ///
    /// @param when as written, in lower case
    /// @param to that key, dotted
    record Means(String when, String to, String value) implements Treatment {}

    /// It has no effect with these values; any other asks for something that Bowline does not have.
    ///
    /// @param values as written, in lower case
    /// @param feature completes "KEY: … is not supported"
    record OnlyWith(List<String> values, String feature) implements Treatment {

        public OnlyWith {
            values = List.copyOf(values);
        }
    }

    /// It asks for something that Bowline does not have.
    ///
    /// @param feature completes "KEY: … is not supported"
    /// @param fix what to do, in the imperative
    record Refused(String feature, String fix) implements Treatment {}

    /// A class or a function. Which ones are known stands in [AutoModelTargets].
    record Target() implements Treatment {}
}
