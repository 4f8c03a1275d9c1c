package dev.bowline.model.decoder;

import org.bytedeco.pytorch.Tensor;

/// The second half of a layer.
sealed interface FeedForwardLayer permits FeedForward, FusedFeedForward, SparseFeedForward {

    /// @param x [B, S, H]
    /// @return [B, S, H]
    Tensor forward(Tensor x);
}
