package dev.bowline.streamed;

import dev.bowline.nn.EmbeddingOperator;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// A lookup that reads the rows of its ids. It is not trained.
///
/// @param stored the operator that this one replaces, whose table has no values
record StreamedEmbedding(Rows table, EmbeddingOperator stored) implements EmbeddingOperator {

    @Override
    public List<Slot> slots() {
        return stored.slots();
    }

    @Override
    public EmbeddingOperator withWeight(Slot other) {
        return stored.withWeight(other);
    }

    @Override
    public long vocabulary() {
        return table.count();
    }

    @Override
    public long width() {
        return table.width();
    }

    @Override
    public Dtype dtype() {
        return Dtype.FLOAT32;
    }

    @Override
    public Tensor forward(Tensor ids) {
        try (TensorScope scope = TensorScope.open()) {
            long[] flat = longs(ids);
            Tensor rows = Ops.newEmpty(ids, Dtype.FLOAT32, flat.length, width());
            for (int i = 0; i < flat.length; i++) {
                try (TensorScope _ = TensorScope.open()) {
                    rows.narrow(0, i, 1).copy_(table.read(flat[i], 1, Dtype.FLOAT32));
                }
            }
            long[] shape = Arrays.copyOf(Shapes.of(ids), Shapes.of(ids).length + 1);
            shape[shape.length - 1] = width();
            return scope.escape(rows.view(shape));
        }
    }

    private static long[] longs(Tensor ids) {
        return HostTensors.bytes(ids.reshape(-1).contiguous()).toArray(ValueLayout.JAVA_LONG);
    }
}
