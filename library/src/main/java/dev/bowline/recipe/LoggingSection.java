package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;

/// The records of a run for people and programs that watch it, in addition to the metrics logs.
///
/// @param tensorboard true writes event files of TensorBoard
public record LoggingSection(boolean tensorboard) {

    static final Section SECTION = new Section("logging");

    static final Key<Boolean> TENSORBOARD = SECTION.key(
            "tensorboard",
            TextTypes.trueOrFalse(),
            Default.of(false, "training.jsonl and validation.jsonl have every figure"),
            "Also writes the figures of training.jsonl and validation.jsonl as event files of TensorBoard, in"
                    + " `tensorboard` in the checkpoint directory.");

    static LoggingSection of(RecipeValues values) {
        return new LoggingSection(values.use(TENSORBOARD));
    }
}
