package dev.bowline.train;

import dev.bowline.recipe.RecipeFile;
import java.nio.file.Path;
import java.util.Optional;

/// The command to run after a step that could not be taken: it resumes from the last good checkpoint at half the
/// learning rate, because the same settings would fail again.
final class ResumeHint {

    private ResumeHint() {}

    /// @param failed the step whose loss or gradient was not finite
    static String after(long failed, RecipeFile file, RunCheckpoints checkpoints) {
        String slower = "optimizer.lr=" + file.recipe().optimizer().lr() / 2;
        Optional<RunCheckpoints.Good> good = checkpoints.lastGood(failed);
        if (good.isEmpty()) {
            Path directory = file.recipe().checkpoint().checkpointDir();
            return "no checkpoint was saved before it, so start again:\n    "
                    + file.command(slower, "checkpoint.checkpoint_dir=" + directory + "-again");
        }
        String words = good.get().proven()
                ? "the last good checkpoint is %s; resume from it:\n    %s"
                : "the only checkpoint before it, %s, holds the weights that gave this loss:\n    %s";
        Path directory = good.get().directory();
        return words.formatted(directory, file.command(slower, "checkpoint.restore_from=" + directory));
    }
}
