package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A mixture of gated feed-forward experts: y_n = Σ_k w_nk down_e(a(gate_e x_n) ⊙ up_e x_n), e = index_nk, with
/// an activation a.
///
/// Tokens are sorted by expert, so each expert works on consecutive rows, and the experts run in parallel. The
/// graph keeps the input, the routing weights and the gate and up products; the backward pass computes the rest
/// again. Ranks may share the experts, see [#shareOver].
///
/// Shapes: N tokens, K experts per token, R >= N K rows sorted by expert, E experts, H width, I expert width.
public final class GatedExperts extends Layer {

    private final LinearStack gateUp;
    private final LinearStack down;
    private final int experts;
    private final int inner;
    private final Activation activation;
    private Optional<ExpertExchange> exchange = Optional.empty();

    public GatedExperts(String path, int experts, int width, int inner) {
        this(path, experts, width, inner, Activation.GELU_TANH);
    }

    public GatedExperts(String path, int experts, int width, int inner, Activation activation) {
        super(path);
        this.activation = activation;
        this.experts = experts;
        this.inner = inner;
        gateUp = child(new LinearStack(path("gate_up_proj"), experts, width, 2L * inner));
        down = child(new LinearStack(path("down_proj"), experts, inner, width));
    }

    /// Per expert [2 I, H]: the gate's rows, then those of the up projection.
    public LinearStack gateUp() {
        return gateUp;
    }

    /// Per expert [H, I].
    public LinearStack down() {
        return down;
    }

    /// The number of experts, E.
    public int count() {
        return experts;
    }

    /// Lets ranks share the experts: each rank computes some of them, for the tokens of all ranks.
    public void shareOver(ExpertExchange ranks) {
        exchange = Optional.of(ranks);
    }

    /// @param x [N, H]
    /// @param index [N, K] int64, each row's experts
    /// @param weight [N, K], the routing weights
    /// @return [N, H], of x's dtype
    public Tensor forward(Tensor x, Tensor index, Tensor weight) {
        return forward(new Input(x, x, UnaryOperator.identity()), index, weight);
    }

    /// Applies the experts to norm(h). The graph keeps h only; the backward pass computes the norm again.
    ///
    /// @param h [N, H]
    /// @param index [N, K] int64, each row's experts
    /// @param weight [N, K], the routing weights
    /// @return [N, H], of h's dtype
    public Tensor forward(RmsNorm norm, Tensor h, Tensor index, Tensor weight) {
        return forward(new Input(norm.forward(h), h, norm::forward), index, weight);
    }

    /// @param saved the tensor that the graph keeps
    /// @param recompute computes x from `saved`
    private record Input(Tensor x, Tensor saved, UnaryOperator<Tensor> recompute) {}

    private Tensor forward(Input input, Tensor index, Tensor weight) {
        Tensor x = input.x();
        ExpertLoad.report(path(), index, experts);
        Optional<ExpertExchange> shared = exchange.filter(ExpertExchange::isActive);
        if (shared.isPresent()) {
            return new SharedExperts(shared.get(), experts, activation, inner).forward(x, index, weight);
        }
        return switch (kernels()) {
            case FUSED_CPU -> fused(input, index, weight);
            case LIBTORCH -> plain(x, ExpertRows.of(index, experts), weight);
        };
    }

    private Tensor plain(Tensor x, ExpertRows rows, Tensor weight) {
        long perToken = weight.size(1);
        Tensor rowTokens = rows.tokens(perToken);
        List<UnaryOperator<Tensor>> gateUps = gateUp.split();
        List<UnaryOperator<Tensor>> downs = down.split();
        Tensor[] parts = rows.groups().stream()
                .map(group -> {
                    Tensor gateAndUp = gateUps.get(group.expert()).apply(x.index_select(0, group.of(rowTokens)));
                    Tensor gate = activation.apply(gateAndUp.narrow(1, 0, inner));
                    return downs.get(group.expert()).apply(gate.mul(gateAndUp.narrow(1, inner, inner)));
                })
                .toArray(Tensor[]::new);
        Tensor y = Ops.cat(0, parts);
        Tensor byToken = y.index_select(0, rows.inverse()).view(x.size(0), perToken, width(x));
        Tensor weighted = byToken.mul(weight.unsqueeze(-1)).to(y.scalar_type());
        return Ops.sumMiddle(weighted, Ops.wider(x, weight)).to(x.scalar_type());
    }

    private Tensor fused(Input input, Tensor index, Tensor weight) {
        Tensor x = input.x();
        ExpertProducts products = ExpertProducts.of(gateUp, down, activation, inner);
        boolean requiresGrad = x.requires_grad() || weight.requires_grad() || requiresGrad();
        if (!GradMode.is_enabled() || !requiresGrad) {
            return compute(products, x, weight, rows(x, index)).mixed().to(x.scalar_type());
        }

        ExpertRows rows = rows(x, index);
        Computed computed;
        try (NoGradGuard _ = new NoGradGuard()) {
            computed = compute(products, x, weight, rows);
        }
        UnaryOperator<Tensor> recompute = input.recompute();
        AutogradFunction.Backward backward =
                (saved, dy) -> backward(products, recompute.apply(saved[0]), saved, dy, rows);
        return attach(
                x,
                weight,
                computed.mixed(),
                backward,
                input.saved(),
                weight,
                computed.gateAndUp(),
                rows.order(),
                rows.inverse());
    }

    /// Makes the mixed rows depend on x and the routing weights. An autograd function has one input and one output of
    /// one shape, so x and the routing weights are concatenated: the gradient has the shape [N, H + K].
    ///
    /// @param mixed [N, H]
    /// @return [N, H], of x's dtype
    static Tensor attach(Tensor x, Tensor weight, Tensor mixed, AutogradFunction.Backward backward, Tensor... saved) {
        Tensor inputs = Ops.cat(1, AutogradFunction.requiring(x), AutogradFunction.requiring(weight));
        Tensor joined;
        try (NoGradGuard _ = new NoGradGuard()) {
            joined = torch.empty_like(inputs);
            joined.narrow(1, 0, width(x)).copy_(mixed);
            joined.narrow(1, width(x), weight.size(1)).zero_();
        }
        AutogradFunction.attach(inputs, joined, backward, saved);
        return joined.narrow(1, 0, width(x)).to(x.scalar_type());
    }

    private ExpertRows rows(Tensor x, Tensor index) {
        return ExpertRows.of(index, experts, Dtype.of(x.scalar_type()));
    }

    private boolean requiresGrad() {
        return gateUp.requiresGrad() || down.requiresGrad();
    }

    private static long width(Tensor x) {
        return x.size(1);
    }

    /// @param gateAndUp [R, 2 I]
    /// @param mixed [N, H] float32, or of x's dtype if that is wider
    private record Computed(Tensor gateAndUp, Tensor mixed) {}

    private static Computed compute(ExpertProducts products, Tensor x, Tensor weight, ExpertRows rows) {
        ExpertProducts.Forward forward = products.forward(x, rows.tokens(weight.size(1)), rows);
        return new Computed(forward.gateAndUp(), mixed(forward.y().index_select(0, rows.inverse()), x, weight));
    }

    /// The sum of each token over its experts. The routing weights scale the rows, rounded to their dtype as in
    /// transformers.
    ///
    /// @param y [N K, H] in the order of the pairs, changed by this method
    /// @return [N, H] float32, or of x's dtype if that is wider
    static Tensor mixed(Tensor y, Tensor x, Tensor weight) {
        Tensor byToken = y.view(weight.size(0), weight.size(1), width(x));
        return Ops.sumMiddle(byToken.mul_(weight.unsqueeze(-1)), Ops.wider(x, weight));
    }

    /// @param joined [N, H + K], of which the first H are dL/dy
    /// @return [N, H + K]: dL/dx, then dL/dw
    private static Tensor backward(
            ExpertProducts products, Tensor x, Tensor[] saved, Tensor joined, ExpertRows counted) {
        Tensor weight = saved[1];
        ExpertRows rows = counted.with(saved[3], saved[4]);
        ExpertProducts.Backward backward = products.backward(
                x,
                joined.narrow(1, 0, width(x)).to(x.scalar_type()),
                rows.tokens(weight.size(1)),
                saved[2],
                rows.values(weight.flatten()),
                rows);
        return gradients(joined, weight, backward, rows.inverse());
    }

    /// @param joined [N, H + K]
    /// @param inverse [N K], the sorted row of each pair
    /// @return of the shape and dtype of `joined`: dL/dx, then dL/dw
    static Tensor gradients(Tensor joined, Tensor weight, ExpertProducts.Backward backward, Tensor inverse) {
        long tokens = weight.size(0);
        long perToken = weight.size(1);
        long width = backward.x().size(1);
        Tensor gradients = torch.empty_like(joined);
        gradients.narrow(1, 0, width).copy_(sumOfExperts(backward.x(), inverse.view(tokens, perToken)));
        gradients
                .narrow(1, width, perToken)
                .copy_(backward.routingWeights().index_select(0, inverse).view(tokens, perToken));
        return gradients;
    }

    /// The sum of each token over its experts. The sum takes one expert of every token at a time, so it needs no
    /// copy of all rows.
    ///
    /// @param rows [R, H], sorted by expert
    /// @param inverse [N, K], the sorted row of each pair
    /// @return [N, H] float32
    private static Tensor sumOfExperts(Tensor rows, Tensor inverse) {
        Tensor sum = Ops.newZeros(rows, Dtype.FLOAT32, inverse.size(0), rows.size(1));
        for (long k = 0; k < inverse.size(1); k++) {
            try (TensorScope _ = TensorScope.open()) {
                sum.add_(rows.index_select(0, inverse.select(1, k)));
            }
        }
        return sum;
    }
}
