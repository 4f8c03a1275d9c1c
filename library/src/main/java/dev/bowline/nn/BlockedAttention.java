package dev.bowline.nn;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.KernelPool;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// softmax(c tanh(s q k^T / c) + mask) v for training, with or without the cap c. It computes one block of
/// queries at a time, with the keys that at least one query of the block may attend to. Training keeps q, k and v
/// only; the backward pass computes the probabilities again.
///
/// Rows are computed in parallel. Each step is rounded to the dtype of q and the softmax is computed in float32,
/// as in the eager attention of transformers. Shapes are those of [DotProductAttention], with G = N/K query heads
/// per key head, and blocks of n queries and t keys.
final class BlockedAttention {

    private static final long BLOCK = 128;

    /// With more positions than this, a pass without gradients is computed in blocks too.
    private static final long LONG = 512;

    private final Tensor inputs;
    private final Optional<VisibleKeys> visible;
    private final OptionalInt window;
    private final Tensor hidden;
    private final Tensor additive;
    private final long heads;
    private final ScaledAttention.Scores function;
    private final long groups;
    private final long perGroup;
    private final long length;

    /// @param inputs q, k and v, one after the other along their heads: [B, N + 2 K, S, D]
    /// @param visible the keys that queries may attend to; empty for causal attention
    private BlockedAttention(
            Tensor inputs, Optional<VisibleKeys> visible, long heads, ScaledAttention.Scores function) {
        this.inputs = inputs;
        this.visible = visible;
        this.heads = heads;
        this.function = function;
        groups = (inputs.size(1) - heads) / 2;
        perGroup = heads / groups;
        length = inputs.size(2);
        window = visible.map(VisibleKeys::window).orElse(OptionalInt.empty());
        hidden = hiddenByPosition();
        additive = VisibleKeys.additive(hidden, Dtype.of(inputs.scalar_type()));
    }

    /// The keys that positions hide from a block of n queries, the same for every block: [n, c + n] bool. The
    /// last n columns are the positions of the block, the first c = window - 1 columns are the positions before
    /// the block. Without a window c is 0, since no key before the block is hidden.
    private Tensor hiddenByPosition() {
        long n = Math.min(BLOCK, length);
        long before = before();
        Tensor all = Ops.newFull(inputs, Dtype.BOOL, 1, n, before + n);
        Tensor later = all.triu(before + 1);
        return window.isPresent() ? later.logical_or(all.tril(before - window.getAsInt())) : later;
    }

    private long before() {
        return window.isPresent() ? Math.min(window.getAsInt() - 1L, length - 1) : 0;
    }

    /// The part of `byPosition` for the last keys of a block: [n, at most t], a view.
    private Tensor ofBlock(Tensor byPosition, VisibleKeys.Block block) {
        long columns = window.isPresent() ? block.t() : block.n();
        return byPosition.narrow(0, 0, block.n()).narrow(1, before() + block.n() - columns, columns);
    }

    /// Adds the mask.
    ///
    /// @param scores [K, G, n, t], changed in place
    private void hide(Tensor scores, long row, VisibleKeys.Block block) {
        Optional<Tensor> byLimit = visible.flatMap(keys -> keys.hiddenByLimit(row, block));
        if (byLimit.isEmpty()) {
            Tensor mask = ofBlock(additive, block);
            scores.narrow(3, block.t() - mask.size(1), mask.size(1)).add_(mask);
            return;
        }
        Tensor both =
                byLimit.get().expand(new long[] {block.n(), block.t()}, false).clone();
        Tensor byPosition = ofBlock(hidden, block);
        both.narrow(1, block.t() - byPosition.size(1), byPosition.size(1)).logical_or_(byPosition);
        scores.add_(VisibleKeys.additive(both, Dtype.of(scores.scalar_type())));
    }

    /// True if queries and keys are whole sequences, and if either gradients are needed or the scores of all
    /// queries together would take much memory.
    static boolean fits(Tensor q, Tensor k, Tensor v, AttentionMask mask) {
        return (needsGradient(q, k, v) || q.size(2) > LONG)
                && q.size(2) == k.size(2)
                && !(mask instanceof AttentionMask.Everything);
    }

    private static boolean needsGradient(Tensor q, Tensor k, Tensor v) {
        return GradMode.is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
    }

    /// @param function the function between q k^T and the mask
    /// @return [B, N, S, D]
    static Tensor attend(Tensor q, Tensor k, Tensor v, AttentionMask mask, ScaledAttention.Scores function) {
        Optional<VisibleKeys> visible = switch (mask) {
            case AttentionMask.Additive(VisibleKeys keys) -> Optional.of(keys);
            case AttentionMask.Causal _, AttentionMask.Everything _ -> Optional.empty();
        };
        // A hook carries one gradient, so q, k and v are concatenated into one tensor, and their gradients too.
        Tensor inputs = Ops.cat(1, q, k, v);
        long heads = q.size(1);
        Tensor joined;
        try (NoGradGuard _ = new NoGradGuard()) {
            joined = torch.empty_like(inputs);
            joined.narrow(1, heads, 2 * k.size(1)).zero_();
            new BlockedAttention(inputs, visible, heads, function).forward(joined);
        }
        if (!needsGradient(q, k, v)) {
            return joined.narrow(1, 0, heads);
        }
        Tensor[] saved = Stream.concat(Stream.of(inputs), visible.flatMap(VisibleKeys::limitTensor).stream())
                .toArray(Tensor[]::new);
        AutogradFunction.Backward backward = (kept, gradient) -> {
            Optional<VisibleKeys> same = visible.map(keys -> kept.length > 1 ? keys.with(kept[1]) : keys);
            return new BlockedAttention(kept[0], same, heads, function).backward(gradient);
        };
        return AutogradFunction.attach(inputs, joined, backward, saved).narrow(1, 0, heads);
    }

    private interface Work {
        void on(long row);
    }

    private void forEachRow(Work work) {
        KernelPool.run(Math.toIntExact(inputs.size(0)), work::on);
    }

    /// The part of a row that belongs to the queries: [K, G, S, D], a view.
    private Tensor queries(Tensor joined, long row) {
        return joined.select(0, row).narrow(0, 0, heads).view(groups, perGroup, length, joined.size(3));
    }

    /// The part of a row that belongs to the keys: [K, S, D], a view.
    private Tensor keys(Tensor joined, long row) {
        return joined.select(0, row).narrow(0, heads, groups);
    }

    /// The part of a row that belongs to the values: [K, S, D], a view.
    private Tensor values(Tensor joined, long row) {
        return joined.select(0, row).narrow(0, heads + groups, groups);
    }

    private VisibleKeys.Block block(long at) {
        long n = Math.min(BLOCK, length - at);
        long from = window.isPresent() ? Math.max(0, at - window.getAsInt() + 1) : 0;
        return new VisibleKeys.Block(at, n, from, at + n - from);
    }

    private void forward(Tensor joined) {
        forEachRow(row -> {
            Tensor q = queries(inputs, row);
            Tensor k = keys(inputs, row);
            Tensor v = values(inputs, row);
            Tensor o = queries(joined, row);
            for (long at = 0; at < length; at += BLOCK) {
                VisibleKeys.Block block = block(at);
                Tensor p = probabilities(flat(block.queries(q)), block.keys(k), row, block)
                        .p();
                Tensor mixed = MatMul.batched(p.to(inputs.scalar_type()), block.keys(v));
                Tensor target = block.queries(o);
                target.copy_(mixed.view_as(target));
            }
        });
    }

    /// The attention probabilities of a block, and the tanh that their gradient needs, each [K, G n, t].
    ///
    /// @param p float32
    /// @param tanh tanh(s q k^T / c), if there is a cap
    private record Scored(Tensor p, Optional<Tensor> tanh) {}

    /// @param q [K, G n, D]
    /// @param k [K, t, D]
    private Scored probabilities(Tensor q, Tensor k, long row, VisibleKeys.Block block) {
        Tensor scores = MatMul.batched(q, k.transpose(1, 2));
        // Not mul_, which would round the factor to bfloat16 too.
        if (function.scale() != 1) {
            scores = scores.mul(new Scalar(function.scale()));
        }
        Optional<Tensor> tanh = Optional.empty();
        if (function.cap().isPresent()) {
            Scalar cap = new Scalar(function.cap().getAsDouble());
            tanh = Optional.of(scores.div_(cap).tanh_());
            scores = scores.mul(cap);
        }
        hide(scores.view(groups, perGroup, block.n(), block.t()), row, block);
        return new Scored(Ops.softmax(scores, Dtype.FLOAT32), tanh);
    }

    /// dL/d(q k^T), rounded after each step.
    ///
    /// @param dS [K, G n, t], the gradient of the input of the softmax
    private Tensor throughScores(Tensor dS, Optional<Tensor> tanh) {
        Tensor d = dS;
        if (tanh.isPresent()) {
            Scalar cap = new Scalar(function.cap().getAsDouble());
            d = torch.tanh_backward(d.mul(cap), tanh.get()).div_(cap);
        }
        return function.scale() == 1 ? d : d.mul(new Scalar(function.scale()));
    }

    private static Tensor flat(Tensor x) {
        return x.reshape(x.size(0), -1, x.size(3));
    }

    /// With p as above and dp = do vᵀ: dv = pᵀ do, ds = p ⊙ (dp - Σ p ⊙ dp), and with dr the gradient of q kᵀ: dq
    /// = dr k, dk = drᵀ q. Sums over blocks are kept in float32.
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
            Tensor dK = Ops.newZeros(k, Dtype.FLOAT32, groups, length, k.size(2));
            Tensor dV = torch.zeros_like(dK);
            for (long at = 0; at < length; at += BLOCK) {
                VisibleKeys.Block block = block(at);
                Tensor queries = flat(block.queries(q));
                Scored scored = probabilities(queries, block.keys(k), row, block);
                Tensor p = scored.p();
                Tensor dOut = flat(block.queries(dO));
                block.keys(dV).add_(MatMul.batched(p.to(inputs.scalar_type()).transpose(1, 2), dOut));
                Tensor dP = Ops.cast(MatMul.batched(dOut, block.keys(v).transpose(1, 2)), Dtype.FLOAT32);
                Tensor dS = Ops.softmaxGradient(dP, p).to(inputs.scalar_type());
                Tensor dR = throughScores(dS, scored.tanh());
                block.keys(dK).add_(MatMul.batched(dR.transpose(1, 2), queries));
                Tensor target = block.queries(dQ);
                target.copy_(MatMul.batched(dR, block.keys(k)).view_as(target));
            }
            keys(gradients, row).copy_(dK);
            values(gradients, row).copy_(dV);
        });
        return gradients;
    }
}
