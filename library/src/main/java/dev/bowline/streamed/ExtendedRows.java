package dev.bowline.streamed;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.Tensor;

/// Stored rows with rows of zeros below them.
///
/// @param count of both
record ExtendedRows(Rows stored, long count) implements Rows {

    @Override
    public long width() {
        return stored.width();
    }

    @Override
    public Tensor read(long from, long rows, Dtype dtype) {
        long kept = Math.clamp(stored.count() - from, 0, rows);
        if (kept == rows) {
            return stored.read(from, rows, dtype);
        }
        try (TensorScope scope = TensorScope.open()) {
            Tensor all = Ops.empty(Device.CPU, dtype, rows, width());
            all.zero_();
            if (kept > 0) {
                all.narrow(0, 0, kept).copy_(stored.read(from, kept, dtype));
            }
            return scope.escape(all);
        }
    }
}
