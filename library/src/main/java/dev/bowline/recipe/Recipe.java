package dev.bowline.recipe;

import java.nio.file.Path;
import java.util.Optional;

/// Everything one fine-tuning needs to know, validated once and immutable after.
///
/// @param source the file it was read from, absolute
/// @param validationDataset held-out examples, if the run measures itself
/// @param clipGradNorm the largest gradient norm a step may have; empty means that gradients are not clipped
/// @param seed of every random choice of the run, at least 0
public record Recipe(
        Path source,
        ModelSection model,
        DatasetSection dataset,
        Optional<DatasetSection> validationDataset,
        PackedSequence packedSequence,
        StepScheduler stepScheduler,
        OptimizerSection optimizer,
        LrScheduler lrScheduler,
        Optional<Double> clipGradNorm,
        CheckpointSection checkpoint,
        FreezeConfig freezeConfig,
        LossSection loss,
        long seed) {

    public Recipe {
        Require.that(seed >= 0, "seed must be at least 0, not %d", seed);
        clipGradNorm.ifPresent(norm -> Require.that(
                norm > 0 && Double.isFinite(norm), "clipGradNorm must be finite and above 0, not %s", norm));
        Require.that(validationDataset.isPresent() || !checkpoint.keepBest(), "keepBest needs a validation dataset");
        Require.that(
                validationDataset.isPresent() || stepScheduler.valEverySteps().isEmpty(),
                "valEverySteps needs a validation dataset");
    }
}
