package dev.bowline.nn;

import dev.bowline.quantization.MatrixPart;
import dev.bowline.quantization.QuantizedMatrix;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// y = x Wᵀ + b with a quantised W, which is dequantised to the dtype of x, a tile at a time, in every product.
///
/// A tile has all the terms of the sums that it takes part in, so each result is one product, as with a dense weight.
/// The weight has no gradient; a bias may have one. The graph of a forward pass keeps nothing of the weight.
final class QuantizedLinear implements LinearOperator {

    /// The values of W that are dequantised at the same time. A tile is still in a cache when it is multiplied, and
    /// is large enough for a fast product.
    private static final long TILE = 1 << 21;

    private final WeightMatrix weight;
    private final Optional<Slot> bias;
    private final Supplier<KernelPolicy> kernels;

    /// @param kernels gives the policy of the model at each call
    QuantizedLinear(WeightMatrix weight, Optional<Slot> bias, Supplier<KernelPolicy> kernels) {
        this.weight = weight;
        this.bias = bias;
        this.kernels = kernels;
    }

    @Override
    public long in() {
        return weight.in();
    }

    @Override
    public long out() {
        return weight.out();
    }

    @Override
    public List<Slot> slots() {
        return Stream.concat(Stream.of(weight.slot()), bias.stream()).toList();
    }

    @Override
    public void forwardInto(Tensor y, Tensor x) {
        bias.ifPresent(slot -> y.copy_(slot.tensor()));
        QuantizedMatrix matrix = weight.quantized();
        long rows = tile(in(), matrix.rowStep());
        for (long row = 0; row < out(); row += rows) {
            MatrixPart part = new MatrixPart(row, Math.min(rows, out() - row), 0, in());
            withTile(matrix, part, x, w -> {
                Tensor columns = y.narrow(1, part.row(), part.rows());
                if (bias.isPresent()) {
                    kernels.get().addProduct(columns, x, w.t(), 1);
                } else {
                    kernels.get().productInto(columns, x, w.t(), 1);
                }
            });
        }
    }

    @Override
    public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
        forEachColumnTile(
                dy, (part, w) -> kernels.get().productInto(dx.narrow(1, part.column(), part.columns()), dy, w, factor));
    }

    @Override
    public void addInputGradient(Tensor dx, Tensor dy, double factor) {
        forEachColumnTile(
                dy, (part, w) -> kernels.get().addProduct(dx.narrow(1, part.column(), part.columns()), dy, w, factor));
    }

    @Override
    public Tensor squaredRowNorms() {
        QuantizedMatrix matrix = weight.quantized();
        Tensor norms = Ops.empty(weight.parameter().device(), Dtype.FLOAT32, out());
        long rows = tile(in(), matrix.rowStep());
        for (long row = 0; row < out(); row += rows) {
            MatrixPart part = new MatrixPart(row, Math.min(rows, out() - row), 0, in());
            try (TensorScope _ = TensorScope.open()) {
                Tensor squares = matrix.dequantized(part, Dtype.FLOAT32).square();
                norms.narrow(0, part.row(), part.rows())
                        .copy_(Ops.sumLast(squares).squeeze(1));
            }
        }
        return norms;
    }

    private interface TileUse {
        /// @param w the dequantised part
        void of(MatrixPart part, Tensor w);
    }

    private void forEachColumnTile(Tensor dy, TileUse use) {
        QuantizedMatrix matrix = weight.quantized();
        long columns = Math.min(in(), tile(out(), matrix.columnStep()));
        for (long column = 0; column < in(); column += columns) {
            MatrixPart part = new MatrixPart(0, out(), column, Math.min(columns, in() - column));
            withTile(matrix, part, dy, w -> use.of(part, w));
        }
    }

    /// The length of a tile, a multiple of `step`, whose other side has `side` values.
    private static long tile(long side, long step) {
        return Math.max(step, TILE / Math.max(1, side) / step * step);
    }

    /// @param like of the dtype and on the device of the product
    private void withTile(QuantizedMatrix matrix, MatrixPart part, Tensor like, Consumer<Tensor> use) {
        Dtype dtype = Dtype.of(like.scalar_type());
        try (TensorScope _ = TensorScope.open()) {
            use.accept(
                    switch (kernels.get()) {
                        case FUSED_CPU -> {
                            Tensor w = Ops.newEmpty(like, dtype, part.rows(), part.columns());
                            matrix.dequantizeInto(w, part);
                            yield w;
                        }
                        case LIBTORCH -> matrix.dequantized(part, dtype);
                    });
        }
    }

    @Override
    public void addWeightGradient(Tensor dy, Tensor x, double factor) {
        bias.map(Slot::get)
                .filter(Parameter::requiresGrad)
                .ifPresent(parameter -> parameter.gradientBuffer().add_(dy.sum(0), new Scalar(factor)));
    }
}
