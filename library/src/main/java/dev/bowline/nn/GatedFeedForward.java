package dev.bowline.nn;

import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// y = W_d (a(W_g x) ⊙ W_u x), with an activation a, through linears that a family names itself. The graph
/// keeps the input and the two products W_g x and W_u x; the backward pass computes the rest again.
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

    /// Applies the feed-forward to norm(h). The graph keeps h only; the backward pass computes the norm again.
    ///
    /// @param h [..., H]
    /// @return [..., H]
    public Tensor forward(RmsNorm norm, Tensor h) {
        return forward(norm.forward(h), h, norm::forward);
    }

    private record Operators(LinearOperator gate, LinearOperator up, LinearOperator down) {}

    /// @param saved the tensor that the graph keeps
    /// @param recompute computes x from `saved`
    private Tensor forward(Tensor x, Tensor saved, UnaryOperator<Tensor> recompute) {
        return switch (gate.kernels()) {
            // Without an input that requires a gradient there is no graph to attach a backward pass to.
            case FUSED_CPU -> GradMode.is_enabled() && x.requires_grad() ? fused(x, saved, recompute) : plain(x);
            case LIBTORCH -> plain(x);
        };
    }

    private Tensor plain(Tensor x) {
        return down.forward(activation.apply(gate.forward(x)).mul(up.forward(x)));
    }

    private Tensor fused(Tensor x, Tensor saved, UnaryOperator<Tensor> recompute) {
        Operators operators = new Operators(gate.operator(), up.operator(), down.operator());
        Tensor g;
        Tensor u;
        Tensor y;
        try (NoGradGuard _ = new NoGradGuard()) {
            g = gate.forward(x);
            u = up.forward(x);
            y = down.forward(activation.apply(g).mul_(u));
        }
        AutogradFunction.Backward backward = (kept, dy) -> backward(operators, kept, dy, recompute);
        return AutogradFunction.attach(x, y, backward, saved, g, u);
    }

    private Tensor backward(Operators operators, Tensor[] saved, Tensor gradient, UnaryOperator<Tensor> recompute) {
        Tensor x = recompute.apply(saved[0]).reshape(-1, saved[0].size(-1));
        Tensor g = saved[1].reshape(-1, saved[1].size(-1));
        Tensor u = saved[2].reshape(-1, saved[2].size(-1));
        Tensor dy = gradient.reshape(-1, gradient.size(-1));

        Tensor activated = activation.apply(g);
        Tensor dp = operators.down().requiresGrad()
                ? operators.down().gradients(dy, activated.mul(u))
                : operators.down().inputGradient(dy);
        Tensor du = activated.mul_(dp);
        Tensor dg = activation.gradient(dp.mul_(u), g);
        Tensor dx = operators.gate().gradients(dg, x);
        operators.up().addGradients(dx, du, x);
        return dx.view_as(saved[0]);
    }
}
