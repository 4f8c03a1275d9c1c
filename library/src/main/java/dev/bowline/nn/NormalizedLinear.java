package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// y = x Uᵀ, with u = w / ‖w‖ for each row w of the stored weight (Baichuan 2: `NormHead`).
public final class NormalizedLinear implements LinearOperator {

    private final Slot weight;
    private final Supplier<KernelPolicy> kernels;

    /// @param weight [out, in]
    /// @param kernels gives the policy of the model at each call
    public NormalizedLinear(Slot weight, Supplier<KernelPolicy> kernels) {
        this.weight = weight;
        this.kernels = kernels;
    }

    @Override
    public long in() {
        return weight.shape()[1];
    }

    @Override
    public long out() {
        return weight.shape()[0];
    }

    @Override
    public List<Slot> slots() {
        return List.of(weight);
    }

    @Override
    public LinearOperator withWeights(Slot other, Optional<Slot> bias) {
        return new NormalizedLinear(other, kernels);
    }

    @Override
    public LinearOperator prepared() {
        return new Prepared(Ops.unitRows(weight.tensor().detach()));
    }

    @Override
    public Tensor forward(Tensor x) {
        Tensor u = Ops.unitRows(weight.tensor());
        boolean gradEnabled = GradMode.is_enabled() && (x.requires_grad() || u.requires_grad());
        return switch (kernels.get()) {
            case FUSED_CPU -> gradEnabled ? torch.linear(x, u) : MatMul.linear(x, u, new TensorOptional());
            case LIBTORCH -> torch.linear(x, u);
        };
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        try (TensorScope _ = TensorScope.open()) {
            prepared().forwardInto(y, x);
        }
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        try (TensorScope _ = TensorScope.open()) {
            prepared().inputGradientInto(dx, dy, factor);
        }
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        try (TensorScope _ = TensorScope.open()) {
            prepared().addInputGradient(dx, dy, factor);
        }
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        if (requiresGrad()) {
            try (TensorScope _ = TensorScope.open()) {
                WeightGradientSum sum = weightGradientSum(1);
                sum.add(dy, x, factor);
                sum.finish();
            }
        }
    }

    @Override
    public WeightGradientSum weightGradientSum(long products) {
        return requiresGrad()
                ? new ThroughNorms(Ops.zeros(weight.get().device(), Dtype.FLOAT32, out(), in()))
                : new WeightGradientSum.Direct(this);
    }

    /// dL/dw = (dL/du − u (u · dL/du)) / ‖w‖, computed once for all products.
    private final class ThroughNorms implements WeightGradientSum {

        private final Tensor sum;

        /// @param sum of dL/du over all products: [out, in] float32, zeros at first
        ThroughNorms(Tensor sum) {
            this.sum = sum;
        }

        @Override
        public void add(Tensor dy, Tensor x, double factor) {
            kernels.get().addProduct(sum, Ops.cast(dy.t(), Dtype.FLOAT32), Ops.cast(x, Dtype.FLOAT32), factor);
        }

        @Override
        public void finish() {
            Tensor w = Ops.cast(weight.tensor().detach(), Dtype.FLOAT32);
            Tensor u = Ops.unitRows(w);
            Tensor along = Ops.sumLast(u.mul(sum));
            Tensor gradient = sum.sub(u.mul(along)).div(Ops.rowNorms(w));
            weight.get().gradientBuffer().add_(gradient);
        }
    }

    /// The same operator with its normalised rows precomputed.
    private final class Prepared implements LinearOperator {

        private final Tensor u;

        /// @param u [out, in], the normalised rows
        Prepared(Tensor u) {
            this.u = u;
        }

        @Override
        public long in() {
            return NormalizedLinear.this.in();
        }

        @Override
        public long out() {
            return NormalizedLinear.this.out();
        }

        @Override
        public List<Slot> slots() {
            return NormalizedLinear.this.slots();
        }

        @Override
        public void forwardInto(Tensor y, Tensor x) {
            kernels.get().productInto(y, x, u.t(), 1);
        }

        @Override
        public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
            kernels.get().productInto(dx, dy, u, factor);
        }

        @Override
        public void addInputGradient(Tensor dx, Tensor dy, double factor) {
            kernels.get().addProduct(dx, dy, u, factor);
        }

        @Override
        public void addWeightGradient(Tensor dy, Tensor x, double factor) {
            NormalizedLinear.this.addWeightGradient(dy, x, factor);
        }

        @Override
        public WeightGradientSum weightGradientSum(long products) {
            return NormalizedLinear.this.weightGradientSum(products);
        }
    }
}
