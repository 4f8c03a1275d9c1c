package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// softmax(cap tanh(q k^T / cap) + mask) v with grouped keys (transformers: `Gemma2Attention`); no fused kernel
/// has the cap. Shapes as in [DotProductAttention].
public final class SoftcappedAttention {

    private SoftcappedAttention() {}

    /// @param q [B, N, S, D], already scaled
    /// @param k [B, K, T, D]
    /// @param v [B, K, T, D]
    /// @return [B, S, N, D], contiguous
    public static Tensor attend(Tensor q, Tensor k, Tensor v, AttentionMask mask, double cap) {
        long rows = q.size(0);
        long heads = q.size(1);
        long queries = q.size(2);
        long width = q.size(3);
        long groups = k.size(1);
        long keys = k.size(2);

        // Queries that share a key head are stacked, so no key is copied.
        Tensor stacked = q.reshape(rows * groups, heads / groups * queries, width);
        Tensor scores = torch.bmm(stacked, k.reshape(rows * groups, keys, width).transpose(1, 2))
                .div(new Scalar(cap))
                .tanh()
                .mul(new Scalar(cap))
                .view(rows, heads, queries, keys);
        Tensor masked = switch (mask) {
            case AttentionMask.Everything _ -> scores;
            case AttentionMask.Causal _ -> scores.add(causal(queries, q));
            case AttentionMask.Additive(Tensor additive) -> scores.add(additive);
        };
        Tensor p = Ops.softmax(masked, Dtype.FLOAT32).to(q.scalar_type());
        return torch.bmm(p.view(rows * groups, heads / groups * queries, keys), v.reshape(rows * groups, keys, width))
                .view(rows, heads, queries, width)
                .transpose(1, 2)
                .contiguous();
    }

    private static Tensor causal(long length, Tensor like) {
        return Ops.full(Dtype.of(like.scalar_type()), Double.NEGATIVE_INFINITY, length, length)
                .triu(1);
    }
}
