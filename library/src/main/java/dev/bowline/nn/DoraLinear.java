package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/// A linear with DoRA: y = c ⊙ (V x) + b, with V = W + scale B A and c = m / ‖V‖. ‖V‖ are the norms of the
/// rows of V, and m are trained lengths. The gradient takes ‖V‖ as a constant (DoRA, section 4.3; PEFT).
///
/// With a dropout, x' are the inputs that are kept: y = W x + b + (c - 1) ⊙ W x' + c ⊙ scale B A x', as in PEFT.
///
/// Shapes: N rows.
public final class DoraLinear implements LinearOperator {

    /// The values of an adapted linear that are not the base's.
    ///
    /// @param magnitude m, `[out]`
    public record Trained(LowRankPair pair, Slot magnitude) {}

    private final LinearOperator base;
    private final Optional<Slot> bias;
    private final Trained trained;
    private final Supplier<Tensor> squaredNorms;
    private final Optional<Dropout> dropout;
    private final Supplier<KernelPolicy> kernels;

    /// @param bias of the base
    /// @param squaredNorms gives those of the rows of W, `[out]` float32, in each pass
    /// @param dropout of one pass
    /// @param kernels gives the policy of the model at each call
    public DoraLinear(
            LinearOperator base,
            Optional<Slot> bias,
            Trained trained,
            Supplier<Tensor> squaredNorms,
            Optional<Dropout> dropout,
            Supplier<KernelPolicy> kernels) {
        this.base = base;
        this.bias = bias;
        this.trained = trained;
        this.squaredNorms = squaredNorms;
        this.dropout = dropout;
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
        return Stream.of(base.slots(), trained.pair().slots(), List.of(trained.magnitude()))
                .flatMap(List::stream)
                .toList();
    }

    @Override
    public LinearOperator prepared() {
        return new DoraLinear(base.prepared(), bias, trained, squaredNorms, dropout, kernels);
    }

    /// ‖V‖ in float32, `[out]`.
    ///
    /// @param like gives the dtype of the products
    private Tensor norms(Tensor like) {
        try (NoGradGuard _ = new NoGradGuard()) {
            return trained.pair()
                    .squaredRowNorms(base, bias, Dtype.of(like.scalar_type()), squaredNorms.get())
                    .clamp_min_(new Scalar(0.0))
                    .sqrt_();
        }
    }

    /// c in the dtype of `values`.
    private Tensor factor(Tensor values, Tensor norms) {
        return trained.magnitude().tensor().detach().div(norms).to(values.scalar_type());
    }

    @Override
    public Tensor forward(Tensor x) {
        boolean gradEnabled = GradMode.is_enabled() && (x.requires_grad() || requiresGrad());
        if (!gradEnabled || dropout.isPresent() || !isRecordedByLibtorch(x)) {
            return LinearOperator.super.forward(x);
        }
        Tensor wx = withoutBias(base.forward(x).view(-1, out()));
        Tensor vx = trained.pair().plus(wx, x.reshape(-1, in()));
        Tensor c = trained.magnitude().tensor().div(norms(x)).to(x.scalar_type());
        Tensor y = vx.mul(c);
        long[] shape = Shapes.of(x);
        shape[shape.length - 1] = out();
        return bias.map(slot -> y.add(slot.tensor())).orElse(y).view(shape);
    }

    private boolean isRecordedByLibtorch(Tensor x) {
        return switch (kernels.get()) {
            case FUSED_CPU -> MatMul.isDirect(Dtype.of(x.scalar_type()));
            case LIBTORCH -> true;
        };
    }

    private Tensor withoutBias(Tensor y) {
        return bias.map(slot -> y.sub(slot.tensor())).orElse(y);
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        Tensor c = factor(y, norms(y));
        if (dropout.isEmpty()) {
            y.copy_(product(x)).mul_(c);
            bias.ifPresent(slot -> y.add_(slot.tensor()));
            return;
        }
        // y = W x + b - W x' + c ⊙ V x'
        Tensor kept = dropout.get().of(x);
        Tensor wx = withoutBias(product(base, kept));
        base.forwardInto(y, x);
        y.sub_(wx);
        trained.pair().addTo(wx, kept, kernels.get());
        y.add_(wx.mul_(c));
    }

    /// V x, [N, out].
    private Tensor product(Tensor x) {
        Tensor vx = withoutBias(product(base, x));
        trained.pair().addTo(vx, x, kernels.get());
        return vx;
    }

    private static Tensor product(LinearOperator operator, Tensor x) {
        Tensor y = Ops.newEmpty(x, Dtype.of(x.scalar_type()), x.size(0), operator.out());
        operator.forwardInto(y, x);
        return y;
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        Tensor scaled = dy.mul(factor(dy, norms(dy)));
        if (dropout.isEmpty()) {
            base.inputGradientInto(dx, scaled, factor);
            trained.pair().addInputGradient(dx, scaled, factor, kernels.get());
            return;
        }
        base.inputGradientInto(dx, dy, factor);
        addThroughKept(dx, dy, scaled, factor);
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        Tensor scaled = dy.mul(factor(dy, norms(dy)));
        if (dropout.isEmpty()) {
            base.addInputGradient(dx, scaled, factor);
            trained.pair().addInputGradient(dx, scaled, factor, kernels.get());
            return;
        }
        base.addInputGradient(dx, dy, factor);
        addThroughKept(dx, dy, scaled, factor);
    }

    private void addThroughKept(Tensor dx, Tensor dy, Tensor scaled, double factor) {
        Tensor through = trained.pair().inputGradient(scaled, factor, kernels.get());
        base.addInputGradient(through, scaled.sub(dy), factor);
        dx.add_(through.mul_(dropout.orElseThrow().mask(through)));
    }

    /// dL/dm = Σ dy ⊙ V x / ‖V‖.
    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        if (base.requiresGrad()) {
            throw new IllegalStateException("DoRA trains its own values only; freeze the base");
        }
        Tensor norms = norms(dy);
        Tensor kept = dropout.map(each -> each.of(x)).orElse(x);
        trained.pair().addWeightGradient(dy.mul(factor(dy, norms)), kept, factor, kernels.get());
        if (trained.magnitude().get().requiresGrad()) {
            Tensor sum = product(kept)
                    .mul_(dy)
                    .sum(new long[] {0}, false, new ScalarTypeOptional(Dtype.FLOAT32.scalarType()));
            trained.magnitude().get().gradientBuffer().add_(sum.div_(norms), new Scalar(factor));
        }
    }
}
