package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/// The checkpoints of a run: which steps are kept, and where.
///
/// @param enabled true saves checkpoints
/// @param checkpointDir directory of the checkpoints and metrics, absolute
/// @param maxRecentCheckpoints the number of newest checkpoints to keep; empty for all
/// @param keepBest true also keeps the checkpoint with the lowest validation loss
/// @param restoreFrom the training checkpoint to resume from, if this is not a fresh start
/// @param maxShardBytes the largest weights file to write
/// @param saveOptimizer true saves the optimizer's state, which an exact resume needs
/// @param last the content of the last step's checkpoint
public record CheckpointSection(
        boolean enabled,
        Path checkpointDir,
        Optional<Integer> maxRecentCheckpoints,
        boolean keepBest,
        Optional<RestoreFrom> restoreFrom,
        long maxShardBytes,
        boolean saveOptimizer,
        LastCheckpoint last) {

    /// The directory of the logs of ranks, in a checkpoint directory.
    public static final String LOGS = "logs";

    /// The training checkpoint that a run resumes from.
    public sealed interface RestoreFrom {

        /// The newest whole one in the checkpoint directory.
        record Latest() implements RestoreFrom {}

        /// The newest whole one in the checkpoint directory, or a fresh start where there is none.
        record Auto() implements RestoreFrom {}

        /// This one.
        record Directory(Path path) implements RestoreFrom {
            public Directory {
                PathTypes.requireAbsolute("path", path);
            }
        }
    }

    /// The content of the last step's checkpoint in addition to the weights.
    public enum LastCheckpoint {
        /// The optimizer's state, as every other checkpoint.
        FULL,
        /// No state of the optimizer.
        WEIGHTS_ONLY
    }

    static final Section SECTION = new Section("checkpoint");

    static final Key<Boolean> ENABLED = SECTION.key(
            "enabled", TextTypes.trueOrFalse(), Default.of(true, "a run saves its result"), "Saves checkpoints.");

    static final Key<Path> CHECKPOINT_DIR = SECTION.key(
            "checkpoint_dir",
            PathTypes.path(),
            Default.from(values -> values.source().resolveSibling("checkpoints"), "checkpoints/ next to the recipe"),
            "Directory of the step_N checkpoints, training.jsonl and validation.jsonl.");

    static final Key<Optional<Integer>> MAX_RECENT_CHECKPOINTS = SECTION.key(
            "max_recent_checkpoints",
            NumberTypes.integerFrom(1).optional(),
            Default.of(Optional.of(2), "the last and one before it"),
            "Number of newest checkpoints to keep; null keeps all.");

    static final Key<Boolean> KEEP_BEST = SECTION.key(
            "keep_best",
            TextTypes.trueOrFalse(),
            Default.from(values -> values.hasSection("validation_dataset"), "true with a validation_dataset"),
            "Also keeps the checkpoint with the lowest validation loss.");

    static final Key<Optional<RestoreFrom>> RESTORE_FROM = SECTION.key(
            "restore_from",
            PathTypes.restoreFrom().optional(),
            Default.of(Optional.empty(), "a fresh start"),
            "Training checkpoint to resume from; LATEST is the newest, auto the newest or a fresh start"
                    + " if there is none.");

    static final Key<Long> MAX_SHARD_SIZE = SECTION.key(
            "max_shard_size",
            TextTypes.size(),
            Default.of(5_000_000_000L, "as transformers"),
            "Maximum size of a weights file.");

    static final Key<Boolean> SAVE_OPTIMIZER = SECTION.key(
            "save_optimizer",
            TextTypes.trueOrFalse(),
            Default.of(true, "a resumed run is exact"),
            "Saves the optimizer's state with each checkpoint; a run resumed without it starts with zero moments.");

    static final Key<LastCheckpoint> LAST = SECTION.key(
            "last",
            TextTypes.oneOf(LastCheckpoint.values()),
            Default.of(LastCheckpoint.FULL, "like every other checkpoint"),
            "Content of the last step's checkpoint; weights_only leaves out the optimizer's state.");

    public CheckpointSection {
        PathTypes.requireAbsolute("checkpointDir", checkpointDir);
        MAX_RECENT_CHECKPOINTS.require(maxRecentCheckpoints);
        MAX_SHARD_SIZE.require(maxShardBytes);
    }

    /// The directory of the logs of ranks.
    public Path logs() {
        return checkpointDir.resolve(LOGS);
    }

    static CheckpointSection of(RecipeValues values) {
        return new CheckpointSection(
                values.use(ENABLED),
                values.use(CHECKPOINT_DIR),
                values.use(MAX_RECENT_CHECKPOINTS),
                values.use(KEEP_BEST),
                values.use(RESTORE_FROM),
                values.use(MAX_SHARD_SIZE),
                values.use(SAVE_OPTIMIZER),
                values.use(LAST));
    }

    static void check(RecipeValues values) {
        if (values.is(ENABLED, false)) {
            for (Key<?> key : List.of(
                    StepScheduler.CKPT_EVERY_STEPS, MAX_RECENT_CHECKPOINTS, MAX_SHARD_SIZE, SAVE_OPTIMIZER, LAST)) {
                values.refuseWithoutEffect(key, "with checkpoint.enabled: false");
            }
        }
        Optional<Path> model = values.find(ModelSection.PRETRAINED);
        values.find(CHECKPOINT_DIR).ifPresent(directory -> {
            existing(directory).filter(there -> !Files.isDirectory(there)).ifPresent(file -> {
                String state = file.equals(directory)
                        ? "is a file, not a directory"
                        : "cannot be made: %s is a file".formatted(file);
                values.refuse(
                        "checkpoint.checkpoint_dir %s %s".formatted(directory, state),
                        "name a directory that is empty or can be made",
                        CHECKPOINT_DIR);
            });
            if (model.isPresent() && directory.startsWith(model.get())) {
                values.refuse(
                        "checkpoint.checkpoint_dir %s is inside the model it starts from".formatted(directory),
                        "write a directory of its own",
                        CHECKPOINT_DIR);
            }
        });
    }

    /// The path itself, or the nearest existing one above it.
    private static Optional<Path> existing(Path path) {
        return Stream.iterate(path, Objects::nonNull, Path::getParent)
                .filter(Files::exists)
                .findFirst();
    }
}
