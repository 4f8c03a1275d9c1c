package dev.bowline.loss;

import dev.bowline.tensor.Dtype;

/// Cross-entropy of the head's logits over the targets of a batch, softcap included.
public sealed interface CrossEntropy extends Loss permits ChunkedCrossEntropy, FullLogitsCrossEntropy {

    /// The most targets whose logits are in memory at once.
    ///
    /// @param tokens B × S of a batch
    long logitRows(long tokens);

    /// Bytes of one logit at the peak, its gradient included.
    ///
    /// @param dtype of the head
    long bytesPerLogit(Dtype dtype);
}
