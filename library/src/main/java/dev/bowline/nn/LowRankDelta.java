package dev.bowline.nn;

import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// The change that a low-rank adapter makes to the result of a linear, with its gradients. The methods run with
/// gradients disabled.
///
/// Shapes: N rows.
interface LowRankDelta {

    List<Slot> slots();

    /// y += delta(x).
    ///
    /// @param y [N, out]
    /// @param x [N, in]
    void addTo(Tensor y, Tensor x, KernelPolicy kernels);

    /// dx += factor dL/dx.
    ///
    /// @param dx [N, in]
    /// @param dy [N, out]
    void addInputGradient(Tensor dx, Tensor dy, double factor, KernelPolicy kernels);

    /// Adds factor times the gradients of the matrices.
    ///
    /// @param dy [N, out]
    /// @param x [N, in]
    void addWeightGradient(Tensor dy, Tensor x, double factor, KernelPolicy kernels);

    /// dx += dL/dx, and [#addWeightGradient] with factor 1.
    ///
    /// @param dx [N, in]
    /// @param dy [N, out]
    /// @param x [N, in]
    default void addGradients(Tensor dx, Tensor dy, Tensor x, KernelPolicy kernels) {
        addWeightGradient(dy, x, 1, kernels);
        addInputGradient(dx, dy, 1, kernels);
    }

    /// The delta with a dropout of the input of A, as in PEFT. The dropout gives the same mask in both passes.
    record InputDropout(LowRankPair pair, Dropout dropout) implements LowRankDelta {

        @Override
        public List<Slot> slots() {
            return pair.slots();
        }

        @Override
        public void addTo(Tensor y, Tensor x, KernelPolicy kernels) {
            pair.addTo(y, dropout.of(x), kernels);
        }

        @Override
        public void addInputGradient(Tensor dx, Tensor dy, double factor, KernelPolicy kernels) {
            Tensor through = pair.inputGradient(dy, factor, kernels);
            dx.add_(through.mul_(dropout.mask(through)));
        }

        @Override
        public void addWeightGradient(Tensor dy, Tensor x, double factor, KernelPolicy kernels) {
            pair.addWeightGradient(dy, dropout.of(x), factor, kernels);
        }
    }

    /// The delta with a dropout of its result, as NeMo AutoModel has it (`dropout_position: post`).
    record OutputDropout(LowRankPair pair, Dropout dropout) implements LowRankDelta {

        @Override
        public List<Slot> slots() {
            return pair.slots();
        }

        @Override
        public void addTo(Tensor y, Tensor x, KernelPolicy kernels) {
            Tensor delta = pair.product(x, kernels);
            y.add_(delta.mul_(dropout.mask(delta)));
        }

        @Override
        public void addInputGradient(Tensor dx, Tensor dy, double factor, KernelPolicy kernels) {
            pair.addInputGradient(dx, dropout.of(dy), factor, kernels);
        }

        @Override
        public void addWeightGradient(Tensor dy, Tensor x, double factor, KernelPolicy kernels) {
            pair.addWeightGradient(dropout.of(dy), x, factor, kernels);
        }
    }
}
