package dev.bowline.nn;

import dev.bowline.tensor.MatMul;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// y = W_d (a(W_g x) ⊙ W_u x) through projections that a family names itself. Training keeps x, or
/// what x is the norm of, and the two products W_g x and W_u x only, and computes the rest again.
///
/// Shapes: N tokens, H width, I inner width.
public final class GatedFeedForward {

    private final Linear gate;
    private final Linear up;
    private final Linear down;
    private final Activation activation;

    /// @param gate [I, H]
    /// @param up [I, H]
    /// @param down [H, I]
    public GatedFeedForward(Linear gate, Linear up, Linear down, Activation activation) {
        this.gate = gate;
        this.up = up;
        this.down = down;
        this.activation = activation;
    }

    /// @param x [..., H]
    /// @return [..., H]
    public Tensor forward(Tensor x) {
        return forward(x, x, UnaryOperator.identity());
    }

    /// Of the norm of h, which is not kept: h is, by the norm too, and the backward pass takes the norm again.
    ///
    /// @param h [..., H]
    /// @return [..., H]
    public Tensor forward(RmsNorm norm, Tensor h) {
        return forward(norm.forward(h), h, norm::forward);
    }

    /// @param again what makes x of `kept`
    private Tensor forward(Tensor x, Tensor kept, UnaryOperator<Tensor> again) {
        // A frozen input needs no gradient, and then there is no graph to hang a backward pass of our own on.
        if (!GradMode.is_enabled() || !x.requires_grad()) {
            return down.forward(activation.apply(gate.forward(x)).mul(up.forward(x)));
        }
        Tensor g;
        Tensor u;
        Tensor y;
        try (NoGradGuard _ = new NoGradGuard()) {
            g = gate.forward(x);
            u = up.forward(x);
            y = down.forward(activation.apply(g).mul_(u));
        }
        return AutogradFunction.attach(x, y, (saved, dy) -> backward(saved, dy, again), kept, g, u);
    }

    private Tensor backward(Tensor[] saved, Tensor gradient, UnaryOperator<Tensor> again) {
        Tensor x = again.apply(saved[0]).reshape(-1, saved[0].size(-1));
        Tensor g = saved[1].reshape(-1, saved[1].size(-1));
        Tensor u = saved[2].reshape(-1, saved[2].size(-1));
        Tensor dy = gradient.reshape(-1, gradient.size(-1));

        Tensor curve = activation.apply(g);
        down.addGradient(dy, curve.mul(u));
        Tensor dp = MatMul.of(dy, down.weight().tensor());
        Tensor du = curve.mul_(dp);
        Tensor dg = activation.gradient(dp.mul_(u), g);
        gate.addGradient(dg, x);
        up.addGradient(du, x);
        Tensor dx = MatMul.of(dg, gate.weight().tensor());
        MatMul.add(dx, du, up.weight().tensor(), 1);
        return dx.view_as(saved[0]);
    }
}
