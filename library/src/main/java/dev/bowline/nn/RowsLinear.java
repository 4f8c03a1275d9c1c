package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A linear some of whose output rows are replaced, such as a head that is tied to an embedding with replaced
/// rows. The base is an operator of any kind with a frozen weight.
///
/// Shapes: N rows of activations, n replaced rows of the weight.
public final class RowsLinear implements LinearOperator {

    private final LinearOperator base;
    private final ReplacedRows rows;
    private final Supplier<Tensor> hidden;
    private final Supplier<KernelPolicy> kernels;

    /// @param hidden gives the rows of the base that are replaced, [n, in], without a graph
    /// @param kernels gives the policy of the model at each call
    public RowsLinear(LinearOperator base, ReplacedRows rows, Supplier<Tensor> hidden, Supplier<KernelPolicy> kernels) {
        this.base = base;
        this.rows = rows;
        this.hidden = hidden;
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
        return Stream.concat(base.slots().stream(), Stream.of(rows.values())).toList();
    }

    @Override
    public LinearOperator prepared() {
        Tensor once = hidden.get();
        return new RowsLinear(base.prepared(), rows, () -> once, kernels);
    }

    /// Plain operators record the pass: an [AutogradFunction] would pad the input to the vocabulary.
    @Override
    public Tensor forward(Tensor x) {
        Tensor y = base.forward(x).reshape(-1, out());
        Tensor rowsOfX = x.reshape(-1, in());
        boolean gradEnabled = GradMode.is_enabled() && (y.requires_grad() || x.requires_grad() || requiresGrad());
        Tensor replaced = gradEnabled
                ? torch.linear(rowsOfX, Ops.cast(rows.values().tensor(), Dtype.of(x.scalar_type())))
                : product(rowsOfX, values(x).t());
        long[] shape = Shapes.of(x);
        shape[shape.length - 1] = out();
        Tensor ids = ids(x);
        return (gradEnabled ? y.index_copy(1, ids, replaced) : y.index_copy_(1, ids, replaced)).view(shape);
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        base.forwardInto(y, x);
        y.index_copy_(1, ids(x), product(x, values(x).t()));
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        base.inputGradientInto(dx, dy, factor);
        addDifference(dx, dy, factor);
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        base.addInputGradient(dx, dy, factor);
        addDifference(dx, dy, factor);
    }

    /// The base multiplied the replaced rows' gradients with its own rows.
    private void addDifference(Tensor dx, Tensor dy, double factor) {
        Tensor difference =
                Ops.cast(rows.values().tensor().detach(), Dtype.FLOAT32).sub(Ops.cast(hidden.get(), Dtype.FLOAT32));
        kernels.get()
                .addProduct(dx, dy.index_select(1, ids(dy)), Ops.cast(difference, Dtype.of(dx.scalar_type())), factor);
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        requireFrozenBase();
        addRowsGradient(dy, x, factor);
    }

    private void requireFrozenBase() {
        if (base.requiresGrad()) {
            throw new IllegalStateException("rows of a weight are trained, and so is the weight; freeze the weight");
        }
    }

    private void addRowsGradient(Tensor dy, Tensor x, double factor) {
        Parameter parameter = rows.values().get();
        if (parameter.requiresGrad()) {
            Tensor gradient = product(dy.index_select(1, ids(dy)).t(), x);
            parameter.gradientBuffer().add_(gradient, new Scalar(factor));
        }
    }

    private Tensor ids(Tensor like) {
        return rows.ids(Device.of(like));
    }

    /// [n, in], of the dtype of `x`.
    private Tensor values(Tensor x) {
        return Ops.cast(rows.values().tensor().detach(), Dtype.of(x.scalar_type()));
    }

    private Tensor product(Tensor left, Tensor right) {
        Tensor result = Ops.newEmpty(left, Dtype.of(left.scalar_type()), left.size(0), right.size(1));
        kernels.get().productInto(result, left, right, 1);
        return result;
    }
}
