package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Products;
import dev.bowline.tensor.SideBySide;
import java.util.Optional;
import java.util.OptionalInt;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// softmax(c tanh(s q k^T / c) + mask) v for training, or without the cap c, a block of queries at a time against the
/// keys that one of them may look at.
/// Training keeps q, k and v only; the backward pass computes the probabilities again.
///
/// Rows are worked on side by side. Each step is rounded to the dtype of q and the softmax is computed in float32, as
/// in the eager attention of transformers. Shapes as in [DotProductAttention], with G = N/K query heads to a key head,
/// blocks of n queries and t keys.
final class BlockedAttention {

    private static final long BLOCK = 128;

    private final Tensor inputs;
    private final Tensor mask;
    private final OptionalInt window;
    private final long heads;
    private final ScaledAttention.Scores like;
    private final long groups;
    private final long perGroup;
    private final long length;

    /// @param inputs q, k and v, one after the other along their heads: [B, N + 2 K, S, D]
    /// @param mask [B or 1, 1, S, S], which hides what is after a query's own position or before its window
    private BlockedAttention(Tensor inputs, Tensor mask, OptionalInt window, long heads, ScaledAttention.Scores like) {
        this.inputs = inputs;
        this.mask = mask;
        this.window = window;
        this.heads = heads;
        this.like = like;
        groups = (inputs.size(1) - heads) / 2;
        perGroup = heads / groups;
        length = inputs.size(2);
    }

    /// Whether this is a training pass over whole sequences.
    static boolean fits(Tensor q, Tensor k, Tensor v, AttentionMask mask) {
        boolean recorded = GradMode.is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
        return recorded && q.size(2) == k.size(2) && !(mask instanceof AttentionMask.Everything);
    }

    /// @param causal [S, S], the mask of a causal attention, used where `mask` is that
    /// @param like what becomes of q k^T before the mask
    /// @return [B, N, S, D]
    static Tensor attend(Tensor q, Tensor k, Tensor v, AttentionMask mask, Tensor causal, ScaledAttention.Scores like) {
        return mask instanceof AttentionMask.Additive(Tensor additive, OptionalInt window)
                ? attend(q, k, v, additive, window, like)
                : attend(q, k, v, causal.unsqueeze(0).unsqueeze(0), OptionalInt.empty(), like);
    }

    private static Tensor attend(
            Tensor q, Tensor k, Tensor v, Tensor mask, OptionalInt window, ScaledAttention.Scores like) {
        // Three inputs lead to one output, so they are laid side by side, and so is what comes out.
        Tensor inputs = Ops.cat(1, q, k, v);
        long heads = q.size(1);
        Tensor joined;
        try (NoGradGuard _ = new NoGradGuard()) {
            joined = torch.empty_like(inputs);
            joined.narrow(1, heads, 2 * k.size(1)).zero_();
            new BlockedAttention(inputs, mask, window, heads, like).forward(joined);
        }
        AutogradFunction.Backward backward =
                (saved, gradient) -> new BlockedAttention(saved[0], saved[1], window, heads, like).backward(gradient);
        return AutogradFunction.attach(inputs, joined, backward, inputs, mask).narrow(1, 0, heads);
    }

    private interface Work {
        void on(long row);
    }

    private void forEachRow(Work work) {
        SideBySide.run(Math.toIntExact(inputs.size(0)), work::on);
    }

    /// The queries of a row, or what belongs to them: [K, G, S, D], a view.
    private Tensor queries(Tensor joined, long row) {
        return joined.select(0, row).narrow(0, 0, heads).view(groups, perGroup, length, joined.size(3));
    }

    /// The keys of a row, or what belongs to them: [K, S, D], a view.
    private Tensor keys(Tensor joined, long row) {
        return joined.select(0, row).narrow(0, heads, groups);
    }

    /// The values of a row, or what belongs to them: [K, S, D], a view.
    private Tensor values(Tensor joined, long row) {
        return joined.select(0, row).narrow(0, heads + groups, groups);
    }

    /// n queries from `at`, and the t keys from `from` that one of them may look at.
    private record Block(long at, long n, long from, long t) {

        Tensor queries(Tensor x) {
            return x.narrow(2, at, n);
        }

        Tensor keys(Tensor x) {
            return x.narrow(1, from, t);
        }
    }

    private Block block(long at) {
        long n = Math.min(BLOCK, length - at);
        long from = window.isPresent() ? Math.max(0, at - window.getAsInt() + 1) : 0;
        return new Block(at, n, from, at + n - from);
    }

    private void forward(Tensor joined) {
        forEachRow(row -> {
            Tensor q = queries(inputs, row);
            Tensor k = keys(inputs, row);
            Tensor v = values(inputs, row);
            Tensor o = queries(joined, row);
            for (long at = 0; at < length; at += BLOCK) {
                Block block = block(at);
                Tensor p = probabilities(flat(block.queries(q)), block.keys(k), row, block)
                        .p();
                Tensor mixed = Products.batched(p.to(inputs.scalar_type()), block.keys(v));
                Tensor target = block.queries(o);
                target.copy_(mixed.view_as(target));
            }
        });
    }

    /// Of a block, each [K, G n, t].
    ///
    /// @param p float32
    /// @param curve tanh(s q k^T / c), where there is a cap
    private record Scored(Tensor p, Optional<Tensor> curve) {}

    /// @param q [K, G n, D]
    /// @param k [K, t, D]
    private Scored probabilities(Tensor q, Tensor k, long row, Block block) {
        Tensor allowed = mask.select(0, mask.size(0) == 1 ? 0 : row)
                .select(0, 0)
                .narrow(0, block.at(), block.n())
                .narrow(1, block.from(), block.t());
        Tensor scores = Products.batched(q, k.transpose(1, 2));
        // Not mul_: of bfloat16, that rounds the factor too.
        if (like.scale() != 1) {
            scores = scores.mul(new Scalar(like.scale()));
        }
        Optional<Tensor> curve = Optional.empty();
        if (like.cap().isPresent()) {
            Scalar cap = new Scalar(like.cap().getAsDouble());
            curve = Optional.of(scores.div_(cap).tanh_());
            scores = scores.mul(cap);
        }
        scores.view(groups, perGroup, block.n(), block.t()).add_(allowed);
        return new Scored(Ops.softmax(scores, Dtype.FLOAT32), curve);
    }

    /// dL/d(q k^T), rounded after each step on the way back.
    ///
    /// @param dS [K, G n, t]: that of what the softmax was taken of
    private Tensor throughScores(Tensor dS, Optional<Tensor> curve) {
        Tensor d = dS;
        if (curve.isPresent()) {
            Scalar cap = new Scalar(like.cap().getAsDouble());
            d = torch.tanh_backward(d.mul(cap), curve.get()).div_(cap);
        }
        return like.scale() == 1 ? d : d.mul(new Scalar(like.scale()));
    }

    private static Tensor flat(Tensor x) {
        return x.reshape(x.size(0), -1, x.size(3));
    }

    /// With p as above and dp = do vᵀ: dv = pᵀ do, ds = p ⊙ (dp - Σ p ⊙ dp), and with dr, what ds becomes on the way
    /// back to q kᵀ, dq = dr k, dk = drᵀ q. Sums over blocks are kept in float32.
    ///
    /// @param joined [B, N + 2 K, S, D], of which the first N heads are dL/do
    /// @return [B, N + 2 K, S, D]: dL/dq, dL/dk and dL/dv
    private Tensor backward(Tensor joined) {
        Tensor gradients = torch.empty_like(inputs);
        Tensor contiguous = joined.contiguous();
        forEachRow(row -> {
            Tensor q = queries(inputs, row);
            Tensor k = keys(inputs, row);
            Tensor v = values(inputs, row);
            Tensor dO = queries(contiguous, row);
            Tensor dQ = queries(gradients, row);
            Tensor dK = Ops.zeros(Dtype.FLOAT32, groups, length, k.size(2));
            Tensor dV = torch.zeros_like(dK);
            for (long at = 0; at < length; at += BLOCK) {
                Block block = block(at);
                Tensor queries = flat(block.queries(q));
                Scored scored = probabilities(queries, block.keys(k), row, block);
                Tensor p = scored.p();
                Tensor dOut = flat(block.queries(dO));
                block.keys(dV).add_(Products.batched(p.to(inputs.scalar_type()).transpose(1, 2), dOut));
                Tensor dP = Ops.cast(Products.batched(dOut, block.keys(v).transpose(1, 2)), Dtype.FLOAT32);
                Tensor dS = Ops.softmaxGradient(dP, p).to(inputs.scalar_type());
                Tensor dR = throughScores(dS, scored.curve());
                block.keys(dK).add_(Products.batched(dR.transpose(1, 2), queries));
                Tensor target = block.queries(dQ);
                target.copy_(Products.batched(dR, block.keys(k)).view_as(target));
            }
            keys(gradients, row).copy_(dK);
            values(gradients, row).copy_(dV);
        });
        return gradients;
    }
}
