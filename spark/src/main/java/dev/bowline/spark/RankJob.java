package dev.bowline.spark;

import dev.bowline.checkpoint.TrainingCheckpoints;
import dev.bowline.cli.RankProgram.End;
import dev.bowline.recipe.CheckpointSection;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// One start of a run, for its ranks.
///
/// @param name that the ranks of the run share
/// @param recipeFile path of the recipe
/// @param rowsFile path of the rows
/// @param checkpointDir path of the directory of the checkpoints
/// @param assignments to keys of the recipe
record RankJob(String name, String recipeFile, String rowsFile, String checkpointDir, List<String> assignments)
        implements Serializable {

    /// Resumes from the checkpoint that the ranks saved before a failure.
    private static final String RESUME = "checkpoint.restore_from=LATEST";

    RankJob {
        // A list that Java serializes.
        assignments = new ArrayList<>(assignments);
    }

    /// The same run, from its newest checkpoint.
    RankJob resumed() {
        List<String> more = new ArrayList<>(assignments);
        more.add(RESUME);
        return new RankJob(name, recipeFile, rowsFile, checkpointDir, more);
    }

    /// The arguments of the command line.
    List<String> arguments() {
        List<String> arguments = new ArrayList<>(List.of("finetune", recipeFile, "--json"));
        for (String assignment : assignments) {
            arguments.add("--set");
            arguments.add(assignment);
        }
        arguments.add("--set");
        arguments.add("dataset.path=" + rowsFile);
        arguments.add("--set");
        arguments.add("checkpoint.checkpoint_dir=" + checkpointDir);
        return arguments;
    }

    Path directory() {
        return Path.of(checkpointDir);
    }

    Path logs() {
        return directory().resolve(CheckpointSection.LOGS);
    }

    /// The text that names the newest checkpoint, if there is one.
    Optional<String> latest() {
        try {
            return Optional.of(Files.readString(directory().resolve(TrainingCheckpoints.LATEST))
                    .strip());
        } catch (IOException _) {
            return Optional.empty();
        }
    }

    /// @param rank with its host
    /// @throws RankEnded if this machine does not see the files that the driver sees
    void requireFiles(String rank) {
        for (String file : List.of(recipeFile, rowsFile)) {
            if (!Files.isRegularFile(Path.of(file))) {
                throw new RankEnded(
                        End.REFUSED,
                        "%s does not see %s, which the driver sees".formatted(rank, file),
                        "put the recipe, the model and checkpoint.checkpoint_dir on a file system that the driver and"
                                + " all executors mount at one path");
            }
        }
    }
}
