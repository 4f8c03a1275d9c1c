package dev.bowline.nn;

import java.util.List;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/// A table looked up by token id. The row of the padding id gets no gradient, as in PyTorch.
///
/// An [EmbeddingOperator] computes the lookup. [#replace] replaces the operator, for example by a low-rank
/// adapter around the old one. With fused kernels the backward pass of a stored table writes only the rows of
/// the gradient that were looked up. Plain operators create a dense gradient of [vocabulary, D] per lookup.
public final class Embedding extends Layer {

    private final Slot weight;
    private final OptionalLong paddingId;
    private EmbeddingOperator operator;

    public Embedding(String path, long vocabulary, long width, OptionalLong paddingId) {
        super(path);
        weight = weight("weight", vocabulary, width);
        this.paddingId = paddingId;
        operator = new DenseEmbedding(weight, paddingId, this::kernels);
    }

    /// The slot of the stored table, whichever operator computes the lookup.
    public Slot weight() {
        return weight;
    }

    public OptionalLong paddingId() {
        return paddingId;
    }

    /// The operator that computes the lookup now.
    public EmbeddingOperator operator() {
        return operator;
    }

    /// Replaces the operator. The slots of the new operator take the place of the old operator's slots in the
    /// model, on the device of the model; parameters of slots that left the model belong to the caller. Ties
    /// of slots do not change.
    ///
    /// @param replacement makes the new operator from the present one
    public void replace(UnaryOperator<EmbeddingOperator> replacement) {
        EmbeddingOperator other = replacement.apply(operator);
        if (other.vocabulary() != operator.vocabulary() || other.width() != operator.width()) {
            throw new IllegalArgumentException("'%s' has %d rows of %d values, its replacement %d of %d"
                    .formatted(path(), operator.vocabulary(), operator.width(), other.vocabulary(), other.width()));
        }
        other.slots().forEach(slot -> slot.get().to(device()));
        operator = other;
    }

    /// A new embedding of the same path and width with another number of rows, filled by [ResizedRows].
    public Embedding resized(long vocabulary, OptionalLong newPaddingId) {
        Embedding resized = new Embedding(path(), vocabulary, operator.width(), newPaddingId);
        ResizedRows.fill(resized.weight, weight);
        return resized;
    }

    /// The dtype and the device of the rows.
    public Placement placement() {
        return new Placement(operator.dtype(), device());
    }

    /// @param ids [...] int64
    /// @return [..., D]
    public Tensor forward(Tensor ids) {
        return operator.forward(ids);
    }

    @Override
    List<Slot> ownSlots() {
        return operator.slots();
    }
}
