package dev.bowline.model.decoder;

import dev.bowline.nn.Activation;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import org.bytedeco.pytorch.Tensor;

/// The dense feed-forward: W_d (a(W_g x) ⊙ W_u x).
final class FeedForward extends Layer implements FeedForwardLayer {

    private final Linear gate;
    private final Linear up;
    private final Linear down;
    private final Activation activation;

    FeedForward(String path, int width, FeedForwardConfig.Gated config, Activation activation) {
        super(path);
        this.activation = activation;
        gate = child(new Linear(path("gate_proj"), width, config.width(), config.bias()));
        up = child(new Linear(path("up_proj"), width, config.width(), config.bias()));
        down = child(new Linear(path("down_proj"), config.width(), width, config.bias()));
    }

    @Override
    public Tensor forward(Tensor x) {
        return down.forward(activation.apply(gate.forward(x)).mul(up.forward(x)));
    }
}
