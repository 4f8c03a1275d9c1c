package dev.bowline.memory;

import dev.bowline.model.Component;
import java.util.List;

/// The memory of a fine-tuning at its peak, estimated from shapes alone.
///
/// @param parts the memory that is in use for the whole run, by component; a tied value counts once
/// @param activations tensors that the forward pass keeps for the backward pass, temporary tensors of the
///     backward pass, and buffers of libtorch's bfloat16 kernels
/// @param loss logits of the targets that go through the head at once, and the gradients of the hidden states
/// @param headGradient the float32 sum of the gradient of a bfloat16 head; 0 if there is no such sum
/// @param process the JVM, libtorch and their buffers, without a model
/// @param notAtOnce the part of the above that is never in use at the same time: with one forward pass in a step,
///     gradients are allocated as activations are freed
/// @param mapped frozen weights that stay in the mapped files; the system takes their pages back when it needs them,
///     so they are not part of the total
/// @param rows in one forward pass
/// @param columns tokens in a row
public record MemoryEstimate(
        List<Part> parts,
        long activations,
        long loss,
        long headGradient,
        long process,
        long notAtOnce,
        long mapped,
        int rows,
        int columns) {

    /// The memory of one component, in bytes.
    ///
    /// @param optimizer moments, and master weights where the weights are bfloat16
    public record Part(Component component, long weights, long gradients, long optimizer) {

        public long bytes() {
            return weights + gradients + optimizer;
        }
    }

    public MemoryEstimate {
        parts = List.copyOf(parts);
    }

    /// Bytes at the peak.
    public long total() {
        return parts.stream().mapToLong(Part::bytes).sum() + activations + loss + headGradient + process - notAtOnce;
    }
}
