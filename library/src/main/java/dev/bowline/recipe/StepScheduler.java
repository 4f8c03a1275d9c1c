package dev.bowline.recipe;

import java.util.Optional;

/// How many rows a step sees, how long training goes on, and what happens on the way.
///
/// @param globalBatchSize rows in one optimizer step
/// @param localBatchSize rows in one forward pass; divides `globalBatchSize`
/// @param maxSteps the last step; with `numEpochs` too, whichever comes first
/// @param numEpochs passes over the dataset
/// @param ckptEverySteps steps between checkpoints; empty saves at the end only
/// @param valEverySteps steps between validations; empty validates at the end only
public record StepScheduler(
        int globalBatchSize,
        int localBatchSize,
        Optional<Integer> maxSteps,
        Optional<Integer> numEpochs,
        Optional<Integer> ckptEverySteps,
        Optional<Integer> valEverySteps) {

    public StepScheduler {
        Require.that(localBatchSize >= 1, "localBatchSize must be at least 1, not %d", localBatchSize);
        Require.that(
                globalBatchSize >= 1 && globalBatchSize % localBatchSize == 0,
                "localBatchSize %d does not divide globalBatchSize %d",
                localBatchSize,
                globalBatchSize);
        Require.that(maxSteps.isPresent() || numEpochs.isPresent(), "maxSteps or numEpochs must be given");
        requirePositive("maxSteps", maxSteps);
        requirePositive("numEpochs", numEpochs);
        requirePositive("ckptEverySteps", ckptEverySteps);
        requirePositive("valEverySteps", valEverySteps);
    }

    /// How many forward passes make one step.
    public int accumulation() {
        return globalBatchSize / localBatchSize;
    }

    private static void requirePositive(String name, Optional<Integer> value) {
        value.ifPresent(count -> Require.that(count >= 1, "%s must be at least 1, not %d", name, count));
    }
}
