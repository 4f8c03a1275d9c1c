package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// The operator of a stored weight and bias. Every [Linear] has it until [Linear#replace].
final class DenseLinear implements LinearOperator {

    /// A sum of at most this many bfloat16 products loses no more precision than one rounding of the sum, as
    /// measured against float32; a longer sum loses more.
    private static final int FEW_PRODUCTS = 4;

    private final WeightMatrix weight;
    private final Optional<Slot> bias;
    private final Supplier<KernelPolicy> kernels;

    /// @param kernels gives the policy of the model at each call
    DenseLinear(WeightMatrix weight, Optional<Slot> bias, Supplier<KernelPolicy> kernels) {
        this.weight = weight;
        this.bias = bias;
        this.kernels = kernels;
    }

    /// True if this operator multiplies with `matrix` and adds no bias.
    boolean isProductWith(WeightMatrix matrix) {
        return weight.equals(matrix) && bias.isEmpty();
    }

    @Override
    public long in() {
        return weight.in();
    }

    @Override
    public long out() {
        return weight.out();
    }

    @Override
    public List<Slot> slots() {
        return Stream.concat(Stream.of(weight.slot()), bias.stream()).toList();
    }

    @Override
    public LinearOperator withWeights(Slot other, Optional<Slot> otherBias) {
        return new DenseLinear(WeightMatrix.whole(other), otherBias, kernels);
    }

    @Override
    public Tensor forward(Tensor x) {
        return switch (kernels.get()) {
            case FUSED_CPU -> fusedForward(x);
            case LIBTORCH -> torch.linear(x, weight.tensor(), addend());
        };
    }

    private Tensor fusedForward(Tensor x) {
        boolean gradEnabled = GradMode.is_enabled() && (x.requires_grad() || requiresGrad());
        if (gradEnabled && !(weight.isWhole() && MatMul.isDirect(Dtype.of(x.scalar_type())))) {
            return LinearFunction.apply(this, x);
        }
        return gradEnabled ? torch.linear(x, weight.tensor(), addend()) : MatMul.linear(x, weight.tensor(), addend());
    }

    /// The bias. It is added before the result is rounded.
    private TensorOptional addend() {
        return bias.map(slot -> new TensorOptional(slot.tensor())).orElseGet(TensorOptional::new);
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        if (bias.isPresent()) {
            y.copy_(bias.get().tensor());
            kernels.get().addProduct(y, x, weight.tensor().t(), 1);
        } else {
            kernels.get().productInto(y, x, weight.tensor().t(), 1);
        }
    }

    @Override
    public Tensor squaredRowNorms() {
        Tensor norms = Ops.newEmpty(weight.tensor().detach(), Dtype.FLOAT32, out(), 1);
        Ops.rowNormsInto(norms, weight.tensor().detach());
        return norms.square_().squeeze(1);
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        kernels.get().productInto(dx, dy, weight.tensor(), factor);
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        kernels.get().addProduct(dx, dy, weight.tensor(), factor);
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        if (weight.parameter().requiresGrad()) {
            switch (kernels.get()) {
                case FUSED_CPU -> weight.addToGradient(dy.t(), x, factor);
                case LIBTORCH -> Ops.addProduct(weight.gradientBuffer(), dy.t(), x, factor);
            }
        }
        addBiasGradient(dy, factor);
    }

    private void addBiasGradient(Tensor dy, double factor) {
        bias.map(Slot::get)
                .filter(Parameter::requiresGrad)
                .ifPresent(parameter -> parameter.gradientBuffer().add_(dy.sum(0), new Scalar(factor)));
    }

    /// Many products of a bfloat16 weight are summed in float32 and rounded once, like one product over all rows.
    @Override
    public WeightGradientSum weightGradientSum(long products) {
        Parameter parameter = weight.parameter();
        if (!parameter.requiresGrad() || parameter.dtype() == Dtype.FLOAT32 || products <= FEW_PRODUCTS) {
            return new WeightGradientSum.Direct(this);
        }
        return new RoundedOnce(
                Ops.zeros(parameter.device(), Dtype.FLOAT32, out(), in()),
                Ops.empty(parameter.device(), parameter.dtype(), out(), in()));
    }

    private final class RoundedOnce implements WeightGradientSum {

        private final Tensor sum;
        private final Tensor product;

        /// @param sum [out, in] float32, zeros
        /// @param product [out, in], overwritten by each product
        RoundedOnce(Tensor sum, Tensor product) {
            this.sum = sum;
            this.product = product;
        }

        @Override
        public void add(Tensor dy, Tensor x, double factor) {
            kernels.get().productInto(product, dy.t(), x, 1);
            sum.add_(product, new Scalar(factor));
            addBiasGradient(dy, factor);
        }

        @Override
        public void finish() {
            weight.gradientBuffer().add_(sum);
        }
    }
}
