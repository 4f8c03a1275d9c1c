package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// The computation of a [Linear]: y = x Wᵀ + b, with the two gradients that a backward pass needs of it. An
/// adapter, a quantised or a sharded weight is an implementation, which usually holds the implementation that
/// it replaces.
///
/// All methods except [#forward] run with gradients disabled. They write into tensors of the caller, so that
/// several operators can share one result without a copy. Threads may use different operators at the same time,
/// provided that the gradients of the parameters exist ([Parameter#gradientBuffer]).
///
/// Shapes: N rows.
public interface LinearOperator {

    /// The rows of W that [#squaredRowNorms] computes at once.
    long ROWS_AT_ONCE = 256;

    /// The length of an input row.
    long in();

    /// The length of an output row.
    long out();

    /// The slots of the parameters that this operator uses. They are part of the model: they are saved, loaded,
    /// trained and closed with it. The slots of an adapter have the role [SlotRole#ADAPTER].
    List<Slot> slots();

    /// True if any parameter of this operator is trained.
    default boolean requiresGrad() {
        return slots().stream().anyMatch(slot -> slot.get().requiresGrad());
    }

    /// The same function with other values, such as a trained copy of the weight.
    ///
    /// @param weight [out, in]
    /// @param bias `[out]`, present if this operator has one
    /// @throws UnsupportedOperationException if this operator is not a function of one weight
    default LinearOperator withWeights(Slot weight, Optional<Slot> bias) {
        throw new UnsupportedOperationException("the operator has no single weight");
    }

    /// An equal operator for several calls between which no weight changes. An operator that derives its matrix
    /// from its weights, for example by a dequantisation, derives it once here instead of once per call. The
    /// derived matrix belongs to the caller's scope.
    default LinearOperator prepared() {
        return this;
    }

    /// y = x Wᵀ + b.
    ///
    /// @param y [N, out], overwritten
    /// @param x [N, in]
    void forwardInto(Tensor y, Tensor x);

    /// dx = factor dy W.
    ///
    /// @param dx [N, in], overwritten
    /// @param dy [N, out]
    void inputGradientInto(Tensor dx, Tensor dy, double factor);

    /// dx += factor dy W.
    ///
    /// @param dx [N, in], changed in place
    /// @param dy [N, out]
    void addInputGradient(Tensor dx, Tensor dy, double factor);

    /// Adds factor dL/dW = factor dyᵀ x to the gradients of the parameters that are trained, and likewise dL/db.
    ///
    /// @param dy [N, out]
    /// @param x [N, in]
    void addWeightGradient(Tensor dy, Tensor x, double factor);

    /// Both gradients of one product: dx = dy W, and [#addWeightGradient] with factor 1. An operator for which the two
    /// share products computes those once.
    ///
    /// @param dx [N, in], overwritten
    /// @param dy [N, out]
    /// @param x [N, in]
    default void gradientsInto(Tensor dx, Tensor dy, Tensor x) {
        addWeightGradient(dy, x, 1);
        inputGradientInto(dx, dy, 1);
    }

    /// Both gradients of one product: dx += dy W, and [#addWeightGradient] with factor 1.
    ///
    /// @param dx [N, in], changed in place
    /// @param dy [N, out]
    /// @param x [N, in]
    default void addGradients(Tensor dx, Tensor dy, Tensor x) {
        addWeightGradient(dy, x, 1);
        addInputGradient(dx, dy, 1);
    }

    /// Sums the weight gradients of many products, with the result of one product over all their rows.
    ///
    /// @param products the number of products that will be added
    default WeightGradientSum weightGradientSum(long products) {
        return new WeightGradientSum.Direct(this);
    }

    /// The squared Euclidean norms of the rows of W.
    ///
    /// @return `[out]` float32, in the caller's scope
    default Tensor squaredRowNorms() {
        Parameter stored = slots().getFirst().get();
        Dtype dtype = stored.dtype().computes() ? stored.dtype() : Dtype.FLOAT32;
        Tensor norms = Ops.empty(stored.device(), Dtype.FLOAT32, out());
        for (long from = 0; from < out(); from += ROWS_AT_ONCE) {
            try (TensorScope _ = TensorScope.open()) {
                long rows = Math.min(ROWS_AT_ONCE, out() - from);
                Tensor units = Ops.newZeros(norms, dtype, rows, out());
                units.narrow(1, from, rows).fill_diagonal_(new Scalar(1.0), false);
                Tensor w = Ops.cast(inputGradient(units), Dtype.FLOAT32);
                norms.narrow(0, from, rows).copy_(Ops.sumLast(w.square()).squeeze(1));
            }
        }
        return norms;
    }

    /// dy W, in a new tensor of the caller's scope.
    ///
    /// @param dy [N, out]
    /// @return [N, in]
    default Tensor inputGradient(Tensor dy) {
        Tensor dx = Ops.newEmpty(dy, Dtype.of(dy.scalar_type()), dy.size(0), in());
        inputGradientInto(dx, dy, 1);
        return dx;
    }

    /// dy W, in a new tensor of the caller's scope, and [#addWeightGradient] with factor 1.
    ///
    /// @param dy [N, out]
    /// @param x [N, in]
    /// @return [N, in]
    default Tensor gradients(Tensor dy, Tensor x) {
        Tensor dx = Ops.newEmpty(dy, Dtype.of(dy.scalar_type()), dy.size(0), in());
        gradientsInto(dx, dy, x);
        return dx;
    }

    /// y = x Wᵀ + b, recorded for autograd where gradients are enabled.
    ///
    /// @param x [..., in]
    /// @return [..., out], of x's dtype
    default Tensor forward(Tensor x) {
        if (GradMode.is_enabled() && (x.requires_grad() || requiresGrad())) {
            return LinearFunction.apply(this, x);
        }
        long[] shape = Shapes.of(x);
        shape[shape.length - 1] = out();
        Tensor y = Ops.newEmpty(x, Dtype.of(x.scalar_type()), shape);
        forwardInto(y.view(-1, out()), x.reshape(-1, in()));
        return y;
    }
}
