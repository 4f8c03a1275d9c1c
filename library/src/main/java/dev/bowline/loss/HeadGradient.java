package dev.bowline.loss;

import dev.bowline.nn.Head;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

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
    static HeadGradient of(Head head, long products) {
        Parameter parameter = head.weight().get();
        if (!parameter.requiresGrad()) {
            return new Frozen();
        }
        if (head.rows() == Head.Rows.NORMALISED) {
            return new ThroughNorms(parameter, Ops.zeros(Dtype.FLOAT32, parameter.shape()));
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
            parameter.addToGradient(dz.t(), h, factor);
        }

        @Override
        public void finish() {}
    }

    /// @param sum [V, H] float32
    /// @param product [V, H], one chunk's
    record RoundedOnce(Parameter parameter, Tensor sum, Tensor product) implements HeadGradient {
        @Override
        public void add(Tensor dz, Tensor h, double factor) {
            MatMul.into(product, dz.t(), h);
            sum.add_(product, new Scalar(factor));
        }

        @Override
        public void finish() {
            parameter.gradientBuffer().add_(sum);
        }
    }

    /// Through rows u = w / n of length one: dL/dw = (dL/du − u (u · dL/du)) / n.
    ///
    /// @param sum of dL/du, [V, H] float32
    record ThroughNorms(Parameter parameter, Tensor sum) implements HeadGradient {
        @Override
        public void add(Tensor dz, Tensor h, double factor) {
            MatMul.add(sum, Ops.cast(dz.t(), Dtype.FLOAT32), Ops.cast(h, Dtype.FLOAT32), factor);
        }

        @Override
        public void finish() {
            Tensor w = Ops.cast(parameter.value().detach(), Dtype.FLOAT32);
            Tensor u = Ops.unitRows(w);
            Tensor along = Ops.sumLast(u.mul(sum));
            Tensor gradient = sum.sub(u.mul(along)).div(Ops.rowNorms(w));
            parameter.gradientBuffer().add_(gradient);
        }
    }
}
