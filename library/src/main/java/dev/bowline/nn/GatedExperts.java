package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A mixture of gated feed-forward experts: y_n = Σ_k w_nk down_e(a(gate_e x_n) ⊙ up_e x_n), e = index_nk,
/// with an activation a.
///
/// Tokens are sorted by expert so that each expert works on consecutive rows, from its first product to its last, with
/// the others beside it. Training keeps x, or what x is the norm of, and the gate and up products only, and computes
/// the rest again. Shapes: N tokens, K experts per token, R = N K rows sorted by expert, E experts, H width, I expert
/// width.
public final class GatedExperts extends Layer {

    private final Slot gateUp;
    private final Slot down;
    private final int experts;
    private final int inner;
    private final Activation activation;

    public GatedExperts(String path, int experts, int width, int inner) {
        this(path, experts, width, inner, Activation.GELU_TANH);
    }

    public GatedExperts(String path, int experts, int width, int inner, Activation activation) {
        super(path);
        this.activation = activation;
        this.experts = experts;
        this.inner = inner;
        gateUp = weight("gate_up_proj", experts, 2L * inner, width);
        down = weight("down_proj", experts, width, inner);
    }

    public Slot gateUp() {
        return gateUp;
    }

    public Slot down() {
        return down;
    }

    /// @param x [N, H]
    /// @param index [N, K] int64, each row's experts
    /// @param weight [N, K], each expert's share
    /// @return [N, H], of x's dtype
    public Tensor forward(Tensor x, Tensor index, Tensor weight) {
        return forward(new Input(x, x, UnaryOperator.identity()), index, weight);
    }

    /// Of the norm of h, which is not kept: h is, by the norm too, and the backward pass takes the norm again. The
    /// shapes are as above.
    public Tensor forward(RmsNorm norm, Tensor h, Tensor index, Tensor weight) {
        return forward(new Input(norm.forward(h), h, norm::forward), index, weight);
    }

    /// @param again what makes x of `kept`
    private record Input(Tensor x, Tensor kept, UnaryOperator<Tensor> again) {}

    private Tensor forward(Input input, Tensor index, Tensor weight) {
        Tensor x = input.x();
        ExpertLoad.tell(path(), index, experts);
        if (!GradMode.is_enabled() || !(x.requires_grad() || weight.requires_grad() || requiresGrad())) {
            return compute(x, weight, ExpertRows.of(index, experts)).mixed().to(x.scalar_type());
        }

        // Two inputs lead to one output, so they are laid side by side: [N, H + K], and so is what comes out.
        Tensor inputs = Ops.cat(1, AutogradFunction.requiring(x), AutogradFunction.requiring(weight));
        ExpertRows rows = ExpertRows.of(index, experts);
        Tensor joined;
        Tensor gateAndUp;
        try (NoGradGuard _ = new NoGradGuard()) {
            Computed computed = compute(x, weight, rows);
            gateAndUp = computed.gateAndUp();
            joined = torch.empty_like(inputs);
            joined.narrow(1, 0, width(x)).copy_(computed.mixed());
            joined.narrow(1, width(x), weight.size(1)).zero_();
        }
        UnaryOperator<Tensor> again = input.again();
        AutogradFunction.Backward backward = (saved, dy) -> backward(again.apply(saved[0]), saved, dy, rows);
        AutogradFunction.attach(
                inputs, joined, backward, input.kept(), weight, gateAndUp, rows.order(), rows.inverse());
        return joined.narrow(1, 0, width(x)).to(x.scalar_type());
    }

    private boolean requiresGrad() {
        return gateUp.get().requiresGrad() || down.get().requiresGrad();
    }

    private static long width(Tensor x) {
        return x.size(1);
    }

    /// @param gateAndUp [R, 2 I]
    /// @param mixed [N, H] float32, or of x's dtype if that is wider
    private record Computed(Tensor gateAndUp, Tensor mixed) {}

    private Computed compute(Tensor x, Tensor weight, ExpertRows rows) {
        long tokens = x.size(0);
        long perToken = weight.size(1);
        Tensor rowTokens = rows.tokens(perToken);
        Tensor gateAndUp = empty(x, rowTokens.size(0), 2L * inner);
        Tensor y = empty(x, rowTokens.size(0), width(x));
        rows.forEach(group -> {
            Tensor gateUpRows = group.of(gateAndUp);
            Tensor given = x.index_select(0, group.of(rowTokens));
            MatMul.into(gateUpRows, given, group.matrix(gateUp.tensor()).t());
            Tensor product = activation.apply(gate(gateUpRows)).mul_(up(gateUpRows));
            MatMul.into(group.of(y), product, group.matrix(down.tensor()).t());
        });

        // Back in pair order, y is [N, K, H] and the shares weigh its middle dimension, rounded to its dtype as the
        // reference does.
        Tensor byToken = y.index_select(0, rows.inverse()).view(tokens, perToken, width(x));
        return new Computed(gateAndUp, Ops.sumMiddle(byToken.mul_(weight.unsqueeze(-1)), Ops.wider(x, weight)));
    }

    private static Tensor empty(Tensor like, long... shape) {
        return Ops.empty(Dtype.of(like.scalar_type()), shape);
    }

    private Tensor gate(Tensor gateAndUp) {
        return gateAndUp.narrow(1, 0, inner);
    }

    private Tensor up(Tensor gateAndUp) {
        return gateAndUp.narrow(1, inner, inner);
    }

    /// With p = a(gate) ⊙ up and q = W_downᵀ dy per row: dL/dw = q · p, dL/dp = w q, and on through the gate.
    ///
    /// @param joined [N, H + K], of which the first H are dL/dy
    /// @return [N, H + K]: dL/dx beside dL/dw
    private Tensor backward(Tensor x, Tensor[] saved, Tensor joined, ExpertRows counted) {
        Tensor weight = saved[1];
        Tensor gateAndUp = saved[2];
        ExpertRows rows = counted.with(saved[3], saved[4]);
        long tokens = x.size(0);
        long perToken = weight.size(1);
        Tensor rowTokens = rows.tokens(perToken);
        Tensor dJoined = joined.narrow(1, 0, width(x)).to(x.scalar_type());
        Tensor shares = weight.flatten().index_select(0, rows.order()).unsqueeze(1);
        Optional<Tensor> dDown = gradientBuffer(down);
        Optional<Tensor> dGateUp = gradientBuffer(gateUp);
        Tensor dShares = Ops.empty(Dtype.FLOAT32, rowTokens.size(0), 1);
        Tensor dRows = empty(x, rowTokens.size(0), width(x));

        rows.forEach(group -> {
            Tensor dy = dJoined.index_select(0, group.of(rowTokens));
            Tensor gate = gate(group.of(gateAndUp));
            Tensor up = up(group.of(gateAndUp));
            Tensor w = group.of(shares);
            Tensor curve = activation.apply(gate);
            Tensor p = curve.mul(up);
            Tensor q = MatMul.of(dy, group.matrix(down.tensor()));
            group.of(dShares).copy_(Ops.sumLast(Ops.cast(q, Dtype.FLOAT32).mul(p)));
            q.mul_(w);
            dDown.ifPresent(sum -> MatMul.add(group.matrix(sum), dy.t(), p.mul_(w), 1));

            Tensor dGateAndUp = empty(x, q.size(0), 2L * inner);
            torch.mul_out(up(dGateAndUp), q, curve);
            gate(dGateAndUp).copy_(activation.gradient(q.mul_(up), gate));
            dGateUp.ifPresent(
                    sum -> MatMul.add(group.matrix(sum), dGateAndUp.t(), x.index_select(0, group.of(rowTokens)), 1));
            MatMul.into(group.of(dRows), dGateAndUp, group.matrix(gateUp.tensor()));
        });

        Tensor gradients = torch.empty_like(joined);
        gradients
                .narrow(1, 0, width(x))
                .copy_(sumOfExperts(dRows, rows.inverse().view(tokens, perToken)));
        gradients
                .narrow(1, width(x), perToken)
                .copy_(dShares.index_select(0, rows.inverse()).view(tokens, perToken));
        return gradients;
    }

    /// Each token's sum over its experts, one expert of every token at a time, so that no copy of all rows is made.
    ///
    /// @param rows [R, H], sorted by expert
    /// @param inverse [N, K], the sorted row of each pair
    /// @return [N, H] float32
    private static Tensor sumOfExperts(Tensor rows, Tensor inverse) {
        Tensor sum = Ops.zeros(Dtype.FLOAT32, inverse.size(0), rows.size(1));
        for (long k = 0; k < inverse.size(1); k++) {
            try (TensorScope _ = TensorScope.open()) {
                sum.add_(rows.index_select(0, inverse.select(1, k)));
            }
        }
        return sum;
    }

    private static Optional<Tensor> gradientBuffer(Slot stack) {
        return stack.get().requiresGrad() ? Optional.of(stack.get().gradientBuffer()) : Optional.empty();
    }
}
