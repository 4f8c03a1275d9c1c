package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;

/// The records of a run for people and programs that watch it, in addition to the metrics logs.
///
/// @param report true keeps `report.html` and `report.json`
/// @param tensorboard true writes event files of TensorBoard
public record LoggingSection(boolean report, boolean tensorboard) {

    static final Section SECTION = new Section("logging");

    static final Key<Boolean> REPORT = SECTION.key(
            "report",
            TextTypes.trueOrFalse(),
            Default.of(true, "a run can be seen"),
            "Keeps report.html and report.json in the checkpoint directory, also while the run trains.");

    static final Key<Boolean> TENSORBOARD = SECTION.key(
            "tensorboard",
            TextTypes.trueOrFalse(),
            Default.of(false, "training.jsonl and validation.jsonl have every figure"),
            "Also writes the figures of training.jsonl and validation.jsonl as event files of TensorBoard, in"
                    + " `tensorboard` in the checkpoint directory.");

    static LoggingSection of(RecipeValues values) {
        return new LoggingSection(values.use(REPORT), values.use(TENSORBOARD));
    }
}
