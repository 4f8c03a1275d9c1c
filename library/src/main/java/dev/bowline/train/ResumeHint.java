package dev.bowline.train;

import dev.bowline.Fix;
import dev.bowline.recipe.RecipeFile;
import java.nio.file.Path;
import java.util.Optional;

/// The run to start after a step with a loss that is not finite: it resumes from the last good checkpoint at half the
/// learning rate, because the same settings would fail again.
final class ResumeHint {

    private ResumeHint() {}

    /// @param failed the step whose loss or gradient was not finite
    static Fix after(long failed, RecipeFile file, RunCheckpoints checkpoints) {
        String slower = "optimizer.lr=" + file.recipe().optimizer().lr() / 2;
        Optional<RunCheckpoints.Good> good = checkpoints.lastGood(failed);
        if (good.isEmpty()) {
            Path directory = file.recipe().checkpoint().checkpointDir();
            return Fix.of("no checkpoint was saved before it, so start again:\n    ")
                    .and(file.again(slower, "checkpoint.checkpoint_dir=" + directory + "-again"));
        }
        String words = good.get().proven()
                ? "the last good checkpoint is %s; resume from it:\n    "
                : "the only checkpoint before it, %s, holds the weights that gave this loss:\n    ";
        Path directory = good.get().directory();
        return Fix.of(words.formatted(directory)).and(file.again(slower, "checkpoint.restore_from=" + directory));
    }
}
