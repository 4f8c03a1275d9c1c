package dev.bowline.adapter.merge;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// The change of an adapter to neighbouring rows of a weight. Every row changes by itself, so a weight is
/// merged a few rows at a time.
sealed interface Change {

    /// The number of rows.
    long count();

    /// Changes rows in place.
    ///
    /// @param rows [n, width] with the values of the base, or what an earlier change made of them
    /// @param from the first of them, counted from the first row of this change
    void apply(Tensor rows, long from);

    /// W + scale L R, and for DoRA each row of it with the length that was trained.
    ///
    /// @param left [count, rank]: lora_B, or the transposed A of an embedding
    /// @param right [rank, width]
    /// @param magnitude `[count]`
    record LowRank(AdapterMatrix left, AdapterMatrix right, double scale, Optional<AdapterMatrix> magnitude)
            implements Change {

        @Override
        public long count() {
            return left.rows();
        }

        @Override
        public void apply(Tensor rows, long from) {
            try (TensorScope _ = TensorScope.open()) {
                Dtype dtype = Dtype.of(rows.scalar_type());
                Tensor delta = left.read(from, rows.size(0), dtype).mm(right.read(0, right.rows(), dtype));
                rows.add_(delta, new Scalar(scale));
                if (magnitude.isPresent()) {
                    // Row by row: m (W + delta) / |W + delta|.
                    Tensor length = Ops.rowNorms(rows);
                    Tensor trained =
                            magnitude.get().read(from, rows.size(0), dtype).view(-1, 1);
                    rows.mul_(trained.div(length.view(-1, 1)));
                }
            }
        }
    }

    /// The values of the adapter in place of the base's.
    record Whole(AdapterMatrix values) implements Change {

        @Override
        public long count() {
            return values.rows();
        }

        @Override
        public void apply(Tensor rows, long from) {
            try (TensorScope _ = TensorScope.open()) {
                rows.copy_(values.read(from, rows.size(0), Dtype.of(rows.scalar_type())));
            }
        }
    }

    /// The values of the adapter in place of some rows.
    ///
    /// @param places the row of `values` for each row that changes
    record SomeRows(long count, AdapterMatrix values, SequencedMap<Long, Long> places) implements Change {

        @Override
        public void apply(Tensor rows, long from) {
            Dtype dtype = Dtype.of(rows.scalar_type());
            new TreeMap<>(places).subMap(from, from + rows.size(0)).forEach((row, place) -> {
                try (TensorScope _ = TensorScope.open()) {
                    rows.narrow(0, row - from, 1).copy_(values.read(place, 1, dtype));
                }
            });
        }
    }
}
