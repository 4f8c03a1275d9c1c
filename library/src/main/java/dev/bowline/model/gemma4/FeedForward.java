package dev.bowline.model.gemma4;

import dev.bowline.nn.Activation;
import dev.bowline.nn.GatedFeedForward;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import org.bytedeco.pytorch.Tensor;

/// The dense gated feed-forward: W_d (gelu(W_g x) ⊙ W_u x).
final class FeedForward extends Layer {

    private final GatedFeedForward gated;

    FeedForward(String path, int width, int inner) {
        super(path);
        Linear gate = child(new Linear(path("gate_proj"), width, inner));
        Linear up = child(new Linear(path("up_proj"), width, inner));
        Linear down = child(new Linear(path("down_proj"), inner, width));
        gated = new GatedFeedForward(gate, up, down, Activation.GELU_TANH);
    }

    /// Of the norm of h.
    ///
    /// @param h [..., H]
    /// @return [..., H]
    Tensor forward(RmsNorm norm, Tensor h) {
        return gated.forward(norm, h);
    }
}
