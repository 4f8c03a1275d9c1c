package dev.bowline.model.decoder;

import dev.bowline.nn.RmsNorm;
import org.bytedeco.pytorch.Tensor;

/// The second half of a layer.
sealed interface FeedForwardLayer permits FeedForward, FusedFeedForward, SparseFeedForward {

    /// Applies the feed-forward to `norm(h)`.
    ///
    /// @param h [B, S, H]
    /// @return [B, S, H]
    Tensor forward(RmsNorm norm, Tensor h);
}
