package dev.bowline.nn;

/// The keys that the queries of one attention call may attend to.
public sealed interface AttentionMask {

    /// Every key.
    record Everything() implements AttentionMask {}

    /// The keys up to the query's own position, with as many keys as queries.
    record Causal() implements AttentionMask {}

    /// Some keys up to the query's own position: those in a window, those of the same document, or those that are not
    /// padding.
    record Additive(VisibleKeys keys) implements AttentionMask {}
}
