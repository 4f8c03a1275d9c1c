package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/// The lookup of an [Embedding]. An adapter or a quantised table is an implementation, which usually holds the
/// implementation that it replaces.
public interface EmbeddingOperator {

    /// The number of rows.
    long vocabulary();

    /// The length of a row.
    long width();

    /// The dtype of the rows that [#forward] returns.
    Dtype dtype();

    /// The slots of the parameters that this operator uses. They are part of the model: they are saved, loaded,
    /// trained and closed with it. The slots of an adapter have the role [SlotRole#ADAPTER].
    List<Slot> slots();

    /// The rows of `ids`, recorded for autograd where gradients are enabled and a parameter is trained.
    ///
    /// @param ids [...] int64
    /// @return [..., width], of [#dtype()]
    Tensor forward(Tensor ids);

    /// The same lookup in another table, such as a trained copy of the table.
    ///
    /// @param table [vocabulary, width]
    /// @throws UnsupportedOperationException if this operator is not the lookup in one table
    default EmbeddingOperator withWeight(Slot table) {
        throw new UnsupportedOperationException("the operator has no single table");
    }
}
