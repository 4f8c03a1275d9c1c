package dev.bowline.recipe;

/// How a key of a NeMo AutoModel recipe was read, where its effect differs from its name or value.
///
/// @param at where it is written
/// @param key dotted
/// @param effect whether the key has one here
/// @param text a sentence that begins with the key
public record RecipeNote(Origin at, String key, Effect effect, String text) {

    /// The effect of the key on the run.
    public enum Effect {
        /// It changes nothing that is trained.
        NONE,
        /// It is read with a meaning that the text gives.
        TRANSLATED
    }

    /// The position and the sentence on one line.
    public String line() {
        return at + ": " + text;
    }
}
