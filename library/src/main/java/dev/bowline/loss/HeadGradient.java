package dev.bowline.loss;

import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// Where the head's gradient goes: dL/dW = Σ dzᵀ h, a product per chunk.
///
/// Shapes: C targets of a chunk, V vocabulary, H hidden size.
sealed interface HeadGradient {

    /// Sums of up to this many bfloat16 products lose no more than one rounding of the sum does, as measured against
    /// float32; longer ones do.
    int FEW_PRODUCTS = 4;

    /// The many products of a bfloat16 head are summed in float32 and rounded once, as one product over all targets
    /// would be.
    ///
    /// @param products how many will be added
    static HeadGradient of(Parameter parameter, long products) {
        if (!parameter.isTrained()) {
            return new Frozen();
        }
        if (parameter.dtype() == Dtype.FLOAT32 || products <= FEW_PRODUCTS) {
            return new Direct(parameter);
        }
        return new RoundedOnce(
                parameter,
                Ops.zeros(Dtype.FLOAT32, parameter.shape()),
                Ops.empty(parameter.dtype(), parameter.shape()));
    }

    /// Adds factor dzᵀ h.
    ///
    /// @param dz [C, V]
    /// @param h [C, H]
    void add(Tensor dz, Tensor h, double factor);

    /// Hands over what was summed apart.
    void finish();

    record Frozen() implements HeadGradient {
        @Override
        public void add(Tensor dz, Tensor h, double factor) {}

        @Override
        public void finish() {}
    }

    /// Straight into the parameter's gradient.
    record Direct(Parameter parameter) implements HeadGradient {
        @Override
        public void add(Tensor dz, Tensor h, double factor) {
            if (parameter.gradient().isPresent()) {
                Ops.addProduct(parameter.gradientBuffer(), dz.t(), h, factor);
            } else {
                Tensor first = Ops.empty(parameter.dtype(), parameter.shape());
                Ops.productInto(first, dz.t(), h, factor);
                parameter.value().mutable_grad().put(first);
            }
        }

        @Override
        public void finish() {}
    }

    /// @param sum [V, H] float32
    /// @param product [V, H], one chunk's
    record RoundedOnce(Parameter parameter, Tensor sum, Tensor product) implements HeadGradient {
        @Override
        public void add(Tensor dz, Tensor h, double factor) {
            torch.mm_out(product, dz.t(), h);
            sum.add_(product, new Scalar(factor));
        }

        @Override
        public void finish() {
            parameter.gradientBuffer().add_(sum);
        }
    }
}
