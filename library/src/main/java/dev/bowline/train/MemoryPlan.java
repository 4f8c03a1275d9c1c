package dev.bowline.train;

import dev.bowline.model.Component;
import dev.bowline.recipe.LossSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.tensor.Dtype;
import java.util.EnumSet;
import java.util.Set;

/// What of a fine-tuning decides its memory.
///
/// @param dtype of the weights
/// @param rows in one forward pass
/// @param columns tokens in a row
/// @param microBatches forward passes in a step
/// @param loss how many targets go through the head at once
/// @param frozen what is not trained
record MemoryPlan(Dtype dtype, int rows, int columns, int microBatches, LossSection loss, Set<Component> frozen) {

    MemoryPlan {
        frozen = Set.copyOf(frozen);
    }

    /// @param stored the dtype of the checkpoint's weights
    /// @param columns the longest row
    static MemoryPlan of(Recipe recipe, Dtype stored, int columns) {
        Dtype dtype = recipe.model().torchDtype().orElse(stored);
        int rows = recipe.stepScheduler().localBatchSize();
        return new MemoryPlan(
                dtype,
                rows,
                columns,
                Math.ceilDiv(recipe.stepScheduler().globalBatchSize(), rows),
                recipe.loss(),
                Freezing.components(recipe.freezeConfig()));
    }

    long tokens() {
        return (long) rows * columns;
    }

    /// Targets whose logits exist at once, at most.
    long logitRows() {
        return switch (loss) {
            case LossSection.Chunked(int size) -> Math.min(size, tokens());
            case LossSection.FullLogits _ -> tokens();
        };
    }

    /// What one logit takes. Autograd holds the head's product, the softcap's three steps, the softmax and two
    /// gradients
    /// at once, which was measured too.
    long bytesPerLogit() {
        return switch (loss) {
            case LossSection.Chunked _ -> dtype.bytes();
            case LossSection.FullLogits _ -> 7L * Dtype.FLOAT32.bytes();
        };
    }

    MemoryPlan in(Dtype other) {
        return new MemoryPlan(other, rows, columns, microBatches, loss, frozen);
    }

    /// The same step in forward passes of so many rows.
    MemoryPlan withRows(int fewer) {
        return new MemoryPlan(dtype, fewer, columns, Math.ceilDiv(rows * microBatches, fewer), loss, frozen);
    }

    MemoryPlan withColumns(int shorter) {
        return new MemoryPlan(dtype, rows, shorter, microBatches, loss, frozen);
    }

    MemoryPlan with(LossSection other) {
        return new MemoryPlan(dtype, rows, columns, microBatches, other, frozen);
    }

    MemoryPlan freezing(Set<Component> more) {
        Set<Component> all = EnumSet.copyOf(more);
        all.addAll(frozen);
        return new MemoryPlan(dtype, rows, columns, microBatches, loss, all);
    }
}
