package dev.bowline.model.decoder;

import dev.bowline.nn.AttentionMask;
import dev.bowline.nn.DotProductAttention;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Rope;
import dev.bowline.nn.ScaledAttention;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// Grouped-query attention with what a layer's config declares: windows, rotation, norms of queries and keys.
///
/// Shapes: B rows, S positions, N query heads, K key/value heads, D head size, H hidden size.
final class Attention extends Layer {

    private final int index;
    private final AttentionConfig config;
    private final List<Linear> inputs = new ArrayList<>();
    private final Linear output;
    private final Optional<Norms> norms;

    private record Norms(RmsNorm queries, RmsNorm keys) {}

    /// Before they turn.
    ///
    /// @param q [B, S, N, D]
    /// @param k [B, S, K, D]
    /// @param v as k
    private record Projected(Tensor q, Tensor k, Tensor v) {}

    Attention(String path, DecoderConfig decoder, int index) {
        super(path);
        this.index = index;
        config = decoder.layers().get(index).attention();
        int hidden = decoder.size().hidden();
        long queries = (long) config.heads().queries() * config.heads().width();
        long keyValues = (long) config.heads().keyValues() * config.heads().width();
        Linear.Bias outputBias = switch (config.projections()) {
            case AttentionConfig.Projections.Separate(Linear.Bias bias, Linear.Bias out) -> {
                inputs.add(child(new Linear(path("q_proj"), hidden, queries, bias)));
                inputs.add(child(new Linear(path("k_proj"), hidden, keyValues, bias)));
                inputs.add(child(new Linear(path("v_proj"), hidden, keyValues, bias)));
                yield out;
            }
            case AttentionConfig.Projections.Fused(String name) -> {
                inputs.add(child(new Linear(path(name), hidden, queries + 2 * keyValues)));
                yield Linear.Bias.NONE;
            }
        };
        output = child(new Linear(path("o_proj"), queries, hidden, outputBias));
        norms = switch (config.queryKeyNorm()) {
            case NONE -> Optional.empty();
            case PER_HEAD -> Optional.of(new Norms(norm("q_norm", decoder), norm("k_norm", decoder)));
        };
    }

    private RmsNorm norm(String name, DecoderConfig decoder) {
        return child(new RmsNorm(
                path(name),
                config.heads().width(),
                decoder.size().epsilon(),
                decoder.style().norms()));
    }

    /// @param x [B, S, H]
    /// @return [B, S, H]
    Tensor forward(Tensor x, AttentionContext context) {
        Projected p = project(x);
        Tensor q = p.q();
        Tensor k = p.k();
        if (norms.isPresent()) {
            q = norms.get().queries().forward(q);
            k = norms.get().keys().forward(k);
        }
        if (config.rope().isPresent()) {
            Rope rope = config.rope().get();
            q = rope.rotate(q, context.rotation(rope)).to(x.scalar_type());
            k = rope.rotate(k, context.rotation(rope)).to(x.scalar_type());
        }
        if (config.positionScale().isPresent()) {
            q = q.mul(context.scale(config.positionScale().get()));
        }
        KeyValueCache.Entry all =
                context.append(index, new KeyValueCache.Entry(k.transpose(1, 2), p.v().transpose(1, 2)));

        // o = softmax(s q k^T + mask) v
        Tensor o = attend(q.transpose(1, 2), all, context.mask(config.window()));
        return output.forward(o.view(x.size(0), x.size(1), -1));
    }

    private Projected project(Tensor x) {
        long rows = x.size(0);
        long length = x.size(1);
        AttentionConfig.Heads heads = config.heads();
        if (inputs.size() == 1) {
            Tensor all = inputs.getFirst()
                    .forward(x)
                    .view(rows, length, heads.queries() + 2L * heads.keyValues(), heads.width());
            return new Projected(
                    all.narrow(2, 0, heads.queries()),
                    all.narrow(2, heads.queries(), heads.keyValues()),
                    all.narrow(2, (long) heads.queries() + heads.keyValues(), heads.keyValues()));
        }
        return new Projected(
                inputs.get(0).forward(x).view(rows, length, heads.queries(), heads.width()),
                inputs.get(1).forward(x).view(rows, length, heads.keyValues(), heads.width()),
                inputs.get(2).forward(x).view(rows, length, heads.keyValues(), heads.width()));
    }

    private Tensor attend(Tensor q, KeyValueCache.Entry all, AttentionMask mask) {
        boolean scalesExactly = Dtype.of(q.scalar_type()) == Dtype.FLOAT32 || ScaledAttention.isExact(config.scale());
        if (config.softcap().isEmpty() && scalesExactly) {
            return DotProductAttention.attend(Ops.times(q, config.scale()), all.keys(), all.values(), mask);
        }
        return ScaledAttention.attend(
                q, all.keys(), all.values(), mask, new ScaledAttention.Scores(config.scale(), config.softcap()));
    }
}
