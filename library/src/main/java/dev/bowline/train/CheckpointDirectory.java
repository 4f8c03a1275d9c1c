package dev.bowline.train;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.checkpoint.TrainingCheckpoints;
import dev.bowline.checkpoint.TrainingState;
import dev.bowline.files.RunLock;
import dev.bowline.recipe.CheckpointSection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/// The checks of the directories that a run reads its checkpoint from and writes its checkpoints to.
///
/// @param path `checkpoint.checkpoint_dir`
/// @param checkpoints the training checkpoints in `path`
record CheckpointDirectory(Path path, TrainingCheckpoints checkpoints, RecipeKeyError error) {

    private static final String DIRECTORY_KEY = "checkpoint.checkpoint_dir";
    private static final String RESTORE_KEY = "checkpoint.restore_from";

    /// Entries of a checkpoint directory that are neither logs nor checkpoints. The last is in the root of many file
    /// systems.
    private static final Set<String> OTHER_ENTRIES =
            Set.of(RunLock.FILE_NAME, TrainingCheckpoints.LATEST, CheckpointSection.LOGS, "lost+found");

    /// The newest training checkpoint.
    ///
    /// @throws BowlineException if there is none
    Path requireLatest() {
        return checkpoints
                .latest()
                .orElseThrow(() -> error.of(
                        RESTORE_KEY,
                        "%s has no training checkpoint to resume from".formatted(path),
                        "remove checkpoint.restore_from to start afresh, or write auto, which starts afresh where there"
                                + " is no checkpoint"));
    }

    /// @param directory the directory to resume from, which need not be in this directory
    /// @return the same directory
    /// @throws BowlineException if it is not a training checkpoint
    Path requireTrainingCheckpoint(Path directory) {
        if (!Files.isRegularFile(directory.resolve(TrainingState.FILE_NAME))) {
            throw error.of(
                    RESTORE_KEY,
                    "%s is not a training checkpoint: it has no %s".formatted(directory, TrainingState.FILE_NAME),
                    "name a step_N directory of a run; a model to start from is model.pretrained_model_name_or_path");
        }
        return directory;
    }

    /// Refuses a directory with the checkpoints of another run or with other files. Files that an earlier attempt of
    /// the same run left before its first checkpoint are accepted.
    void requireUnused() {
        if (!Files.isDirectory(path)) {
            return;
        }
        String directory = DIRECTORY_KEY + " " + path;
        if (!checkpoints.list().isEmpty()) {
            throw error.of(
                    DIRECTORY_KEY,
                    "%s is not empty: it has the checkpoints of a run".formatted(directory),
                    Fix.of("name another directory, or resume the run there: ")
                            .and(new Remedy.Assign("checkpoint.restore_from=LATEST")));
        }
        foreignEntry().ifPresent(name -> {
            throw error.of(
                    DIRECTORY_KEY,
                    "%s is not empty: it holds %s".formatted(directory, name),
                    "name another directory, or move %s away".formatted(name));
        });
    }

    /// The first entry that no run writes.
    private Optional<String> foreignEntry() {
        try (Stream<Path> entries = Files.list(path)) {
            return entries.map(entry -> entry.getFileName().toString())
                    .filter(name -> !OTHER_ENTRIES.contains(name)
                            && !RunFiles.isOfRun(name)
                            && !TrainingCheckpoints.isLeftover(name))
                    .min(Comparator.naturalOrder());
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be read: %s".formatted(path, e.getMessage()),
                    "point checkpoint.checkpoint_dir at a directory you may read and write",
                    e);
        }
    }

    /// Refuses a read-only directory. A run writes its logs there even if it saves no checkpoints.
    void requireWritable() {
        Path existing = path.toAbsolutePath();
        while (Files.notExists(existing) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        if (!Files.isWritable(existing)) {
            throw error.of(
                    DIRECTORY_KEY,
                    "checkpoint.checkpoint_dir %s cannot be written: %s is read-only".formatted(path, existing),
                    "name a directory you may write to");
        }
    }
}
