package dev.bowline.tensor;

import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/// Matrix products. Each sum is computed in float32 or a wider dtype and rounded once to the dtype of the result.
///
/// libtorch multiplies bfloat16 fast only on x86 processors with AVX-512; elsewhere it multiplies one element at
/// a time, many times slower than float32 (docs/performance.md). On such processors the operands are converted to
/// float32, a piece at a time, and multiplied by BLAS.
public final class MatMul {

    /// The implementation that multiplies bfloat16.
    enum Bfloat16 {
        LIBTORCH,
        FLOAT32_PIECES
    }

    /// The side of a piece: 16 MiB of float32 for each operand and the sum.
    private static final long PIECE = 2048;

    private static final MatMul OF_THIS_PROCESSOR = new MatMul(
            torch.get_cpu_capability().getString().startsWith("AVX512") ? Bfloat16.LIBTORCH : Bfloat16.FLOAT32_PIECES,
            PIECE);

    private final Bfloat16 bfloat16;
    private final long piece;

    MatMul(Bfloat16 bfloat16, long piece) {
        this.bfloat16 = bfloat16;
        this.piece = piece;
    }

    /// True if libtorch's own kernels are the right choice for a dtype on this processor.
    public static boolean isDirect(Dtype dtype) {
        return OF_THIS_PROCESSOR.direct(dtype);
    }

    /// a b, without recording for autograd.
    ///
    /// @param a [N, K]
    /// @param b [K, M]
    /// @return [N, M]
    public static Tensor of(Tensor a, Tensor b) {
        Tensor y = Ops.newEmpty(a, Dtype.of(a.scalar_type()), a.size(0), b.size(1));
        into(y, a, b);
        return y;
    }

    /// y = a b.
    ///
    /// @param y [N, M], overwritten
    /// @param a [N, K]
    /// @param b [K, M]
    public static void into(Tensor y, Tensor a, Tensor b) {
        OF_THIS_PROCESSOR.replace(y, a, b, 1);
    }

    /// y = factor a b, with shapes as above.
    public static void into(Tensor y, Tensor a, Tensor b, double factor) {
        OF_THIS_PROCESSOR.replace(y, a, b, factor);
    }

    /// y += factor a b, with y changed in place and shapes as above.
    public static void add(Tensor y, Tensor a, Tensor b, double factor) {
        OF_THIS_PROCESSOR.increase(y, a, b, factor);
    }

    /// A product for each of B pairs, recorded for autograd if gradients are enabled.
    ///
    /// @param a [B, N, K]
    /// @param b [B, K, M]
    /// @return [B, N, M]
    public static Tensor batched(Tensor a, Tensor b) {
        return OF_THIS_PROCESSOR.each(a, b);
    }

    /// x Wᵀ + bias, without recording for autograd.
    ///
    /// @param x [..., K]
    /// @param w [M, K]
    /// @param bias `[M]`, or nothing
    /// @return [..., M]
    public static Tensor linear(Tensor x, Tensor w, TensorOptional bias) {
        return OF_THIS_PROCESSOR.projected(x, w, bias);
    }

    private boolean direct(Dtype dtype) {
        return dtype != Dtype.BFLOAT16 || bfloat16 == Bfloat16.LIBTORCH;
    }

    private boolean direct(Tensor x) {
        return direct(Dtype.of(x.scalar_type()));
    }

    void replace(Tensor y, Tensor a, Tensor b, double factor) {
        if (!direct(a)) {
            inPieces(y, a, b, new Update(factor, Result.OVERWRITTEN));
        } else {
            Ops.productInto(y, a, b, factor);
        }
    }

    void increase(Tensor y, Tensor a, Tensor b, double factor) {
        if (direct(a)) {
            Ops.addProduct(y, a, b, factor);
        } else {
            inPieces(y, a, b, new Update(factor, Result.ADDED_TO));
        }
    }

    Tensor each(Tensor a, Tensor b) {
        return direct(a)
                ? a.bmm(b)
                : Ops.cast(a, Dtype.FLOAT32).bmm(Ops.cast(b, Dtype.FLOAT32)).to(a.scalar_type());
    }

    Tensor projected(Tensor x, Tensor w, TensorOptional bias) {
        // The product of a single row reads the weight once; a conversion of the weight would move more memory.
        long[] shape = Shapes.of(x);
        shape[shape.length - 1] = w.size(0);
        if (direct(x) || x.numel() == x.size(-1)) {
            // For an input of more than two dimensions with gaps in its strides, such as the last position of a
            // sequence, libtorch copies a weight that needs no gradient.
            return torch.linear(x.reshape(-1, x.size(-1)), w, bias).view(shape);
        }
        Tensor y = Ops.newEmpty(x, Dtype.of(x.scalar_type()), shape);
        Tensor rows = y.view(-1, w.size(0));
        if (bias.has_value()) {
            rows.copy_(bias.get());
            increase(rows, x.reshape(-1, x.size(-1)), w.t(), 1);
        } else {
            replace(rows, x.reshape(-1, x.size(-1)), w.t(), 1);
        }
        return y;
    }

    /// The treatment of the previous values of the result tensor.
    private enum Result {
        OVERWRITTEN,
        ADDED_TO
    }

    private record Update(double factor, Result result) {}

    private void inPieces(Tensor y, Tensor a, Tensor b, Update update) {
        for (long row = 0; row < y.size(0); row += piece) {
            Tensor yRows = part(y, 0, row);
            Tensor aRows = part(a, 0, row);
            for (long column = 0; column < y.size(1); column += piece) {
                try (TensorScope _ = TensorScope.open()) {
                    onePiece(part(yRows, 1, column), aRows, part(b, 1, column), update);
                }
            }
        }
    }

    private void onePiece(Tensor y, Tensor a, Tensor b, Update update) {
        boolean kept = update.result() == Result.ADDED_TO;
        Tensor sum = kept ? y.to(Dtype.FLOAT32.scalarType()) : Ops.newZeros(y, Dtype.FLOAT32, y.size(0), y.size(1));
        for (long from = 0; from < a.size(1); from += piece) {
            try (TensorScope _ = TensorScope.open()) {
                sum.addmm_(
                        Ops.cast(part(a, 1, from), Dtype.FLOAT32),
                        Ops.cast(part(b, 0, from), Dtype.FLOAT32),
                        new Scalar(1.0),
                        new Scalar(update.factor()));
            }
        }
        if (!Ops.same(sum, y)) {
            y.copy_(sum);
        }
    }

    private Tensor part(Tensor x, long dimension, long from) {
        return x.narrow(dimension, from, Math.min(piece, x.size(dimension) - from));
    }
}
