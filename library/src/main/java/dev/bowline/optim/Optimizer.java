package dev.bowline.optim;

import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/// Updates the trainable parameters of a model from their gradients (PyTorch: `torch.optim.Optimizer`).
///
/// An optimizer holds each distinct parameter once, so a tied weight is updated once. The norm of gradients,
/// clipping and zeroing are in [Gradients]; the learning rate of a step is in [Schedule].
///
/// An implementation is a class with a record of [OptimizerSettings], and a constant in [OptimizerName].
///
/// An optimizer is for one thread, the thread that trains.
public interface Optimizer extends AutoCloseable {

    /// Updates every parameter that has a gradient. The gradients do not change.
    void step(double learningRate);

    /// The tensors that this optimizer keeps.
    OptimizerState states();

    /// Every state tensor as `<parameter>.<name>`, owned by this optimizer.
    default Map<String, Tensor> state() {
        return states().tensors();
    }

    /// Copies a saved state into this optimizer.
    ///
    /// @throws dev.bowline.BowlineException if a name is missing or unknown, or a dtype or shape differs
    default void restore(Map<String, Tensor> saved) {
        states().restore(saved);
    }

    @Override
    default void close() {
        states().close();
    }
}
