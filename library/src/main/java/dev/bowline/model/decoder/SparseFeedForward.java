package dev.bowline.model.decoder;

import dev.bowline.nn.Activation;
import dev.bowline.nn.GatedExperts;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/// A router and its experts (transformers: `Qwen3MoeSparseMoeBlock`).
///
/// Shapes: N tokens, H hidden size, K experts per token.
final class SparseFeedForward extends Layer implements FeedForwardLayer {

    private final Linear router;
    private final GatedExperts experts;
    private final FeedForwardConfig.Experts config;

    SparseFeedForward(String path, int width, FeedForwardConfig.Experts config, Activation activation) {
        super(path);
        this.config = config;
        experts = child(new GatedExperts(path("experts"), config.count(), width, config.width(), activation));
        router = child(Linear.router(path("gate"), width, config.count()));
    }

    @Override
    public Tensor forward(RmsNorm norm, Tensor h) {
        Tensor x = norm.forward(h);
        Tensor tokens = x.reshape(-1, x.size(-1));

        // p = softmax(W x) in float32; w = the K largest, perhaps renormalised
        Tensor p = Ops.softmax(router.forward(tokens), Dtype.FLOAT32);
        Ops.Top top = Ops.top(p, config.perToken());
        Tensor w = switch (config.routingWeights()) {
            case AS_CHOSEN -> top.values();
            case NORMALIZED -> top.values().div(Ops.sumLast(top.values()));
        };
        Tensor y = experts.forward(tokens, top.indices(), w.to(x.scalar_type()));
        return y.view_as(x);
    }
}
