package dev.bowline.streamed;

import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.ElementTypes;
import dev.bowline.safetensors.TensorEntry;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// The rows of tensors of a checkpoint, one tensor below the other. They are read from the file and not from
/// its map, so that only the rows at hand are in memory.
final class StoredRows implements Rows {

    private final Checkpoint checkpoint;
    private final List<TensorEntry> entries;
    private final long[] starts;
    private final long width;

    /// @param keys of tensors with rows of one length
    StoredRows(Checkpoint checkpoint, List<String> keys) {
        this.checkpoint = checkpoint;
        entries = keys.stream().map(checkpoint::entry).toList();
        width = Rows.width(entries.getFirst());
        starts = new long[entries.size() + 1];
        for (int i = 0; i < entries.size(); i++) {
            starts[i + 1] = starts[i] + Rows.count(entries.get(i));
        }
    }

    @Override
    public long count() {
        return starts[entries.size()];
    }

    @Override
    public long width() {
        return width;
    }

    @Override
    public Tensor read(long from, long count, Dtype dtype) {
        try (TensorScope scope = TensorScope.open()) {
            Tensor all = Ops.empty(Device.CPU, dtype, count, width);
            for (int i = 0; i < entries.size(); i++) {
                long first = Math.max(from, starts[i]);
                long end = Math.min(from + count, starts[i + 1]);
                if (first < end) {
                    all.narrow(0, first - from, end - first)
                            .copy_(stored(entries.get(i), first - starts[i], end - first));
                }
            }
            return scope.escape(all);
        }
    }

    private Tensor stored(TensorEntry entry, long from, long count) {
        Dtype dtype = ElementTypes.weightDtype(entry);
        Tensor rows = Ops.empty(Device.CPU, dtype, count, width);
        checkpoint.copy(entry.name(), from * width * dtype.bytes(), HostTensors.bytes(rows));
        return rows;
    }
}
