package dev.bowline.model.decoder;

import dev.bowline.nn.Activation;
import dev.bowline.nn.GatedFeedForward;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import org.bytedeco.pytorch.Tensor;

/// The dense feed-forward: W_d (a(W_g x) ⊙ W_u x).
final class FeedForward extends Layer implements FeedForwardLayer {

    private final GatedFeedForward gated;

    FeedForward(String path, int width, FeedForwardConfig.Gated config, Activation activation) {
        super(path);
        Linear gate = child(new Linear(path("gate_proj"), width, config.width(), config.bias()));
        Linear up = child(new Linear(path("up_proj"), width, config.width(), config.bias()));
        Linear down = child(new Linear(path("down_proj"), config.width(), width, config.bias()));
        gated = new GatedFeedForward(gate, up, down, activation);
    }

    @Override
    public Tensor forward(RmsNorm norm, Tensor h) {
        return gated.forward(norm, h);
    }
}
