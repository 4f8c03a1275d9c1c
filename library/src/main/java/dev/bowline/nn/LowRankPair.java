package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.List;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// The two small matrices of a low-rank adapter: delta = scale B A. A product with the delta multiplies with one
/// matrix after the other, so the delta itself is never computed.
///
/// The parameters may have a wider dtype than the activations. Products round the matrices to the dtype of the
/// activations, as they round a weight; gradients are added in the parameters' dtype.
///
/// Shapes: N rows, R rank.
public final class LowRankPair {

    private final WeightMatrix a;
    private final WeightMatrix b;
    private final double scale;

    private LowRankPair(WeightMatrix a, WeightMatrix b, double scale) {
        this.a = a;
        this.b = b;
        this.scale = scale;
    }

    /// The pair of one linear.
    ///
    /// @param a [R, in]
    /// @param b [out, R]
    /// @param scale the factor of the delta
    public static LowRankPair of(Slot a, Slot b, double scale) {
        return new LowRankPair(WeightMatrix.whole(a), WeightMatrix.whole(b), scale);
    }

    /// The pair of one expert.
    ///
    /// @param a [E, R, in]
    /// @param b [E, out, R]
    public static LowRankPair ofStack(Slot a, Slot b, double scale, long expert) {
        return new LowRankPair(WeightMatrix.ofStack(a, expert), WeightMatrix.ofStack(b, expert), scale);
    }

    List<Slot> slots() {
        return List.of(a.slot(), b.slot());
    }

    boolean requiresGrad() {
        return a.parameter().requiresGrad() || b.parameter().requiresGrad();
    }

    /// y + scale (x Aᵀ) Bᵀ, recorded for autograd.
    ///
    /// @param y [N, out]
    /// @param x [N, in]
    /// @return [N, out], a new tensor
    Tensor plus(Tensor y, Tensor x) {
        Dtype dtype = Dtype.of(x.scalar_type());
        Tensor u = torch.linear(x, Ops.cast(a.tensor(), dtype));
        return torch.addmm(y, u, Ops.cast(b.tensor(), dtype).t(), new Scalar(1.0), new Scalar(scale));
    }

    /// y += scale (x Aᵀ) Bᵀ.
    ///
    /// @param y [N, out]
    /// @param x [N, in]
    void addTo(Tensor y, Tensor x, KernelPolicy kernels) {
        kernels.addProduct(y, down(x, kernels), like(y, b).t(), scale);
    }

    /// dx += factor scale (dy B) A.
    ///
    /// @param dx [N, in]
    /// @param dy [N, out]
    void addInputGradient(Tensor dx, Tensor dy, double factor, KernelPolicy kernels) {
        kernels.addProduct(dx, up(dy, kernels), like(dx, a), factor * scale);
    }

    /// Adds factor scale (dy B)ᵀ x to dL/dA and factor scale dyᵀ (x Aᵀ) to dL/dB.
    ///
    /// @param dy [N, out]
    /// @param x [N, in]
    void addWeightGradient(Tensor dy, Tensor x, double factor, KernelPolicy kernels) {
        if (a.parameter().requiresGrad()) {
            addProduct(a.gradientBuffer(), up(dy, kernels).t(), x, factor * scale, kernels);
        }
        if (b.parameter().requiresGrad()) {
            addProduct(b.gradientBuffer(), dy.t(), down(x, kernels), factor * scale, kernels);
        }
    }

    /// x Aᵀ, [N, R].
    private Tensor down(Tensor x, KernelPolicy kernels) {
        return product(x, like(x, a).t(), kernels);
    }

    /// dy B, [N, R].
    private Tensor up(Tensor dy, KernelPolicy kernels) {
        return product(dy, like(dy, b), kernels);
    }

    private static Tensor product(Tensor left, Tensor right, KernelPolicy kernels) {
        Tensor result = Ops.newEmpty(left, Dtype.of(left.scalar_type()), left.size(0), right.size(1));
        kernels.productInto(result, left, right, 1);
        return result;
    }

    /// sum += factor left right. A sum of a wider dtype gets the product rounded once.
    private static void addProduct(Tensor sum, Tensor left, Tensor right, double factor, KernelPolicy kernels) {
        if (sum.scalar_type() == right.scalar_type()) {
            kernels.addProduct(sum, left, right, factor);
        } else {
            sum.add_(product(left, right, kernels), new Scalar(factor));
        }
    }

    /// The matrix in the dtype of `values`.
    private static Tensor like(Tensor values, WeightMatrix matrix) {
        return Ops.cast(matrix.tensor().detach(), Dtype.of(values.scalar_type()));
    }
}
