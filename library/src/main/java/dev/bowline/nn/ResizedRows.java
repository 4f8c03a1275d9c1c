package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// The values of a table after a change of its number of rows.
public final class ResizedRows {

    /// 16 MiB of float64 per tile of the mean.
    private static final long TILE_ELEMENTS = 1 << 21;

    private ResizedRows() {}

    /// Gives `resized` the rows of `table`. A row that `table` does not have is the mean of all rows of `table`,
    /// summed in float64 and rounded once. A frozen table stays frozen. A table without values stays without.
    ///
    /// @param resized a slot without values, as wide as `table`
    public static void fill(Slot resized, Slot table) {
        Parameter from = table.get();
        Parameter to = resized.get();
        to.to(from.device());
        if (!from.requiresGrad()) {
            to.freeze();
        }
        if (from.isMaterialized()) {
            try (TensorScope _ = TensorScope.open();
                    NoGradGuard _ = new NoGradGuard()) {
                to.materialize(rows(from, resized.shape()[0]));
            }
        }
    }

    /// @return [count, D]
    private static Tensor rows(Parameter table, long count) {
        Tensor old = table.value().detach();
        long kept = Math.min(count, old.size(0));
        Tensor rows = Ops.empty(table.device(), table.dtype(), count, old.size(1));
        rows.narrow(0, 0, kept).copy_(old.narrow(0, 0, kept));
        if (count > kept) {
            rows.narrow(0, kept, count - kept).copy_(mean(old));
        }
        return rows;
    }

    /// @return [1, D] float64
    private static Tensor mean(Tensor table) {
        Tensor sum = Ops.newZeros(table, Dtype.FLOAT64, 1, table.size(1));
        long tile = Math.max(1, TILE_ELEMENTS / table.size(1));
        for (long row = 0; row < table.size(0); row += tile) {
            try (TensorScope _ = TensorScope.open()) {
                Tensor part = table.narrow(0, row, Math.min(tile, table.size(0) - row));
                sum.add_(Ops.cast(part, Dtype.FLOAT64).sum(0).unsqueeze(0));
            }
        }
        return sum.div_(new Scalar((double) table.size(0)));
    }
}
