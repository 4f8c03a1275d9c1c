package dev.bowline.memory;

import dev.bowline.loss.CrossEntropy;
import dev.bowline.model.Component;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.tensor.Dtype;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/// The settings of a fine-tuning that decide its memory.
///
/// @param dtype of the weights
/// @param rows in one forward pass
/// @param columns tokens in a row
/// @param microBatches forward passes in a step
/// @param loss decides the number of targets whose logits are computed at once
/// @param checkpointing the activations that a forward pass keeps for the backward pass
/// @param optimizer decides the state of each trained parameter
/// @param frozen the components of the model that are not trained
/// @param adapter the adapter that is trained in place of the model
public record MemoryPlan(
        Dtype dtype,
        int rows,
        int columns,
        int microBatches,
        CrossEntropy loss,
        ActivationCheckpointing checkpointing,
        OptimizerSettings optimizer,
        Set<Component> frozen,
        Optional<AdapterPlan> adapter) {

    public MemoryPlan {
        frozen = Set.copyOf(frozen);
    }

    long tokens() {
        return (long) rows * columns;
    }

    /// The largest number of targets whose logits exist at once.
    long logitRows() {
        return loss.logitRows(tokens());
    }

    /// Bytes of one logit at the peak.
    long bytesPerLogit() {
        return loss.bytesPerLogit(dtype);
    }

    MemoryPlan in(Dtype other) {
        return new MemoryPlan(other, rows, columns, microBatches, loss, checkpointing, optimizer, frozen, adapter);
    }

    /// The same step with another number of rows in a forward pass.
    MemoryPlan withRows(int fewer) {
        return new MemoryPlan(
                dtype,
                fewer,
                columns,
                Math.ceilDiv(rows * microBatches, fewer),
                loss,
                checkpointing,
                optimizer,
                frozen,
                adapter);
    }

    MemoryPlan withColumns(int shorter) {
        return new MemoryPlan(dtype, rows, shorter, microBatches, loss, checkpointing, optimizer, frozen, adapter);
    }

    MemoryPlan with(CrossEntropy other) {
        return new MemoryPlan(dtype, rows, columns, microBatches, other, checkpointing, optimizer, frozen, adapter);
    }

    MemoryPlan with(OptimizerSettings other) {
        return new MemoryPlan(dtype, rows, columns, microBatches, loss, checkpointing, other, frozen, adapter);
    }

    MemoryPlan with(ActivationCheckpointing other) {
        return new MemoryPlan(dtype, rows, columns, microBatches, loss, other, optimizer, frozen, adapter);
    }

    /// The same step of an adapter on a frozen model.
    public MemoryPlan adapting(AdapterPlan trained) {
        return new MemoryPlan(
                dtype,
                rows,
                columns,
                microBatches,
                loss,
                checkpointing,
                optimizer,
                EnumSet.allOf(Component.class),
                Optional.of(trained));
    }

    MemoryPlan freezing(Set<Component> more) {
        Set<Component> all = EnumSet.copyOf(more);
        all.addAll(frozen);
        return new MemoryPlan(dtype, rows, columns, microBatches, loss, checkpointing, optimizer, all, adapter);
    }
}
