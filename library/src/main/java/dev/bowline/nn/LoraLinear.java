package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Shapes;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Tensor;

/// A linear with a low-rank adapter (LoRA): y = x Wᵀ + b + scale (x Aᵀ) Bᵀ. The base is an operator of any kind.
///
/// The graph keeps x and x Aᵀ, and only for the gradients of A and B: a frozen base needs none of them.
public final class LoraLinear implements LinearOperator {

    private final LinearOperator base;
    private final LowRankDelta delta;
    private final Supplier<KernelPolicy> kernels;

    /// @param kernels gives the policy of the model at each call
    public LoraLinear(LinearOperator base, LowRankPair pair, Supplier<KernelPolicy> kernels) {
        this(base, (LowRankDelta) pair, kernels);
    }

    private LoraLinear(LinearOperator base, LowRankDelta delta, Supplier<KernelPolicy> kernels) {
        this.base = base;
        this.delta = delta;
        this.kernels = kernels;
    }

    /// An operator for one pass, with a dropout of the input of A.
    public static LoraLinear withInputDropout(
            LinearOperator base, LowRankPair pair, Dropout dropout, Supplier<KernelPolicy> kernels) {
        return new LoraLinear(base, new LowRankDelta.InputDropout(pair, dropout), kernels);
    }

    /// An operator for one pass, with a dropout of the delta.
    public static LoraLinear withOutputDropout(
            LinearOperator base, LowRankPair pair, Dropout dropout, Supplier<KernelPolicy> kernels) {
        return new LoraLinear(base, new LowRankDelta.OutputDropout(pair, dropout), kernels);
    }

    @Override
    public long in() {
        return base.in();
    }

    @Override
    public long out() {
        return base.out();
    }

    @Override
    public List<Slot> slots() {
        return Stream.concat(base.slots().stream(), delta.slots().stream()).toList();
    }

    @Override
    public LinearOperator prepared() {
        return new LoraLinear(base.prepared(), delta, kernels);
    }

    @Override
    public Tensor forward(Tensor x) {
        boolean gradEnabled = GradMode.is_enabled() && (x.requires_grad() || requiresGrad());
        if (!gradEnabled) {
            Tensor y = base.forward(x);
            delta.addTo(y.view(-1, out()), x.reshape(-1, in()), kernels.get());
            return y;
        }
        if (delta instanceof LowRankPair pair && isRecordedByLibtorch(x)) {
            Tensor y = base.forward(x);
            return pair.plus(y.view(-1, out()), x.reshape(-1, in())).view(Shapes.of(y));
        }
        return LinearOperator.super.forward(x);
    }

    private boolean isRecordedByLibtorch(Tensor x) {
        return switch (kernels.get()) {
            case FUSED_CPU -> MatMul.isDirect(Dtype.of(x.scalar_type()));
            case LIBTORCH -> true;
        };
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        base.forwardInto(y, x);
        delta.addTo(y, x, kernels.get());
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        base.inputGradientInto(dx, dy, factor);
        delta.addInputGradient(dx, dy, factor, kernels.get());
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        base.addInputGradient(dx, dy, factor);
        delta.addInputGradient(dx, dy, factor, kernels.get());
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        base.addWeightGradient(dy, x, factor);
        delta.addWeightGradient(dy, x, factor, kernels.get());
    }

    @Override
    public void gradientsInto(Tensor dx, Tensor dy, Tensor x) {
        base.gradientsInto(dx, dy, x);
        delta.addGradients(dx, dy, x, kernels.get());
    }

    @Override
    public void addGradients(Tensor dx, Tensor dy, Tensor x) {
        base.addGradients(dx, dy, x);
        delta.addGradients(dx, dy, x, kernels.get());
    }

    @Override
    public WeightGradientSum weightGradientSum(long products) {
        return new Sum(base.weightGradientSum(products));
    }

    /// Sums the base's gradients as the base does, and adds to those of A and B directly.
    private final class Sum implements WeightGradientSum {

        private final WeightGradientSum ofBase;

        Sum(WeightGradientSum ofBase) {
            this.ofBase = ofBase;
        }

        @Override
        public void add(Tensor dy, Tensor x, double factor) {
            ofBase.add(dy, x, factor);
            delta.addWeightGradient(dy, x, factor, kernels.get());
        }

        @Override
        public void finish() {
            ofBase.finish();
        }
    }
}
