package dev.bowline.loss;

import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.function.Function;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;

/// A loss whose gradients autograd computes.
///
/// @param total computes Σ loss as a scalar
record AutogradLoss(Function<LossInput, Tensor> total) implements Loss {

    @Override
    public double backward(LossInput input, double weight) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor loss = Ops.times(total.apply(input), weight);
            loss.backward();
            return loss.item_double();
        }
    }

    @Override
    public double sum(LossInput input) {
        try (NoGradGuard _ = new NoGradGuard();
                TensorScope _ = TensorScope.open()) {
            return total.apply(input).item_double();
        }
    }
}
