package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A mixture of gated feed-forward experts: y_n = Σ_k w_nk down_e(a(gate_e x_n) ⊙ up_e x_n), e = index_nk,
/// with an activation a.
///
/// Tokens are sorted by expert so that each expert is one matrix product over consecutive rows. Training keeps x and
/// the gate and up products only, and computes the rest again. Shapes: N tokens, K experts per token, R = N K rows
/// sorted by expert, E experts, H width, I expert width.
public final class GatedExperts extends Layer {

    private final Slot gateUp;
    private final Slot down;
    private final int experts;
    private final int inner;
    private final Activation activation;
    private final HandWrittenGradient gradient = new HandWrittenGradient();

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
        ExpertLoad.tell(path(), index, experts);
        if (!GradMode.is_enabled() || !(x.requires_grad() || weight.requires_grad() || isTrained())) {
            return compute(x, weight, ExpertRows.of(index, experts)).mixed().to(x.scalar_type());
        }

        // Two inputs lead to one output, so they are laid side by side: [N, H + K], and so is what comes out.
        Tensor inputs = Ops.cat(1, requiringGradient(x), requiringGradient(weight));
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
        HandWrittenGradient.Backward backward = (saved, dy) -> backward(saved, dy, rows);
        gradient.attach(inputs, joined, backward, x, weight, gateAndUp, rows.order(), rows.inverse());
        return joined.narrow(1, 0, width(x)).to(x.scalar_type());
    }

    private boolean isTrained() {
        return gateUp.get().isTrained() || down.get().isTrained();
    }

    /// The tensor itself, or a leaf with its values: something must lead the gradient here though all before is frozen.
    private static Tensor requiringGradient(Tensor x) {
        return x.requires_grad() ? x : x.detach().set_requires_grad(true);
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
        Tensor sorted = x.index_select(0, rows.tokens(perToken));
        Tensor gateAndUp = rows.times(sorted, gateUp.tensor().transpose(1, 2));
        Tensor y = rows.times(product(gateAndUp), down.tensor().transpose(1, 2));

        // Back in pair order, y is [N, K, H] and the shares weigh its middle dimension, rounded to its dtype as the
        // reference does.
        Tensor byToken = y.index_select(0, rows.inverse()).view(tokens, perToken, x.size(1));
        return new Computed(gateAndUp, Ops.sumMiddle(byToken.mul_(weight.unsqueeze(-1)), Ops.wider(x, weight)));
    }

    /// a(gate) ⊙ up: [R, I]
    private Tensor product(Tensor gateAndUp) {
        return activation.apply(gateAndUp.narrow(1, 0, inner)).mul_(gateAndUp.narrow(1, inner, inner));
    }

    /// With p = a(gate) ⊙ up and q = W_downᵀ dy per row: dL/dw = q · p, dL/dp = w q, and on through the gate.
    ///
    /// @param joined [N, H + K], of which the first H are dL/dy
    /// @return [N, H + K]: dL/dx beside dL/dw
    private Tensor backward(Tensor[] saved, Tensor joined, ExpertRows counted) {
        Tensor x = saved[0];
        Tensor weight = saved[1];
        Tensor gateAndUp = saved[2];
        ExpertRows rows = counted.with(saved[3], saved[4]);
        long tokens = x.size(0);
        long perToken = weight.size(1);
        Tensor rowTokens = rows.tokens(perToken);
        Tensor dy = joined.narrow(1, 0, width(x)).to(x.scalar_type()).index_select(0, rowTokens);
        Tensor w = weight.flatten().index_select(0, rows.order()).unsqueeze(1);

        Tensor p = product(gateAndUp);
        Tensor q = rows.times(dy, down.tensor());
        Tensor dWeight = Ops.sumLast(Ops.cast(q, Dtype.FLOAT32).mul(p))
                .index_select(0, rows.inverse())
                .view(tokens, perToken);
        q.mul_(w);
        rows.addGradient(down.get(), dy, p.mul_(w));

        Tensor dGateAndUp = torch.empty_like(gateAndUp);
        Tensor gate = gateAndUp.narrow(1, 0, inner);
        Tensor up = gateAndUp.narrow(1, inner, inner);
        torch.mul_out(dGateAndUp.narrow(1, inner, inner), q, activation.apply(gate));
        dGateAndUp.narrow(1, 0, inner).copy_(activation.gradient(q.mul_(up), gate));
        rows.addGradient(gateUp.get(), dGateAndUp, x.index_select(0, rowTokens));

        Tensor dx = rows.times(dGateAndUp, gateUp.tensor())
                .index_select(0, rows.inverse())
                .view(tokens, perToken, x.size(1));
        Tensor gradients = torch.empty_like(joined);
        gradients.narrow(1, 0, width(x)).copy_(Ops.sumMiddle(dx, Ops.wider(x, weight)));
        gradients.narrow(1, width(x), perToken).copy_(dWeight);
        return gradients;
    }
}
