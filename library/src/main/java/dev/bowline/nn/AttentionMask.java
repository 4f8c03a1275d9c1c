package dev.bowline.nn;

import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;

/// Which keys the queries of one attention call may look at.
public sealed interface AttentionMask {

    /// Every key.
    record Everything() implements AttentionMask {}

    /// The keys up to the query's own position, with as many keys as queries.
    record Causal() implements AttentionMask {}

    /// What a tensor says: 0 where a query may look and the dtype's lowest number elsewhere, as transformers builds it.
    ///
    /// @param mask [B or 1, 1, S, T]
    /// @param window how many positions up to its own a query may look at, if not all; later ones never
    record Additive(Tensor mask, OptionalInt window) implements AttentionMask {}
}
