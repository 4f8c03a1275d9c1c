package dev.bowline.loss;

import dev.bowline.nn.Head;
import dev.bowline.tensor.Dtype;
import org.bytedeco.pytorch.Tensor;

/// Cross-entropy of the head's logits over the targets of a batch, softcap included.
///
/// Shapes: B rows, S positions, H hidden size.
public sealed interface CrossEntropy permits ChunkedCrossEntropy, FullLogitsCrossEntropy {

    /// Adds the gradient of `weight` × Σ cross-entropy to every trained parameter. Without a target that gradient is
    /// zero, and so is the loss.
    ///
    /// @param hidden [B, S, H] with its graph, which is consumed
    /// @param weight 1 / the targets of the whole step, so that micro-batches count by their targets
    /// @return `weight` × Σ cross-entropy
    double backward(Tensor hidden, Head head, Targets targets, double weight);

    /// Σ cross-entropy, without gradients.
    double sum(Tensor hidden, Head head, Targets targets);

    /// The most targets whose logits are in memory at once.
    ///
    /// @param tokens B × S of a batch
    long logitRows(long tokens);

    /// Bytes of one logit at the peak, its gradient included.
    ///
    /// @param dtype of the head
    long bytesPerLogit(Dtype dtype);
}
