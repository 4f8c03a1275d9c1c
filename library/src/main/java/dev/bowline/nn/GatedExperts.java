package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A mixture of gated feed-forward experts: y_n = Σ_k w_nk down_e(a(gate_e x_n) ⊙ up_e x_n), e = index_nk, with
/// an activation a.
///
/// Tokens are sorted by expert, so each expert works on consecutive rows, and the experts run in parallel. The
/// graph keeps the input, the routing weights and the gate and up products; the backward pass computes the rest
/// again.
///
/// Shapes: N tokens, K experts per token, R >= N K rows sorted by expert, E experts, H width, I expert width.
public final class GatedExperts extends Layer {

    private final LinearStack gateUp;
    private final LinearStack down;
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

    /// The operators of one pass, in the order of the experts.
    private record Operators(List<LinearOperator> gateUp, List<LinearOperator> down) {

        /// Creates the gradients of all trained parameters, so that several threads may add to them.
        void createGradients() {
            Stream.concat(gateUp.stream(), down.stream())
                    .flatMap(operator -> operator.slots().stream())
                    .map(Slot::get)
                    .distinct()
                    .filter(Parameter::requiresGrad)
                    .forEach(Parameter::gradientBuffer);
        }
    }

    private Tensor forward(Input input, Tensor index, Tensor weight) {
        Tensor x = input.x();
        ExpertLoad.report(path(), index, experts);
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
                    return downs.get(group.expert())
                            .apply(activation.apply(gate(gateAndUp)).mul(up(gateAndUp)));
                })
                .toArray(Tensor[]::new);
        Tensor y = Ops.cat(0, parts);
        Tensor byToken = y.index_select(0, rows.inverse()).view(x.size(0), perToken, width(x));
        Tensor weighted = byToken.mul(weight.unsqueeze(-1)).to(y.scalar_type());
        return Ops.sumMiddle(weighted, Ops.wider(x, weight)).to(x.scalar_type());
    }

    private Tensor fused(Input input, Tensor index, Tensor weight) {
        Tensor x = input.x();
        Operators operators = new Operators(gateUp.operators(), down.operators());
        boolean requiresGrad = x.requires_grad() || weight.requires_grad() || requiresGrad();
        if (!GradMode.is_enabled() || !requiresGrad) {
            return compute(operators, x, weight, rows(x, index)).mixed().to(x.scalar_type());
        }

        // An autograd function has one input and one output of one shape: x and the routing weights are concatenated.
        Tensor inputs = Ops.cat(1, AutogradFunction.requiring(x), AutogradFunction.requiring(weight));
        ExpertRows rows = rows(x, index);
        Tensor joined;
        Tensor gateAndUp;
        try (NoGradGuard _ = new NoGradGuard()) {
            Computed computed = compute(operators, x, weight, rows);
            gateAndUp = computed.gateAndUp();
            joined = torch.empty_like(inputs);
            joined.narrow(1, 0, width(x)).copy_(computed.mixed());
            joined.narrow(1, width(x), weight.size(1)).zero_();
        }
        UnaryOperator<Tensor> recompute = input.recompute();
        AutogradFunction.Backward backward =
                (saved, dy) -> backward(operators, recompute.apply(saved[0]), saved, dy, rows);
        AutogradFunction.attach(
                inputs, joined, backward, input.saved(), weight, gateAndUp, rows.order(), rows.inverse());
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

    private Computed compute(Operators operators, Tensor x, Tensor weight, ExpertRows rows) {
        long tokens = x.size(0);
        long perToken = weight.size(1);
        Tensor rowTokens = rows.tokens(perToken);
        Tensor gateAndUp = empty(x, rowTokens.size(0), 2L * inner);
        Tensor y = empty(x, rowTokens.size(0), width(x));
        rows.forEach(group -> {
            Tensor gateUpRows = group.of(gateAndUp);
            Tensor xRows = x.index_select(0, group.of(rowTokens));
            operators.gateUp().get(group.expert()).forwardInto(gateUpRows, xRows);
            Tensor product = activation.apply(gate(gateUpRows)).mul_(up(gateUpRows));
            operators.down().get(group.expert()).forwardInto(group.of(y), product);
        });

        // In pair order y is [N, K, H]. The routing weights scale its middle dimension, rounded to its dtype as
        // in transformers.
        Tensor byToken = y.index_select(0, rows.inverse()).view(tokens, perToken, width(x));
        return new Computed(gateAndUp, Ops.sumMiddle(byToken.mul_(weight.unsqueeze(-1)), Ops.wider(x, weight)));
    }

    private static Tensor empty(Tensor like, long... shape) {
        return Ops.newEmpty(like, Dtype.of(like.scalar_type()), shape);
    }

    private Tensor gate(Tensor gateAndUp) {
        return gateAndUp.narrow(1, 0, inner);
    }

    private Tensor up(Tensor gateAndUp) {
        return gateAndUp.narrow(1, inner, inner);
    }

    /// With p = a(gate) ⊙ up and q = W_downᵀ dy per row: dL/dw = q · p, dL/dp = w q.
    ///
    /// @param joined [N, H + K], of which the first H are dL/dy
    /// @return [N, H + K]: dL/dx, then dL/dw
    private Tensor backward(Operators operators, Tensor x, Tensor[] saved, Tensor joined, ExpertRows counted) {
        Tensor weight = saved[1];
        Tensor gateAndUp = saved[2];
        ExpertRows rows = counted.with(saved[3], saved[4]);
        long tokens = x.size(0);
        long perToken = weight.size(1);
        Tensor rowTokens = rows.tokens(perToken);
        Tensor dJoined = joined.narrow(1, 0, width(x)).to(x.scalar_type());
        Tensor routingWeights = rows.values(weight.flatten()).unsqueeze(1);
        operators.createGradients();
        Tensor dRoutingWeights = Ops.newEmpty(x, Dtype.FLOAT32, rowTokens.size(0), 1);
        Tensor dRows = empty(x, rowTokens.size(0), width(x));

        rows.forEach(group -> {
            LinearOperator gateUpOfExpert = operators.gateUp().get(group.expert());
            LinearOperator downOfExpert = operators.down().get(group.expert());
            Tensor dy = dJoined.index_select(0, group.of(rowTokens));
            Tensor gate = gate(group.of(gateAndUp));
            Tensor up = up(group.of(gateAndUp));
            Tensor w = group.of(routingWeights);
            Tensor activated = activation.apply(gate);
            Tensor p = activated.mul(up);
            Tensor q = downOfExpert.requiresGrad()
                    ? downOfExpert.gradients(dy, p.clone().mul_(w))
                    : downOfExpert.inputGradient(dy);
            group.of(dRoutingWeights)
                    .copy_(Ops.sumLast(Ops.cast(q, Dtype.FLOAT32).mul(p)));
            q.mul_(w);

            Tensor dGateAndUp = empty(x, q.size(0), 2L * inner);
            torch.mul_out(up(dGateAndUp), q, activated);
            gate(dGateAndUp).copy_(activation.gradient(q.mul_(up), gate));
            if (gateUpOfExpert.requiresGrad()) {
                Tensor xRows = x.index_select(0, group.of(rowTokens));
                gateUpOfExpert.gradientsInto(group.of(dRows), dGateAndUp, xRows);
            } else {
                gateUpOfExpert.inputGradientInto(group.of(dRows), dGateAndUp, 1);
            }
        });

        Tensor gradients = torch.empty_like(joined);
        gradients
                .narrow(1, 0, width(x))
                .copy_(sumOfExperts(dRows, rows.inverse().view(tokens, perToken)));
        gradients
                .narrow(1, width(x), perToken)
                .copy_(dRoutingWeights.index_select(0, rows.inverse()).view(tokens, perToken));
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
