package dev.bowline.adapter.merge;

import dev.bowline.streamed.Rows;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.MemorySegment;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/// A matrix of an adapter's file, or a part of it, looked up in the mapped file. Only the rows at hand are
/// cast.
///
/// @param bytes of the tensor in the file
/// @param view from the tensor to this matrix
record AdapterMatrix(
        MemorySegment bytes, Dtype stored, long[] shape, long rows, long width, UnaryOperator<Tensor> view) {

    /// All of a tensor of two dimensions, or a vector as a column.
    static AdapterMatrix of(MemorySegment bytes, Dtype stored, long... shape) {
        long rows = shape[0];
        long width = shape.length == 1 ? 1 : shape[1];
        return new AdapterMatrix(bytes, stored, shape, rows, width, whole -> whole.view(rows, width));
    }

    AdapterMatrix transposed() {
        return new AdapterMatrix(
                bytes, stored, shape, width, rows, whole -> view.apply(whole).t());
    }

    /// @return [count, width], contiguous, in `dtype`
    Tensor read(long from, long count, Dtype dtype) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor all = view.apply(HostTensors.view(bytes, stored, shape));
            return scope.escape(Ops.cast(all.narrow(0, from, count), dtype).contiguous());
        }
    }

    /// True if both have the same numbers, whatever their dtypes.
    boolean hasValuesOf(AdapterMatrix other) {
        return this == other
                || compare(other.rows, other.width, (from, count) -> other.read(from, count, Dtype.FLOAT64));
    }

    boolean hasValuesOf(Rows other) {
        return compare(other.count(), other.width(), (from, count) -> other.read(from, count, Dtype.FLOAT64));
    }

    @FunctionalInterface
    private interface Reader {
        Tensor read(long from, long count);
    }

    private boolean compare(long otherRows, long otherWidth, Reader other) {
        if (rows != otherRows || width != otherWidth) {
            return false;
        }
        long piece = Math.max(1, Rows.PIECE_VALUES / Math.max(1, width));
        for (long from = 0; from < rows; from += piece) {
            try (TensorScope _ = TensorScope.open()) {
                long count = Math.min(piece, rows - from);
                if (!read(from, count, Dtype.FLOAT64).equal(other.read(from, count))) {
                    return false;
                }
            }
        }
        return true;
    }
}
