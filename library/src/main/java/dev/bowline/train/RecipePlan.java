package dev.bowline.train;

import dev.bowline.data.TrainingRows;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.CrossEntropy;
import dev.bowline.loss.FullLogitsCrossEntropy;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.optim.Schedule;
import dev.bowline.recipe.LossSection;
import dev.bowline.recipe.LrScheduler;
import dev.bowline.recipe.OptimizerSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.StepScheduler;
import java.util.OptionalDouble;

/// The numbers of a recipe, resolved against its data.
final class RecipePlan {

    /// The number of warm-up steps if the recipe does not give it, as in NeMo AutoModel.
    private static final long MOST_WARMUP_STEPS = 1000;

    private RecipePlan() {}

    static FineTuningPlan of(Recipe recipe, TrainingRows rows, long paddingId) {
        StepScheduler steps = recipe.stepScheduler();
        long lastStep = lastStep(steps, rows);
        OptimizerSection optimizer = recipe.optimizer();
        return new FineTuningPlan(
                steps.globalBatchSize(),
                steps.localBatchSize(),
                lastStep,
                settings(optimizer),
                schedule(recipe.lrScheduler(), optimizer.lr(), lastStep),
                recipe.clipGradNorm().map(OptionalDouble::of).orElse(OptionalDouble.empty()),
                loss(recipe.loss()),
                paddingId);
    }

    static OptimizerSettings settings(OptimizerSection optimizer) {
        return optimizer.name().settings(optimizer.hyperparameters());
    }

    private static long lastStep(StepScheduler steps, TrainingRows rows) {
        long byEpochs = steps.numEpochs().isPresent()
                ? (long) steps.numEpochs().get() * rows.stepsPerEpoch(steps.globalBatchSize())
                : Long.MAX_VALUE;
        long byCount = steps.maxSteps().isPresent() ? steps.maxSteps().get() : Long.MAX_VALUE;
        return Math.min(byEpochs, byCount);
    }

    private static Schedule schedule(LrScheduler section, double peak, long lastStep) {
        long decaySteps =
                section.decaySteps().isPresent() ? section.decaySteps().get() : lastStep;
        long warmupSteps = section.warmupSteps().isPresent()
                ? section.warmupSteps().get()
                : Math.min(MOST_WARMUP_STEPS, lastStep / 10);
        return new Schedule(
                section.decayStyle(),
                peak,
                section.initLr(),
                section.minLr(),
                warmupSteps,
                Math.max(decaySteps, warmupSteps),
                section.startAtInitLr() ? Schedule.FirstStep.INITIAL : Schedule.FirstStep.ABOVE_INITIAL);
    }

    static CrossEntropy loss(LossSection loss) {
        return switch (loss) {
            case LossSection.Chunked(int tokens) -> new ChunkedCrossEntropy(tokens);
            case LossSection.FullLogits _ -> new FullLogitsCrossEntropy();
        };
    }
}
