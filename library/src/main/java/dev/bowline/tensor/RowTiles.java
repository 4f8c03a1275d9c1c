package dev.bowline.tensor;

import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/// The rows of a matrix, some at a time and side by side: few enough that what one pass over them wrote is still in a
/// processor's cache for the next.
///
/// @param rows how many there are
/// @param each how many belong together; the last block may have fewer
public record RowTiles(long rows, long each) {

    /// Blocks of about `elements` elements.
    ///
    /// @param matrix [N, D]
    public static RowTiles of(Tensor matrix, long elements) {
        return new RowTiles(matrix.size(0), Math.max(1, elements / Math.max(1, matrix.size(1))));
    }

    /// @param index from 0, the place for what is computed of this block alone
    /// @param from its first row
    /// @param size its rows
    public record Block(int index, long from, long size) {

        /// @param matrix [N, ...]
        /// @return [size, ...], a view
        public Tensor of(Tensor matrix) {
            return matrix.narrow(0, from, size);
        }
    }

    public int count() {
        return Math.toIntExact(Math.ceilDiv(rows, each));
    }

    /// Runs `work` for every block, as [KernelPool#run] does.
    public void forEach(Consumer<Block> work) {
        KernelPool.run(count(), i -> {
            long from = i * each;
            work.accept(new Block(i, from, Math.min(each, rows - from)));
        });
    }
}
