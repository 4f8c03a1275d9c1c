package dev.bowline.checkpoint;

import dev.bowline.files.AtomicDirectory;
import dev.bowline.model.LanguageModel;
import java.nio.file.Path;

/// Writes models as Hugging Face directories.
public final class CheckpointSaver {

    private CheckpointSaver() {}

    /// Writes `model` whole or not at all, and reads the files back before the directory appears. A process that
    /// is killed leaves a hidden directory that is never taken for a checkpoint; the next save into the same
    /// parent removes it.
    ///
    /// The head is saved in its present state. If the head and the embedding are one value, only the embedding is
    /// written. If they are two values, both are written and every flag in config.json says so. Without training
    /// in between, every tensor that was loaded in its stored dtype is written with the same bytes.
    ///
    /// @param directory absent or empty
    public static SaveReport save(LanguageModel model, Path directory, SaveOptions options) {
        AtomicDirectory.requireFree(directory);
        return new ModelSave(model, options).run(directory, ModelSave.Extras.none());
    }
}
