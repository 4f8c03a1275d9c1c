package dev.bowline.nn;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.List;
import java.util.Optional;
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
public final class LowRankPair implements LowRankDelta {

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

    /// The pair of a head that shares the pair of its embedding: A is the embedding's B transposed, and B its A.
    ///
    /// @param embeddingA [R, out]
    /// @param embeddingB [in, R]
    public static LowRankPair ofEmbedding(Slot embeddingA, Slot embeddingB, double scale) {
        return new LowRankPair(WeightMatrix.transposed(embeddingB), WeightMatrix.transposed(embeddingA), scale);
    }

    /// The pair of one expert.
    ///
    /// @param a [E, R, in]
    /// @param b [E, out, R]
    public static LowRankPair ofStack(Slot a, Slot b, double scale, long expert) {
        return new LowRankPair(WeightMatrix.ofStack(a, expert), WeightMatrix.ofStack(b, expert), scale);
    }

    @Override
    public List<Slot> slots() {
        return List.of(a.slot(), b.slot());
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
    @Override
    public void addTo(Tensor y, Tensor x, KernelPolicy kernels) {
        kernels.addProduct(y, down(x, kernels), like(y, b).t(), scale);
    }

    /// dx += factor scale (dy B) A.
    ///
    /// @param dx [N, in]
    /// @param dy [N, out]
    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor, KernelPolicy kernels) {
        kernels.addProduct(dx, up(dy, kernels), like(dx, a), factor * scale);
    }

    /// Adds factor scale (dy B)ᵀ x to dL/dA and factor scale dyᵀ (x Aᵀ) to dL/dB.
    ///
    /// @param dy [N, out]
    /// @param x [N, in]
    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor, KernelPolicy kernels) {
        if (a.parameter().requiresGrad()) {
            addGradientOfA(up(dy, kernels), x, factor, kernels);
        }
        addGradientOfB(dy, x, factor, kernels);
    }

    /// The gradients share dy B.
    @Override
    public void addGradients(Tensor dx, Tensor dy, Tensor x, KernelPolicy kernels) {
        Tensor v = up(dy, kernels);
        kernels.addProduct(dx, v, like(dx, a), scale);
        if (a.parameter().requiresGrad()) {
            addGradientOfA(v, x, 1, kernels);
        }
        addGradientOfB(dy, x, 1, kernels);
    }

    /// @param v dy B, [N, R]
    private void addGradientOfA(Tensor v, Tensor x, double factor, KernelPolicy kernels) {
        addProduct(a.gradientBuffer(), v.t(), x, factor * scale, kernels);
    }

    private void addGradientOfB(Tensor dy, Tensor x, double factor, KernelPolicy kernels) {
        if (b.parameter().requiresGrad()) {
            addProduct(b.gradientBuffer(), dy.t(), down(x, kernels), factor * scale, kernels);
        }
    }

    /// scale (x Aᵀ) Bᵀ, a new tensor.
    ///
    /// @param x [N, in]
    /// @return [N, out]
    Tensor product(Tensor x, KernelPolicy kernels) {
        return product(down(x, kernels), like(x, b).t(), scale, kernels);
    }

    /// factor scale (dy B) A, a new tensor.
    ///
    /// @param dy [N, out]
    /// @return [N, in]
    Tensor inputGradient(Tensor dy, double factor, KernelPolicy kernels) {
        return product(up(dy, kernels), like(dy, a), factor * scale, kernels);
    }

    /// The squared norms of the rows of W + scale B A, without a matrix of the size of W: with w a row of W
    /// and b the row of B, ‖w‖² + 2 scale b · A w + scale² b (A Aᵀ) b.
    ///
    /// @param base W, and a bias that is subtracted
    /// @param squaredNorms ‖w‖² for each row, `[out]` float32
    /// @return `[out]` float32
    Tensor squaredRowNorms(LinearOperator base, Optional<Slot> bias, Dtype dtype, Tensor squaredNorms) {
        Tensor a32 = Ops.cast(a.tensor().detach(), Dtype.FLOAT32);
        Tensor b32 = Ops.cast(b.tensor().detach(), Dtype.FLOAT32);
        Tensor rows = Ops.cast(a32, dtype);
        Tensor images = Ops.newEmpty(rows, dtype, rows.size(0), base.out());
        base.forwardInto(images, rows);
        Tensor along = Ops.cast(images, Dtype.FLOAT32);
        if (bias.isPresent()) {
            along = along.sub(Ops.cast(bias.get().tensor().detach(), Dtype.FLOAT32));
        }
        Tensor cross = Ops.sumLast(b32.mul(along.t())).squeeze(1);
        Tensor own = Ops.sumLast(b32.mm(a32.mm(a32.t())).mul(b32)).squeeze(1);
        return Device.of(rows)
                .place(squaredNorms)
                .add(cross, new Scalar(2 * scale))
                .add_(own, new Scalar(scale * scale));
    }

    /// x Aᵀ, [N, R].
    private Tensor down(Tensor x, KernelPolicy kernels) {
        return product(x, like(x, a).t(), 1, kernels);
    }

    /// dy B, [N, R].
    private Tensor up(Tensor dy, KernelPolicy kernels) {
        return product(dy, like(dy, b), 1, kernels);
    }

    private static Tensor product(Tensor left, Tensor right, double factor, KernelPolicy kernels) {
        Tensor result = Ops.newEmpty(left, Dtype.of(left.scalar_type()), left.size(0), right.size(1));
        kernels.productInto(result, left, right, factor);
        return result;
    }

    /// sum += factor left right. A sum of a wider dtype gets the product rounded once.
    private static void addProduct(Tensor sum, Tensor left, Tensor right, double factor, KernelPolicy kernels) {
        if (sum.scalar_type() == right.scalar_type()) {
            kernels.addProduct(sum, left, right, factor);
        } else {
            sum.add_(product(left, right, 1, kernels), new Scalar(factor));
        }
    }

    /// The matrix in the dtype of `values`.
    private static Tensor like(Tensor values, WeightMatrix matrix) {
        return Ops.cast(matrix.tensor().detach(), Dtype.of(values.scalar_type()));
    }
}
