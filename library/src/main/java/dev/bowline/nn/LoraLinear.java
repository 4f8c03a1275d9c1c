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
    private final LowRankPair pair;
    private final Supplier<KernelPolicy> kernels;

    /// @param kernels gives the policy of the model at each call
    public LoraLinear(LinearOperator base, LowRankPair pair, Supplier<KernelPolicy> kernels) {
        this.base = base;
        this.pair = pair;
        this.kernels = kernels;
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
        return Stream.concat(base.slots().stream(), pair.slots().stream()).toList();
    }

    @Override
    public LinearOperator prepared() {
        return new LoraLinear(base.prepared(), pair, kernels);
    }

    @Override
    public Tensor forward(Tensor x) {
        boolean gradEnabled = GradMode.is_enabled() && (x.requires_grad() || requiresGrad());
        if (gradEnabled && !isRecordedByLibtorch(x)) {
            return LinearOperator.super.forward(x);
        }
        Tensor y = base.forward(x);
        Tensor rows = y.view(-1, out());
        if (gradEnabled) {
            return pair.plus(rows, x.reshape(-1, in())).view(Shapes.of(y));
        }
        pair.addTo(rows, x.reshape(-1, in()), kernels.get());
        return y;
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
        pair.addTo(y, x, kernels.get());
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        base.inputGradientInto(dx, dy, factor);
        pair.addInputGradient(dx, dy, factor, kernels.get());
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        base.addInputGradient(dx, dy, factor);
        pair.addInputGradient(dx, dy, factor, kernels.get());
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        base.addWeightGradient(dy, x, factor);
        pair.addWeightGradient(dy, x, factor, kernels.get());
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
            pair.addWeightGradient(dy, x, factor, kernels.get());
        }

        @Override
        public void finish() {
            ofBase.finish();
        }
    }
}
