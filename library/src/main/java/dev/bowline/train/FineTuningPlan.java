package dev.bowline.train;

import dev.bowline.loss.CrossEntropy;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Schedule;
import java.util.OptionalDouble;

/// The numbers of a fine-tuning, resolved.
///
/// @param rowsPerStep rows in one optimizer step
/// @param rowsPerMicroBatch rows in one forward pass
/// @param lastStep the step after which training is done, from 1
/// @param optimizer AdamW's constants
/// @param schedule the learning rate of each step
/// @param maxGradNorm what gradients are clipped to; empty to leave them
/// @param loss how the loss goes through the head
/// @param paddingId the id that fills rows up
public record FineTuningPlan(
        int rowsPerStep,
        int rowsPerMicroBatch,
        long lastStep,
        AdamW.Settings optimizer,
        Schedule schedule,
        OptionalDouble maxGradNorm,
        CrossEntropy loss,
        long paddingId) {

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
