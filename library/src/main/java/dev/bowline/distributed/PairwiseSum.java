package dev.bowline.distributed;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Tensor;

/// Sums in a fixed order, which does not depend on who computed the parts: 0+1, 2+3, ..., then pairs of pairs.
final class PairwiseSum {

    private PairwiseSum() {}

    /// The sum of the rows.
    ///
    /// @param rows [R, N], at least one
    /// @return `[N]` float32
    static Tensor ofRows(Tensor rows) {
        int count = Math.toIntExact(rows.size(0));
        Tensor[] level = new Tensor[count];
        for (int i = 0; i < count; i++) {
            level[i] = Ops.cast(rows.select(0, i), Dtype.FLOAT32);
        }
        while (count > 1) {
            int pairs = count / 2;
            for (int i = 0; i < pairs; i++) {
                level[i] = level[2 * i].add(level[2 * i + 1]);
            }
            if (count % 2 == 1) {
                level[pairs] = level[count - 1];
            }
            count = Math.ceilDiv(count, 2);
        }
        return level[0];
    }
}
