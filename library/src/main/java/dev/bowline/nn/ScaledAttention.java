package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// softmax(c tanh(s q k^T / c) + mask) v with grouped queries, with or without the cap c; every step is rounded
/// to the dtype of q, as in the eager attention of transformers. Shapes are those of [DotProductAttention], which
/// is faster and has no cap and no scale. Training with fused kernels uses [BlockedAttention]; plain kernels
/// without a cap are `scaled_dot_product_attention` of libtorch.
public final class ScaledAttention {

    /// The function between q k^T and the mask.
    ///
    /// @param scale s
    /// @param cap c (transformers: `Gemma2Attention`)
    public record Scores(double scale, OptionalDouble cap) {

        /// The identity.
        static final Scores PLAIN = new Scores(1, OptionalDouble.empty());
    }

    private ScaledAttention() {}

    /// True if the scale is a power of two. A product with such a scale is exact, so the scale can be applied to
    /// the queries.
    public static boolean isExact(double scale) {
        return scale == Math.scalb(1.0, Math.getExponent(scale));
    }

    /// @param q [B, N, S, D], not scaled
    /// @param k [B, K, T, D]
    /// @param v [B, K, T, D]
    /// @return [B, S, N, D], contiguous
    public static Tensor attend(KernelPolicy kernels, Tensor q, Tensor k, Tensor v, AttentionMask mask, Scores scores) {
        Tensor o = switch (kernels) {
            case FUSED_CPU ->
                BlockedAttention.fits(q, k, v, mask)
                        ? BlockedAttention.attend(q, k, v, mask, scores)
                        : batchedProducts(kernels, q, k, v, mask, scores);
            case LIBTORCH ->
                scores.cap().isEmpty()
                        ? DotProductAttention.operator(q, k, v, mask, scores.scale())
                        : batchedProducts(kernels, q, k, v, mask, scores);
        };
        return o.transpose(1, 2).contiguous();
    }

    private static Tensor batchedProducts(
            KernelPolicy kernels, Tensor q, Tensor k, Tensor v, AttentionMask mask, Scores like) {
        long rows = q.size(0);
        long heads = q.size(1);
        long queries = q.size(2);
        long width = q.size(3);
        long groups = k.size(1);
        long keys = k.size(2);

        // Queries that share a key head are stacked, so no key is copied.
        Tensor stacked = q.reshape(rows * groups, heads / groups * queries, width);
        Tensor products = kernels.batchedProduct(
                        stacked, k.reshape(rows * groups, keys, width).transpose(1, 2))
                .mul(new Scalar(like.scale()));
        Tensor scores =
                like.cap().isPresent() ? capped(products, new Scalar(like.cap().getAsDouble())) : products;
        Tensor seen = masked(scores.view(rows, heads, queries, keys), mask);
        Tensor p = Ops.softmax(seen, Dtype.FLOAT32).to(q.scalar_type());
        return kernels.batchedProduct(
                        p.view(rows * groups, heads / groups * queries, keys), v.reshape(rows * groups, keys, width))
                .view(rows, heads, queries, width);
    }

    private static Tensor capped(Tensor products, Scalar cap) {
        return products.div(cap).tanh().mul(cap);
    }

    private static Tensor masked(Tensor scores, AttentionMask mask) {
        return switch (mask) {
            case AttentionMask.Everything _ -> scores;
            case AttentionMask.Causal _ -> scores.add(causal(scores.size(2), scores));
            case AttentionMask.Additive(VisibleKeys keys) -> scores.add(keys.additive());
        };
    }

    private static Tensor causal(long length, Tensor like) {
        return Ops.newFull(like, Dtype.of(like.scalar_type()), Double.NEGATIVE_INFINITY, length, length)
                .triu(1);
    }
}
