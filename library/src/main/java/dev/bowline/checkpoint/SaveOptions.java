package dev.bowline.checkpoint;

import java.util.Optional;
import java.util.OptionalLong;

/// The options of a save.
///
/// @param source the checkpoint the model was loaded from: spelling, order, files, and the tensors the model
/// does not hold come from it
/// @param maxShardBytes the largest file of weights; empty for the source's own files, and 5 GB where those do
/// not fit
/// @param progress told how far the save is
public record SaveOptions(Optional<Checkpoint> source, OptionalLong maxShardBytes, SaveProgress progress) {

    /// The names and files of `source`.
    public static SaveOptions like(Checkpoint source) {
        return new SaveOptions(Optional.of(source), OptionalLong.empty(), SaveProgress.silent());
    }

    /// For a model that was not loaded; only its weights and config.json are written.
    public static SaveOptions withoutSource() {
        return new SaveOptions(Optional.empty(), OptionalLong.empty(), SaveProgress.silent());
    }

    public SaveOptions shardedAt(long bytes) {
        return new SaveOptions(source, OptionalLong.of(bytes), progress);
    }

    public SaveOptions reportingTo(SaveProgress listener) {
        return new SaveOptions(source, maxShardBytes, listener);
    }
}
