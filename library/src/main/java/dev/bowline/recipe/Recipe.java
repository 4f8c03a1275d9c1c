package dev.bowline.recipe;

import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.recipe.Key.Default;
import dev.bowline.recipe.Key.Names;
import dev.bowline.recipe.RecipeValues.Conflict;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Everything one fine-tuning needs to know, validated once and immutable after.
///
/// @param source the file it was read from, absolute
/// @param validationDataset held-out examples, if the run measures itself
/// @param clipGradNorm the largest gradient norm a step may have; empty means that gradients are not clipped
/// @param peft the adapter to train; empty for a run that trains the weights
/// @param distributed how ranks share the run; empty for a recipe without the section
/// @param evaluate the questions that the model answers while it trains; empty for none
/// @param logging the records of the run in addition to the metrics logs
/// @param activationCheckpointing the activations that a forward pass keeps for the backward pass
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
        Optional<PeftSection> peft,
        LossSection loss,
        Optional<DistributedSection> distributed,
        Optional<EvaluateSection> evaluate,
        LoggingSection logging,
        ActivationCheckpointing activationCheckpointing,
        long seed) {

    static final Section TOP = new Section("");

    static final Key<Long> SEED =
            TOP.key("seed", NumberTypes.longFrom(0), Default.of(42L, "as AutoModel"), "Random seed of the run.");

    static final Key<Boolean> ACTIVATION_CHECKPOINTING = TOP.key(
            "activation_checkpointing",
            TextTypes.trueOrFalse(),
            Default.of(false, "a step is faster"),
            "Keeps the inputs of each decoder layer only, and runs a layer again in the backward pass: less memory, a"
                    + " slower step, the same result.");

    static final Section CLIPPING = new Section("clip_grad_norm");

    static final Key<Optional<Double>> MAX_NORM = CLIPPING.key(
            "max_norm",
            NumberTypes.above(0, "1.0").optional(),
            Default.of(Optional.of(1.0), "as AutoModel"),
            "Maximum gradient norm of a step; null disables clipping.");

    static final Section LOSS = new Section("loss");

    static final Key<Integer> LOSS_CHUNK_SIZE = LOSS.key(
            Names.of("chunk_size").autoModel("loss_fn.chunk_len"),
            NumberTypes.integerFrom(1),
            Default.of(512, "bounds the memory of the logits"),
            "Tokens per chunk of the head's logits.");

    static final Key<Boolean> LOSS_FULL_LOGITS = LOSS.key(
            "full_logits",
            TextTypes.trueOrFalse(),
            Default.of(false, "bounds the memory of the logits"),
            "Computes the logits of all tokens at once with autograd, as transformers does.");

    public Recipe {
        SEED.require(seed);
        MAX_NORM.require(clipGradNorm);
        if (validationDataset.isEmpty()) {
            Conflict.refuse(bestWithoutValidation(checkpoint.keepBest()));
            Conflict.refuse(stepsWithoutValidation(stepScheduler.valEverySteps()));
        }
    }

    /// @throws IllegalStateException if a key has a value that no record takes
    static Recipe of(RecipeValues values) {
        Recipe recipe = new Recipe(
                values.source(),
                ModelSection.of(values),
                DatasetSection.of(DatasetKeys.TRAINING, values),
                values.hasSection(DatasetKeys.VALIDATION.section.path())
                        ? Optional.of(DatasetSection.of(DatasetKeys.VALIDATION, values))
                        : Optional.empty(),
                PackedSequence.of(values),
                StepScheduler.of(values),
                OptimizerSection.of(values),
                LrScheduler.of(values),
                values.use(MAX_NORM),
                CheckpointSection.of(values),
                FreezeConfig.of(values),
                values.hasSection(PeftSection.SECTION.path()) ? Optional.of(PeftSection.of(values)) : Optional.empty(),
                loss(values),
                values.hasSection(DistributedSection.SECTION.path())
                        ? Optional.of(DistributedSection.of(values))
                        : Optional.empty(),
                values.hasSection(EvaluateSection.SECTION.path())
                        ? Optional.of(EvaluateSection.of(values))
                        : Optional.empty(),
                LoggingSection.of(values),
                values.use(ACTIVATION_CHECKPOINTING) ? ActivationCheckpointing.PER_LAYER : ActivationCheckpointing.OFF,
                values.use(SEED));
        List<String> unused = values.unused();
        if (!unused.isEmpty()) {
            throw new IllegalStateException("declared but not used: " + unused);
        }
        return recipe;
    }

    private static LossSection loss(RecipeValues values) {
        int chunk = values.use(LOSS_CHUNK_SIZE);
        return values.use(LOSS_FULL_LOGITS) ? new LossSection.FullLogits() : new LossSection.Chunked(chunk);
    }

    /// Reports values that contradict each other, and values that would have no effect. A check is silent where
    /// one of its keys is missing or invalid, as that is reported already.
    static void check(RecipeValues values) {
        StepScheduler.check(values);
        if (!values.hasSection(DatasetKeys.VALIDATION.section.path())) {
            values.refuse(
                    stepsWithoutValidation(values.findSome(StepScheduler.VAL_EVERY_STEPS)),
                    StepScheduler.VAL_EVERY_STEPS);
            values.refuse(
                    bestWithoutValidation(values.is(CheckpointSection.KEEP_BEST, true)), CheckpointSection.KEEP_BEST);
        }
        DatasetSection.check(DatasetKeys.TRAINING, values);
        if (values.hasSection(DatasetKeys.VALIDATION.section.path())) {
            DatasetSection.check(DatasetKeys.VALIDATION, values);
        }
        PackedSequence.check(values);
        OptimizerSection.check(values);
        LrScheduler.check(values);
        CheckpointSection.check(values);
        FreezeConfig.check(values);
        PeftSection.check(values);
        if (values.hasSection(DistributedSection.SECTION.path())) {
            DistributedSection.check(values);
        }
        if (values.hasSection(EvaluateSection.SECTION.path())) {
            EvaluateSection.check(values);
        }
        if (values.is(LOSS_FULL_LOGITS, true)) {
            values.refuseWithoutEffect(LOSS_CHUNK_SIZE, "with loss.full_logits: true");
        }
    }

    private static Optional<Conflict> stepsWithoutValidation(Optional<Integer> valEverySteps) {
        return valEverySteps.map(_ -> new Conflict(
                "step_scheduler.val_every_steps has no effect: there is no validation_dataset",
                "add a validation_dataset, or remove val_every_steps"));
    }

    private static Optional<Conflict> bestWithoutValidation(boolean keepBest) {
        return keepBest
                ? Optional.of(new Conflict(
                        "checkpoint.keep_best needs validation losses, and there is no validation_dataset",
                        "add a validation_dataset, or remove keep_best"))
                : Optional.empty();
    }
}
