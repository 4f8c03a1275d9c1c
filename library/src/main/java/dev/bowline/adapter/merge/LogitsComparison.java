package dev.bowline.adapter.merge;

/// The logits of a probe text from the base with the adapter, from the merged weights before they are rounded
/// to the stored dtype, and from the written checkpoint. All are computed in float32.
///
/// A difference is relative: the largest absolute difference of two logits, divided by the largest absolute
/// logit of the base with the adapter.
///
/// @param tokens the number of compared positions
/// @param merged the difference between base with adapter and merged weights
/// @param written the difference between merged weights and written checkpoint; at most [#TOLERANCE] where
///     nothing was rounded below float32, else the effect of the rounding
/// @param effect the difference between the base without the adapter and the base with it
/// @param divergence the mean KL divergence of the written checkpoint's next-token distributions from those of
///     the base with the adapter, in nats
/// @param allowed the largest accepted value of `merged`: [#TOLERANCE], or more for a model whose logits move
///     by more than that when its weights change by one rounding in float32
public record LogitsComparison(
        long tokens, double merged, double written, double effect, double divergence, double allowed) {

    /// The largest relative difference of logits that are equal but for the order of float32 additions.
    public static final double TOLERANCE = 1e-5;
}
