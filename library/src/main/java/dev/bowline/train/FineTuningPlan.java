package dev.bowline.train;

import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.Loss;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.optim.Schedule;
import java.util.OptionalDouble;

/// The numbers of a fine-tuning, resolved.
///
/// @param rowsPerStep rows in one optimizer step
/// @param rowsPerMicroBatch rows in one forward pass
/// @param lastStep the step after which training is done, from 1
/// @param optimizer the optimizer and its hyperparameters
/// @param schedule the learning rate of each step
/// @param maxGradNorm the norm to which gradients are clipped; empty for no clipping
/// @param loss the loss, which decides how the head is applied
/// @param paddingId the token id that pads rows
public record FineTuningPlan(
        int rowsPerStep,
        int rowsPerMicroBatch,
        long lastStep,
        OptimizerSettings optimizer,
        Schedule schedule,
        OptionalDouble maxGradNorm,
        Loss loss,
        long paddingId,
        GradientReduction reduction) {

    /// The number of tokens whose logits exist at once; the default is that of a recipe.
    private static final int CHUNK = 512;

    /// A plan of one process.
    public FineTuningPlan(
            int rowsPerStep,
            int rowsPerMicroBatch,
            long lastStep,
            OptimizerSettings optimizer,
            Schedule schedule,
            OptionalDouble maxGradNorm,
            Loss loss,
            long paddingId) {
        this(
                rowsPerStep,
                rowsPerMicroBatch,
                lastStep,
                optimizer,
                schedule,
                maxGradNorm,
                loss,
                paddingId,
                GradientReduction.NONE);
    }

    /// A plan with the defaults of a recipe: AdamW as in PyTorch, a constant rate, gradients clipped to a
    /// norm of 1, the loss in chunks, and a forward pass for each row.
    ///
    /// @param rowsPerStep rows in one optimizer step
    /// @param lastStep the step after which training is done, from 1
    /// @param rate the learning rate
    public static FineTuningPlan of(int rowsPerStep, long lastStep, double rate) {
        return new FineTuningPlan(
                rowsPerStep,
                1,
                lastStep,
                AdamW.Settings.defaults(),
                Schedule.constant(rate),
                OptionalDouble.of(1),
                new ChunkedCrossEntropy(CHUNK),
                0);
    }

    public FineTuningPlan with(Schedule other) {
        return new FineTuningPlan(
                rowsPerStep, rowsPerMicroBatch, lastStep, optimizer, other, maxGradNorm, loss, paddingId, reduction);
    }

    public FineTuningPlan with(OptimizerSettings other) {
        return new FineTuningPlan(
                rowsPerStep, rowsPerMicroBatch, lastStep, other, schedule, maxGradNorm, loss, paddingId, reduction);
    }

    public FineTuningPlan with(Loss other) {
        return new FineTuningPlan(
                rowsPerStep,
                rowsPerMicroBatch,
                lastStep,
                optimizer,
                schedule,
                maxGradNorm,
                other,
                paddingId,
                reduction);
    }

    /// The plan of one rank of a distributed run. Rows and micro-batches are those of all ranks.
    public FineTuningPlan with(GradientReduction other) {
        return new FineTuningPlan(
                rowsPerStep, rowsPerMicroBatch, lastStep, optimizer, schedule, maxGradNorm, loss, paddingId, other);
    }

    /// @param rows in one forward pass
    public FineTuningPlan withMicroBatchOf(int rows) {
        return new FineTuningPlan(
                rowsPerStep, rows, lastStep, optimizer, schedule, maxGradNorm, loss, paddingId, reduction);
    }

    public FineTuningPlan {
        if (rowsPerMicroBatch < 1 || rowsPerStep < rowsPerMicroBatch) {
            throw new IllegalArgumentException(
                    "%d rows per step, %d per micro-batch".formatted(rowsPerStep, rowsPerMicroBatch));
        }
        if (lastStep < 1) {
            throw new IllegalArgumentException("the last step is " + lastStep);
        }
    }
}
