package dev.bowline.train;

import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.checkpoint.SaveReport;
import dev.bowline.recipe.Recipe;
import java.nio.file.Path;
import java.util.Optional;

/// The checkpoints of one run.
final class RunCheckpoints {

    private final Recipe recipe;

    private RunCheckpoints(Recipe recipe) {
        this.recipe = recipe;
    }

    static RunCheckpoints of(Recipe recipe) {
        return new RunCheckpoints(recipe);
    }

    /// The training checkpoint the run goes on from.
    Optional<Path> resumedFrom() {
        return Optional.empty();
    }

    void restore(FineTuning tuning) {}

    SaveReport save(FineTuning tuning, Checkpoint source, Optional<ValidationResult> validation) {
        Path directory = recipe.checkpoint().checkpointDir().resolve("step_" + tuning.stepsTaken());
        SaveOptions options =
                SaveOptions.like(source).shardedAt(recipe.checkpoint().maxShardBytes());
        return Checkpoint.save(tuning.model(), directory, options);
    }
}
