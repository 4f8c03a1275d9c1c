package dev.bowline.nn;

import org.bytedeco.pytorch.Tensor;

/// Runs an action in the backward pass at the moment when the gradient of a tensor is complete, before the operation
/// that computed the tensor.
public final class BackwardNotice {

    private BackwardNotice() {}

    /// The same values as a new part of the graph.
    ///
    /// @param x a tensor that requires a gradient
    /// @param action runs once for each backward pass, with gradients disabled
    /// @return the tensor to use in place of x, owned by the caller's scope
    public static Tensor before(Tensor x, Runnable action) {
        return AutogradFunction.attach(x, x.detach(), (_, gradient) -> {
            action.run();
            return gradient;
        });
    }
}
