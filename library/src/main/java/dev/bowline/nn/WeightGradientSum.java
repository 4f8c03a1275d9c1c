package dev.bowline.nn;

import org.bytedeco.pytorch.Tensor;

/// Sums the weight gradients of the products of one [LinearOperator]. A loss over chunks of tokens adds a
/// product per chunk.
///
/// Shapes: N rows.
public interface WeightGradientSum {

    /// Adds factor dyᵀ x.
    ///
    /// @param dy [N, out]
    /// @param x [N, in]
    void add(Tensor dy, Tensor x, double factor);

    /// Adds the sum to the gradients of the parameters, unless each product was added to them directly. Nothing
    /// may be added afterwards.
    void finish();

    /// Adds every product to the gradients of the parameters directly.
    record Direct(LinearOperator operator) implements WeightGradientSum {

        @Override
        public void add(Tensor dy, Tensor x, double factor) {
            operator.addWeightGradient(dy, x, factor);
        }

        @Override
        public void finish() {}
    }
}
