package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// An embedding some of whose rows are replaced. The base is an operator of any kind.
public final class RowsEmbedding implements EmbeddingOperator {

    private final EmbeddingOperator base;
    private final ReplacedRows rows;
    private final OptionalLong paddingId;

    /// @param paddingId the row that gets no gradient
    public RowsEmbedding(EmbeddingOperator base, ReplacedRows rows, OptionalLong paddingId) {
        this.base = base;
        this.rows = rows;
        this.paddingId = paddingId;
    }

    @Override
    public long vocabulary() {
        return base.vocabulary();
    }

    @Override
    public long width() {
        return base.width();
    }

    @Override
    public Dtype dtype() {
        return base.dtype();
    }

    @Override
    public List<Slot> slots() {
        return Stream.concat(base.slots().stream(), Stream.of(rows.values())).toList();
    }

    @Override
    public Tensor forward(Tensor ids) {
        ReplacedRows.Places places = rows.places(ids);
        long padding = paddingId.isPresent() ? rows.place(paddingId.getAsLong()) : -1;
        Tensor own = torch.embedding(rows.values().tensor(), places.places(), padding, false, false);
        return torch.where(places.isReplaced().unsqueeze(-1), Ops.cast(own, dtype()), base.forward(ids));
    }
}
