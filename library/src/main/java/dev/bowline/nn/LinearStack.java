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

    public Linear expert(int index) {
        return experts.get(index);
    }

    /// The operators that compute the experts now, in the order of the experts.
    List<LinearOperator> operators() {
        return experts.stream().map(Linear::operator).toList();
    }

    /// The linear functions of all experts for one recorded pass of plain operators. The stored tensor is split
    /// once, so its gradient is stacked once; autograd would otherwise add a tensor of the size of the stack per
    /// expert.
    List<UnaryOperator<Tensor>> split() {
        TensorVector matrices = weight.tensor().unbind();
        return IntStream.range(0, experts.size())
                .mapToObj(expert -> linear(experts.get(expert).operator(), matrices.get(expert)))
                .toList();
    }

    private static UnaryOperator<Tensor> linear(LinearOperator operator, Tensor matrix) {
        return operator instanceof DenseLinear ? x -> torch.linear(x, matrix) : operator::forward;
    }

    /// True if any parameter of any expert is trained.
    boolean requiresGrad() {
        return experts.stream().anyMatch(expert -> expert.operator().requiresGrad());
    }

    /// Creates the gradients of all trained parameters, so that several threads may add to them.
    void createGradients() {
        trainable().values().forEach(Parameter::gradientBuffer);
    }
}
