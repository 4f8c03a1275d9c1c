package dev.bowline.nn;

import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/// The product with a trained copy of a weight. The weight itself stays in the model.
///
/// @param copy of the base's shape
public record SavedLinear(LinearOperator base, LinearOperator copy) implements LinearOperator {

    @Override
    public long in() {
        return copy.in();
    }

    @Override
    public long out() {
        return copy.out();
    }

    @Override
    public List<Slot> slots() {
        return Stream.concat(base.slots().stream(), copy.slots().stream()).toList();
    }

    @Override
    public boolean requiresGrad() {
        return copy.requiresGrad();
    }

    @Override
    public LinearOperator prepared() {
        return copy.prepared();
    }

    @Override
    public Tensor forward(Tensor x) {
        return copy.forward(x);
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        copy.forwardInto(y, x);
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        copy.inputGradientInto(dx, dy, factor);
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        copy.addInputGradient(dx, dy, factor);
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        copy.addWeightGradient(dy, x, factor);
    }

    @Override
    public WeightGradientSum weightGradientSum(long products) {
        return copy.weightGradientSum(products);
    }

    @Override
    public Tensor inputGradient(Tensor dy) {
        return copy.inputGradient(dy);
    }
}
