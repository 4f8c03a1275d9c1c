package dev.bowline.recipe;

/// What became of a key that the recipe brings from NeMo AutoModel, where that is not what the key says by itself.
///
/// @param at where it is written
/// @param key dotted
/// @param effect whether the key has one here
/// @param text a sentence that begins with the key
public record RecipeNote(Origin at, String key, Effect effect, String text) {

    /// What the key does to the run.
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
