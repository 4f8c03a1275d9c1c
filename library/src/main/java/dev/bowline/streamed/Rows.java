package dev.bowline.streamed;

import dev.bowline.safetensors.TensorEntry;
import dev.bowline.tensor.Dtype;
import org.bytedeco.pytorch.Tensor;

/// The rows of a weight, read a few at a time. A weight of more than two dimensions has the rows of its
/// matrices, first to last; a vector is one row.
public interface Rows {

    /// The number of values that one read of [#pieceRows] has.
    long PIECE_VALUES = 512L << 10;

    long count();

    /// The values of one row.
    long width();

    /// @param from the first row
    /// @return [count, width], contiguous, owned by the caller's scope, which may change it
    Tensor read(long from, long count, Dtype dtype);

    /// A number of rows whose values take little memory, at least one.
    default long pieceRows() {
        return Math.max(1, PIECE_VALUES / Math.max(1, width()));
    }

    /// The number of rows of a stored tensor.
    static long count(TensorEntry entry) {
        return entry.elements() / Math.max(1, width(entry));
    }

    /// The values of one row of a stored tensor.
    static long width(TensorEntry entry) {
        return entry.shape().isEmpty() ? 1 : entry.shape().getLast();
    }

    /// Some rows of these.
    default Rows part(long from, long count) {
        if (from == 0 && count == count()) {
            return this;
        }
        Rows whole = this;
        return new Rows() {
            @Override
            public long count() {
                return count;
            }

            @Override
            public long width() {
                return whole.width();
            }

            @Override
            public Tensor read(long first, long rows, Dtype dtype) {
                return whole.read(from + first, rows, dtype);
            }
        };
    }
}
