package dev.bowline.nn;

import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/// A linear without a bias per expert, whose weights are stored as one tensor [E, out, in]. The tensor's name
/// is the path of this layer; the linear of expert `e` has the path `<path>.<e>`.
public final class LinearStack extends Layer {

    private final Slot weight;
    private final List<Linear> experts;

    public LinearStack(String path, long experts, long in, long out) {
        super(path);
        weight = new Slot(path, SlotRole.BASE, experts, out, in);
        this.experts = LongStream.range(0, experts)
                .mapToObj(
                        expert -> child(new Linear(path(Long.toString(expert)), WeightMatrix.ofStack(weight, expert))))
                .toList();
    }

    /// The slot of all experts' weights, [E, out, in].
    public Slot weight() {
        return weight;
    }

    /// The linears of all experts, in their order.
    public List<Linear> experts() {
        return experts;
    }

    public Linear expert(int index) {
        return experts.get(index);
    }

    /// The operators that compute the experts now, in the order of the experts.
    List<LinearOperator> operators() {
        return experts.stream().map(Linear::operator).toList();
    }

    /// The linear functions of all experts for one recorded pass of plain operators. The stored tensor is split
    /// once, so its gradient is stacked once; autograd would otherwise add a tensor of the size of the stack per
    /// expert. A replaced operator computes its expert itself. The stored tensor needs no values if every
    /// operator is replaced.
    List<UnaryOperator<Tensor>> split() {
        List<LinearOperator> operators = operators();
        if (IntStream.range(0, operators.size()).noneMatch(expert -> isStored(operators.get(expert), expert))) {
            return operators.stream()
                    .<UnaryOperator<Tensor>>map(operator -> operator::forward)
                    .toList();
        }
        TensorVector matrices = weight.tensor().unbind();
        return IntStream.range(0, operators.size())
                .mapToObj(expert -> linear(operators.get(expert), expert, matrices))
                .toList();
    }

    private UnaryOperator<Tensor> linear(LinearOperator operator, int expert, TensorVector matrices) {
        if (!isStored(operator, expert)) {
            return operator::forward;
        }
        Tensor matrix = matrices.get(expert);
        return x -> torch.linear(x, matrix);
    }

    /// True if the operator multiplies with the expert's matrix of the stored tensor.
    private boolean isStored(LinearOperator operator, int expert) {
        return operator instanceof DenseLinear dense && dense.isProductWith(WeightMatrix.ofStack(weight, expert));
    }

    /// True if any parameter of any expert is trained.
    boolean requiresGrad() {
        return experts.stream().anyMatch(expert -> expert.operator().requiresGrad());
    }
}
