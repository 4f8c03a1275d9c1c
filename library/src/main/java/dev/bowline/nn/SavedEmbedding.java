package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/// The lookup in a trained copy of a table. The table itself stays in the model.
///
/// @param copy of the base's shape
public record SavedEmbedding(EmbeddingOperator base, EmbeddingOperator copy) implements EmbeddingOperator {

    @Override
    public long vocabulary() {
        return copy.vocabulary();
    }

    @Override
    public long width() {
        return copy.width();
    }

    @Override
    public Dtype dtype() {
        return copy.dtype();
    }

    @Override
    public List<Slot> slots() {
        return Stream.concat(base.slots().stream(), copy.slots().stream()).toList();
    }

    @Override
    public Tensor forward(Tensor ids) {
        return copy.forward(ids);
    }
}
