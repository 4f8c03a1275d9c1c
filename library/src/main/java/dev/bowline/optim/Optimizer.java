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

    /// Every state tensor that this process has as `<parameter>.<name>`, owned by this optimizer. In a run over ranks
    /// it may be a part of a tensor.
    Map<String, Tensor> state();

    /// The whole tensors of the state over all ranks. If the state is divided, they are read on the first rank, in
    /// [#onFirst].
    default WholeState whole() {
        return WholeState.of(state());
    }

    /// True if no rank has the whole state.
    default boolean isDivided() {
        return false;
    }

    /// Runs `work` on the first rank. If the state is divided, every rank calls this method at the same place, and the
    /// other ranks give the first one what it reads.
    default void onFirst(Runnable work) {
        work.run();
    }

    /// Copies a saved state into this optimizer.
    ///
    /// @param saved whole tensors
    /// @throws dev.bowline.BowlineException if a name is missing or unknown, or a dtype or shape differs
    void restore(Map<String, Tensor> saved);

    @Override
    void close();
}
