package dev.bowline.model.decoder;

import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// Chooses experts per token (transformers: `Gemma4TextRouter`). The router norms its input itself, so its
/// input is the residual stream.
///
/// Shapes: N tokens, H hidden size, E experts, K experts per token.
final class ScaledRouter extends Layer {

    /// @param index [N, K] int64
    /// @param weight [N, K]
    record Choice(Tensor index, Tensor weight) {}

    private final RmsNorm norm;
    private final Linear projection;
    private final Slot scale;
    private final Slot perExpertScale;
    private final double rootSize;
    private final int perToken;

    ScaledRouter(String path, int width, FeedForwardConfig.GatedWithExperts experts, double epsilon) {
        super(path);
        rootSize = Math.pow(width, -0.5);
        perToken = experts.perToken();
        norm = child(new RmsNorm(path("norm"), width, epsilon, RmsNorm.Scale.NONE));
        projection = child(Linear.router(path("proj"), width, experts.count()));
        scale = weight("scale", width);
        perExpertScale = weight("per_expert_scale", experts.count());
    }

    /// @param x [N, H], the residual stream before any norm
    Choice forward(Tensor x) {
        // u = norm(x) ⊙ scale / sqrt(H), the last factor a host number: rounding it to bfloat16 shifts every logit
        Tensor u = norm.forward(x).mul(scale.tensor()).mul(new Scalar(rootSize));

        // p = softmax(W u) in float32; w = the K largest, renormalised, times each expert's own scale
        Tensor p = Ops.softmax(projection.forward(u), Dtype.FLOAT32);
        Ops.Top top = Ops.top(p, perToken);
        Tensor index = top.indices();
        Tensor w = top.values().div(Ops.sumLast(top.values()));
        Tensor scales = perExpertScale.tensor().index_select(0, index.flatten()).view(index.size(0), index.size(1));
        return new Choice(index, w.mul(scales));
    }
}
