package dev.bowline.model;

import dev.bowline.nn.KernelPolicy;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// y = x (W + B A)ᵀ, with the product computed apart from W. With plain operators autograd records it, and
/// otherwise the default of the interface does.
///
/// Shapes: N rows, R rank.
///
/// @param base the operator of W
/// @param a [R, in]
/// @param b [out, R]
record LowRankSum(LinearOperator base, Slot a, Slot b, KernelPolicy kernels) implements LinearOperator {

    static final long RANK = 3;

    /// B A has entries of about the size of those of a weight whose entries have the deviation `deviation`.
    static LowRankSum random(Linear linear, LinearOperator base, RandomSource random) {
        Tensor w = linear.weight().tensor().detach();
        double deviation = Ops.cast(w, Dtype.FLOAT32).std().item_double();
        ScalarType dtype = w.scalar_type();
        String path = linear.path();
        Slot a = new Slot(path + ".lora_A.weight", SlotRole.ADAPTER, RANK, base.in());
        Slot b = new Slot(path + ".lora_B.weight", SlotRole.ADAPTER, base.out(), RANK);
        a.get().materialize(random.normal(1, a.shape()).to(dtype));
        b.get()
                .materialize(
                        random.normal(deviation / Math.sqrt(RANK), b.shape()).to(dtype));
        return new LowRankSum(base, a, b, linear.kernels());
    }

    /// B A, [out, in], in float32.
    Tensor product() {
        Tensor wideA = a.tensor().detach().to(Dtype.FLOAT32.scalarType());
        return b.tensor().detach().to(Dtype.FLOAT32.scalarType()).mm(wideA);
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
        return Stream.concat(base.slots().stream(), Stream.of(a, b)).toList();
    }

    @Override
    public Tensor forward(Tensor x) {
        return switch (kernels) {
            case FUSED_CPU -> LinearOperator.super.forward(x);
            case LIBTORCH -> base.forward(x).add(torch.linear(torch.linear(x, a.tensor()), b.tensor()));
        };
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        base.forwardInto(y, x);
        MatMul.add(y, MatMul.of(x, a.tensor().t()), b.tensor().t(), 1);
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        base.inputGradientInto(dx, dy, factor);
        addThroughPair(dx, dy, factor);
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        base.addInputGradient(dx, dy, factor);
        addThroughPair(dx, dy, factor);
    }

    private void addThroughPair(Tensor dx, Tensor dy, double factor) {
        MatMul.add(dx, MatMul.of(dy, b.tensor()), a.tensor(), factor);
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        base.addWeightGradient(dy, x, factor);
        a.get().addToGradient(MatMul.of(dy, b.tensor()).t(), x, factor);
        b.get().addToGradient(dy.t(), MatMul.of(x, a.tensor().t()), factor);
    }
}
