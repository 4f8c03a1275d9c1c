package dev.bowline.tensor;

import java.util.function.Consumer;
import org.bytedeco.pytorch.Tensor;

/// A division of the rows of a matrix into tiles, which run in parallel. A tile is small enough that the results
/// of one pass over it are still in the cache of a processor in the next pass.
///
/// @param rows the number of rows
/// @param tileRows the number of rows of a tile; the last tile may have fewer
public record RowTiles(long rows, long tileRows) {

    /// Tiles of about `elements` elements.
    ///
    /// @param matrix [N, D]
    public static RowTiles of(Tensor matrix, long elements) {
        return new RowTiles(matrix.size(0), Math.max(1, elements / Math.max(1, matrix.size(1))));
    }

    /// @param index the number of the tile, from 0
    /// @param from the first row
    /// @param size the number of rows
    public record Tile(int index, long from, long size) {

        /// @param matrix [N, ...]
        /// @return [size, ...], a view
        public Tensor of(Tensor matrix) {
            return matrix.narrow(0, from, size);
        }
    }

    public int count() {
        return Math.toIntExact(Math.ceilDiv(rows, tileRows));
    }

    /// Runs `work` for every tile with [KernelPool#run].
    public void forEach(Consumer<Tile> work) {
        forEachOf(count(), work);
    }

    /// The same for the tiles of a part of a matrix, with the bits of a call for the whole.
    ///
    /// @param total the number of tiles of the whole matrix
    public void forEachOf(int total, Consumer<Tile> work) {
        KernelPool.run(total, count(), i -> {
            long from = i * tileRows;
            work.accept(new Tile(i, from, Math.min(tileRows, rows - from)));
        });
    }
}
