package dev.bowline.model.gemma4;

import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/// The dense gated feed-forward: W_d (gelu(W_g x) ⊙ W_u x).
final class FeedForward extends Layer {

    private final Linear gate;
    private final Linear up;
    private final Linear down;

    FeedForward(String path, int width, int inner) {
        super(path);
        gate = child(new Linear(path("gate_proj"), width, inner));
        up = child(new Linear(path("up_proj"), width, inner));
        down = child(new Linear(path("down_proj"), inner, width));
    }

    /// @param x [..., H]
    /// @return [..., H]
    Tensor forward(Tensor x) {
        return down.forward(Ops.geluTanh(gate.forward(x)).mul(up.forward(x)));
    }
}
