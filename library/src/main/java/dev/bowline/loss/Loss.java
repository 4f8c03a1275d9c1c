package dev.bowline.loss;

import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/// A training loss over the hidden states of a batch: a sum of one term per target, weighted by the caller.
///
/// A loss reaches the weight of the head through [dev.bowline.nn.Head] only, so an adapter on the head takes
/// effect.
public interface Loss {

    /// Adds the gradient of `weight` × Σ loss to the gradient of every trained parameter. Without a target, loss
    /// and gradient are zero.
    ///
    /// @param input the input; the backward pass consumes its graph
    /// @param weight 1 / the number of targets of the whole step, so that micro-batches count by their targets
    /// @return `weight` × Σ loss
    double backward(LossInput input, double weight);

    /// Σ loss, without gradients.
    double sum(LossInput input);

    /// A loss whose gradients autograd computes.
    ///
    /// @param sum computes Σ loss as a scalar, with its graph where gradients are enabled
    static Loss autograd(Function<LossInput, Tensor> sum) {
        return new AutogradLoss(sum);
    }
}
