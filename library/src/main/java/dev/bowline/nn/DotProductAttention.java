package dev.bowline.nn;

import dev.bowline.platform.BlasThreads;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorBase;
import org.bytedeco.pytorch.VoidTensorHook;

/// softmax(q k^T + mask) v with grouped queries: query head n uses key/value head n / (N/K).
///
/// Plain kernels, and float32 on the CPU, use `scaled_dot_product_attention` of libtorch. In bfloat16 that
/// operator multiplies small blocks one by one on the CPU and is slower: training uses [BlockedAttention] there,
/// and passes without gradients use two batched products.
///
/// Shapes: B rows, N query heads, K key/value heads, S queries, T keys, D head size.
public final class DotProductAttention {

    private static final VoidTensorHook ONE_BLAS_THREAD = hook(BlasThreads::one);
    private static final VoidTensorHook ALL_BLAS_THREADS = hook(BlasThreads::all);

    private DotProductAttention() {}

    /// A hook for any number of tensors, which lives as long as the process.
    private static VoidTensorHook hook(Runnable action) {
        VoidTensorHook hook = new VoidTensorHook() {
            @Override
            public void call(TensorBase gradient) {
                action.run();
                gradient.close();
            }
        };
        hook.retainReference();
        return hook;
    }

    /// @param q [B, N, S, D], already scaled
    /// @param k [B, K, T, D]
    /// @param v [B, K, T, D]
    /// @return [B, S, N, D], contiguous
    public static Tensor attend(KernelPolicy kernels, Tensor q, Tensor k, Tensor v, AttentionMask mask) {
        Tensor o = switch (kernels) {
            case FUSED_CPU -> fused(q, k, v, mask);
            case LIBTORCH -> operator(q, k, v, mask, 1);
        };
        return o.transpose(1, 2).contiguous();
    }

    private static Tensor fused(Tensor q, Tensor k, Tensor v, AttentionMask mask) {
        if (Dtype.of(q.scalar_type()) == Dtype.FLOAT32) {
            return float32(q, k, v, mask);
        }
        return BlockedAttention.fits(q, k, v, mask)
                ? BlockedAttention.attend(q, k, v, mask, ScaledAttention.Scores.PLAIN)
                : batchedProducts(q, k, v, mask);
    }

    private static Tensor float32(Tensor q, Tensor k, Tensor v, AttentionMask mask) {
        Tensor o;
        BlasThreads.one();
        try {
            o = operator(q, k, v, mask, 1);
        } finally {
            BlasThreads.all();
        }
        if (o.requires_grad()) {
            // The backward kernel runs after the hook of o and before the first hook of q, k and v.
            o.register_hook(ONE_BLAS_THREAD);
            Stream.of(q, k, v).filter(Tensor::requires_grad).forEach(input -> input.register_hook(ALL_BLAS_THREADS));
        }
        return o;
    }

    /// softmax(scale q k^T + mask) v by libtorch's operator.
    ///
    /// @return [B, N, S, D]
    static Tensor operator(Tensor q, Tensor k, Tensor v, AttentionMask mask, double scale) {
        return switch (mask) {
            case AttentionMask.Everything _ -> Ops.attention(q, k, v, scale);
            case AttentionMask.Causal _ -> Ops.causalAttention(q, k, v, scale);
            case AttentionMask.Additive(VisibleKeys keys) -> Ops.maskedAttention(q, k, v, keys.additive(), scale);
        };
    }

    private static Tensor batchedProducts(Tensor q, Tensor k, Tensor v, AttentionMask mask) {
        long rows = q.size(0);
        long heads = q.size(1);
        long queries = q.size(2);
        long width = q.size(3);
        long groups = k.size(1);
        long keys = k.size(2);

        // The queries that share a key head are stacked, so no key is copied: [B K, (N/K) S, D] × [B K, D, T].
        Tensor stacked = q.reshape(rows * groups, heads / groups * queries, width);
        Tensor scores = MatMul.batched(
                        stacked, k.reshape(rows * groups, keys, width).transpose(1, 2))
                .view(rows, heads, queries, keys);
        Tensor masked = switch (mask) {
            case AttentionMask.Everything _ -> scores;
            case AttentionMask.Causal _ -> scores.add(causal(queries, q));
            case AttentionMask.Additive(VisibleKeys visible) -> scores.add(visible.additive());
        };
        Tensor p = Ops.softmax(masked, Dtype.FLOAT32).to(q.scalar_type());
        return MatMul.batched(
                        p.view(rows * groups, heads / groups * queries, keys), v.reshape(rows * groups, keys, width))
                .view(rows, heads, queries, width);
    }

    private static Tensor causal(long length, Tensor like) {
        Tensor lowest = Ops.newFull(like, Dtype.of(like.scalar_type()), -3.3895313892515355e38, length, length);
        return lowest.triu(1);
    }
}
