package dev.bowline.recipe;

import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.RecipeValues.Conflict;
import java.util.Optional;

/// The rows of a step, the length of the training, and the steps between checkpoints and validations.
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

    static final Section SECTION = new Section("step_scheduler");

    private static final KeyType<Optional<Integer>> COUNT =
            NumberTypes.integerFrom(1).optional();

    static final Key<Integer> GLOBAL_BATCH_SIZE = SECTION.key(
            "global_batch_size", NumberTypes.integerFrom(1), Default.required(), "Rows per optimizer step.");

    static final Key<Integer> LOCAL_BATCH_SIZE = SECTION.key(
            "local_batch_size",
            NumberTypes.integerFrom(1),
            Default.of(1, "needs the least memory"),
            "Rows per forward pass; divides global_batch_size.");

    static final Key<Optional<Integer>> MAX_STEPS = SECTION.key(
            "max_steps",
            COUNT,
            Default.of(Optional.empty(), "no limit"),
            "Last step. max_steps or num_epochs is required; with both, the first limit reached ends the run.");

    static final Key<Optional<Integer>> NUM_EPOCHS =
            SECTION.key("num_epochs", COUNT, Default.of(Optional.empty(), "no limit"), "Passes over the dataset.");

    static final Key<Optional<Integer>> CKPT_EVERY_STEPS = SECTION.key(
            "ckpt_every_steps",
            COUNT,
            Default.of(Optional.empty(), "only the last step is saved"),
            "Steps between checkpoints.");

    static final Key<Optional<Integer>> VAL_EVERY_STEPS = SECTION.key(
            "val_every_steps",
            COUNT,
            Default.of(Optional.empty(), "only after the last step, if there is a validation_dataset"),
            "Steps between validations.");

    public StepScheduler {
        GLOBAL_BATCH_SIZE.require(globalBatchSize);
        LOCAL_BATCH_SIZE.require(localBatchSize);
        MAX_STEPS.require(maxSteps);
        NUM_EPOCHS.require(numEpochs);
        CKPT_EVERY_STEPS.require(ckptEverySteps);
        VAL_EVERY_STEPS.require(valEverySteps);
        Conflict.refuse(undivided(globalBatchSize, localBatchSize));
        Conflict.refuse(endless(maxSteps, numEpochs));
    }

    static StepScheduler of(RecipeValues values) {
        return new StepScheduler(
                values.use(GLOBAL_BATCH_SIZE),
                values.use(LOCAL_BATCH_SIZE),
                values.use(MAX_STEPS),
                values.use(NUM_EPOCHS),
                values.use(CKPT_EVERY_STEPS),
                values.use(VAL_EVERY_STEPS));
    }

    static void check(RecipeValues values) {
        values.refuse(
                undivided(
                        values.find(GLOBAL_BATCH_SIZE).orElse(0),
                        values.find(LOCAL_BATCH_SIZE).orElse(1)),
                LOCAL_BATCH_SIZE);
        if (values.find(MAX_STEPS).isPresent() && values.find(NUM_EPOCHS).isPresent()) {
            values.refuse(endless(values.findSome(MAX_STEPS), values.findSome(NUM_EPOCHS)), MAX_STEPS, NUM_EPOCHS);
        }
    }

    private static Optional<Conflict> undivided(int global, int local) {
        if (global % local == 0) {
            return Optional.empty();
        }
        int divisor = Math.min(global, local);
        while (global % divisor != 0) {
            divisor--;
        }
        return Optional.of(new Conflict(
                "step_scheduler.local_batch_size %d does not divide global_batch_size %d".formatted(local, global),
                "write %d, or a multiple of %d for global_batch_size".formatted(divisor, local)));
    }

    private static Optional<Conflict> endless(Optional<Integer> maxSteps, Optional<Integer> numEpochs) {
        return maxSteps.isEmpty() && numEpochs.isEmpty()
                ? Optional.of(new Conflict(
                        "step_scheduler has neither max_steps nor num_epochs, so training would never end",
                        "add one of them, such as num_epochs: 1"))
                : Optional.empty();
    }

    /// Forward passes in one step.
    public int accumulation() {
        return globalBatchSize / localBatchSize;
    }
}
