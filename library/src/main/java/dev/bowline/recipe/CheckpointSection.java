package dev.bowline.recipe;

import java.nio.file.Path;
import java.util.Optional;

/// Where and how often training is saved. When `enabled`, the last step is always saved.
///
/// @param checkpointDir absolute; made when it is missing
/// @param maxRecentCheckpoints how many of the newest to keep; empty for all
/// @param keepBest whether the one with the lowest validation loss is kept besides
/// @param restoreFrom the training checkpoint to resume from, if this is not a fresh start
/// @param maxShardBytes the largest weights file to write
/// @param saveOptimizer whether checkpoints have the optimizer's state, which an exact resume needs
/// @param last what the checkpoint of the last step has
public record CheckpointSection(
        boolean enabled,
        Path checkpointDir,
        Optional<Integer> maxRecentCheckpoints,
        boolean keepBest,
        Optional<RestoreFrom> restoreFrom,
        long maxShardBytes,
        boolean saveOptimizer,
        LastCheckpoint last) {

    public CheckpointSection {
        Require.that(checkpointDir.isAbsolute(), "checkpointDir must be absolute, not %s", checkpointDir);
        maxRecentCheckpoints.ifPresent(
                count -> Require.that(count >= 1, "maxRecentCheckpoints must be at least 1, not %d", count));
        Require.that(maxShardBytes >= 1, "maxShardBytes must be at least 1, not %d", maxShardBytes);
    }
}
