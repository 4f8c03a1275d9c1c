package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// The products of gated feed-forward experts for rows that are sorted by expert, and their backward pass. The experts
/// run in parallel.
///
/// Shapes: N tokens, R rows sorted by expert, H width, I expert width.
///
/// @param gateUp the operators of one pass, in the order of the experts
/// @param down the same
/// @param inner I
record ExpertProducts(List<LinearOperator> gateUp, List<LinearOperator> down, Activation activation, int inner) {

    /// @param gateAndUp [R, 2 I], which the backward pass needs
    /// @param y [R, H]
    record Forward(Tensor gateAndUp, Tensor y) {}

    /// @param x [R, H], the gradients of the input rows
    /// @param routingWeights [R, 1] float32
    record Backward(Tensor x, Tensor routingWeights) {}

    static ExpertProducts of(LinearStack gateUp, LinearStack down, Activation activation, int inner) {
        return new ExpertProducts(gateUp.operators(), down.operators(), activation, inner);
    }

    /// Creates the gradients of all trained parameters, so that several threads may add to them.
    void createGradients() {
        Stream.concat(gateUp.stream(), down.stream())
                .flatMap(operator -> operator.slots().stream())
                .map(Slot::get)
                .distinct()
                .filter(Parameter::requiresGrad)
                .forEach(Parameter::gradientBuffer);
    }

    /// @param x [N, H]
    /// @param tokens `[R]` int64, the token of each row
    Forward forward(Tensor x, Tensor tokens, ExpertRows rows) {
        Tensor gateAndUp = empty(x, tokens.size(0), 2L * inner);
        Tensor y = empty(x, tokens.size(0), x.size(1));
        rows.forEach(group -> {
            Tensor gateUpRows = group.of(gateAndUp);
            Tensor xRows = x.index_select(0, group.of(tokens));
            gateUp.get(group.expert()).forwardInto(gateUpRows, xRows);
            Tensor product = activation.apply(gate(gateUpRows)).mul_(up(gateUpRows));
            down.get(group.expert()).forwardInto(group.of(y), product);
        });
        return new Forward(gateAndUp, y);
    }

    Tensor gate(Tensor gateAndUp) {
        return gateAndUp.narrow(1, 0, inner);
    }

    Tensor up(Tensor gateAndUp) {
        return gateAndUp.narrow(1, inner, inner);
    }

    /// With p = a(gate) ⊙ up and q = W_downᵀ dy per row: dL/dw = q · p, dL/dp = w q.
    ///
    /// @param x [N, H]
    /// @param dy [N, H], the gradients of the tokens
    /// @param tokens `[R]` int64, the token of each row
    /// @param gateAndUp [R, 2 I], of the forward pass
    /// @param weights `[R]`, the routing weights of the rows; zero for a row that fills up
    Backward backward(Tensor x, Tensor dy, Tensor tokens, Tensor gateAndUp, Tensor weights, ExpertRows rows) {
        Tensor routingWeights = weights.unsqueeze(1);
        createGradients();
        Tensor dRoutingWeights = Ops.newEmpty(x, Dtype.FLOAT32, tokens.size(0), 1);
        Tensor dRows = empty(x, tokens.size(0), x.size(1));

        rows.forEach(group -> {
            LinearOperator gateUpOfExpert = gateUp.get(group.expert());
            LinearOperator downOfExpert = down.get(group.expert());
            Tensor dyRows = dy.index_select(0, group.of(tokens));
            Tensor gate = gate(group.of(gateAndUp));
            Tensor up = up(group.of(gateAndUp));
            Tensor w = group.of(routingWeights);
            Tensor activated = activation.apply(gate);
            Tensor p = activated.mul(up);
            Tensor q = downOfExpert.requiresGrad()
                    ? downOfExpert.gradients(dyRows, p.clone().mul_(w))
                    : downOfExpert.inputGradient(dyRows);
            group.of(dRoutingWeights)
                    .copy_(Ops.sumLast(Ops.cast(q, Dtype.FLOAT32).mul(p)));
            q.mul_(w);

            Tensor dGateAndUp = empty(x, q.size(0), 2L * inner);
            torch.mul_out(up(dGateAndUp), q, activated);
            gate(dGateAndUp).copy_(activation.gradient(q.mul_(up), gate));
            if (gateUpOfExpert.requiresGrad()) {
                Tensor xRows = x.index_select(0, group.of(tokens));
                gateUpOfExpert.gradientsInto(group.of(dRows), dGateAndUp, xRows);
            } else {
                gateUpOfExpert.inputGradientInto(group.of(dRows), dGateAndUp, 1);
            }
        });
        return new Backward(dRows, dRoutingWeights);
    }

    private static Tensor empty(Tensor like, long... shape) {
        return Ops.newEmpty(like, Dtype.of(like.scalar_type()), shape);
    }
}
