package dev.bowline.model.decoder;

import dev.bowline.nn.Activation;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import org.bytedeco.pytorch.Tensor;

/// The dense feed-forward with gate above up in one matrix (transformers: `Phi3MLP`).
final class FusedFeedForward extends Layer implements FeedForwardLayer {

    private final Linear gateUp;
    private final Linear down;
    private final Activation activation;
    private final int inner;

    FusedFeedForward(String path, int width, FeedForwardConfig.FusedGated config, Activation activation) {
        super(path);
        this.activation = activation;
        inner = config.width();
        gateUp = child(new Linear(path("gate_up_proj"), width, 2L * inner));
        down = child(new Linear(path("down_proj"), inner, width));
    }

    @Override
    public Tensor forward(RmsNorm norm, Tensor h) {
        Tensor both = gateUp.forward(norm.forward(h));
        return down.forward(activation.apply(both.narrow(-1, 0, inner)).mul(both.narrow(-1, inner, inner)));
    }
}
