package dev.bowline.nn;

import java.util.List;
import java.util.stream.LongStream;

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

    /// Whether any parameter of any expert is trained.
    boolean requiresGrad() {
        return experts.stream().anyMatch(expert -> expert.operator().requiresGrad());
    }

    /// Creates the gradients of all trained parameters, so that several threads may add to them.
    void createGradients() {
        trainable().values().forEach(Parameter::gradientBuffer);
    }
}
