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
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// Grouped-query attention with the options that a layer's config declares: projections, norms per head,
/// rotation, window, and keys and values of its own or of an earlier layer.
///
/// Shapes: B rows, S positions, N query heads, K key/value heads, D head size, H hidden size.
final class Attention extends Layer {

    private final int index;
    private final boolean isReused;
    private final AttentionConfig config;
    private final Inputs inputs;
    private final Linear output;
    private final Norms norms;

    /// The projections of the layer's input.
    private sealed interface Inputs {

        record Separate(Linear queries, Linear keys, Linear values) implements Inputs {}

        record Fused(Linear all) implements Inputs {}

        record ValuesAreKeys(Linear queries, Linear keys) implements Inputs {}

        record QueriesOnly(Linear queries, int keyValueLayer) implements Inputs {}
    }

    private record Norms(Optional<RmsNorm> queries, Optional<RmsNorm> keys, Optional<RmsNorm> values) {}

    /// Projections before norms and rotation.
    private sealed interface KeyValues {

        /// @param k [B, S, K, D]
        /// @param v as k
        record Fresh(Tensor k, Tensor v) implements KeyValues {}

        record OfLayer(int index) implements KeyValues {}
    }

    /// @param q [B, S, N, D]
    private record Projected(Tensor q, KeyValues keyValues) {}

    Attention(String path, DecoderConfig decoder, int index) {
        super(path);
        this.index = index;
        isReused = decoder.isReused(index);
        config = decoder.layers().get(index).attention();
        int hidden = decoder.size().hidden();
        long queries = (long) config.heads().queries() * config.heads().width();
        inputs = inputs(hidden, queries);
        // Slots have an order, in which a gradient norm sums: the norm of the keys comes first where values have one.
        Optional<RmsNorm> keyNorm = config.norms() == AttentionConfig.HeadNorms.QUERIES_KEYS_AND_VALUES
                ? keyNorm(decoder)
                : Optional.empty();
        output = child(new Linear(path("o_proj"), queries, hidden, outputBias()));
        norms = switch (config.norms()) {
            case NONE -> new Norms(Optional.empty(), Optional.empty(), Optional.empty());
            case QUERIES_AND_KEYS -> new Norms(norm("q_norm", decoder), keyNorm(decoder), Optional.empty());
            case QUERIES_KEYS_AND_VALUES ->
                new Norms(
                        norm("q_norm", decoder),
                        keyNorm,
                        Optional.of(child(new RmsNorm(
                                path("v_norm"),
                                config.heads().width(),
                                decoder.size().epsilon(),
                                RmsNorm.Scale.NONE))));
        };
    }

    private Inputs inputs(int hidden, long queries) {
        long keyValues = (long) config.heads().keyValues() * config.heads().width();
        return switch (config.projections()) {
            case AttentionConfig.Projections.Separate separate ->
                new Inputs.Separate(
                        child(new Linear(path("q_proj"), hidden, queries, separate.inputs())),
                        child(new Linear(path("k_proj"), hidden, keyValues, separate.inputs())),
                        child(new Linear(path("v_proj"), hidden, keyValues, separate.inputs())));
            case AttentionConfig.Projections.Fused fused ->
                new Inputs.Fused(child(new Linear(path(fused.name()), hidden, queries + 2 * keyValues)));
            case AttentionConfig.Projections.ValuesAreKeys shared ->
                new Inputs.ValuesAreKeys(
                        child(new Linear(path("q_proj"), hidden, queries, shared.inputs())),
                        child(new Linear(path("k_proj"), hidden, keyValues, shared.inputs())));
            case AttentionConfig.Projections.QueriesOnly only ->
                new Inputs.QueriesOnly(
                        child(new Linear(path("q_proj"), hidden, queries, only.input())), only.keyValueLayer());
        };
    }

    private Linear.Bias outputBias() {
        return switch (config.projections()) {
            case AttentionConfig.Projections.Separate separate -> separate.output();
            case AttentionConfig.Projections.Fused _ -> Linear.Bias.NONE;
            case AttentionConfig.Projections.ValuesAreKeys shared -> shared.output();
            case AttentionConfig.Projections.QueriesOnly only -> only.output();
        };
    }

    private Optional<RmsNorm> keyNorm(DecoderConfig decoder) {
        return config.projections() instanceof AttentionConfig.Projections.QueriesOnly
                ? Optional.empty()
                : norm("k_norm", decoder);
    }

    private Optional<RmsNorm> norm(String name, DecoderConfig decoder) {
        return Optional.of(child(new RmsNorm(
                path(name),
                config.heads().width(),
                decoder.size().epsilon(),
                decoder.style().norms())));
    }

    /// @param x [B, S, H]
    /// @param scope the layer's scope, from which keys and values that a later layer reuses escape
    /// @return [B, S, H]
    Tensor forward(Tensor x, AttentionContext context, TensorScope scope) {
        Projected p = project(x);

        // q = rope(norm(W_q x)), with a factor per position in some families
        Tensor q = rotate(normed(norms.queries(), p.q()), context);
        if (config.positionScale().isPresent()) {
            q = q.mul(context.scale(config.positionScale().get()));
        }
        KeyValueCache.Entry all = switch (p.keyValues()) {
            case KeyValues.Fresh fresh -> context.append(index, entry(fresh, context));
            case KeyValues.OfLayer(int layer) -> context.sharedBy(layer);
        };
        if (isReused) {
            context.share(index, all, scope);
        }

        // o = softmax(s q k^T + mask) v
        Tensor o = attend(q.transpose(1, 2), all, context.mask(config.window()));
        return output.forward(o.view(x.size(0), x.size(1), -1));
    }

    private Projected project(Tensor x) {
        AttentionConfig.Heads heads = config.heads();
        return switch (inputs) {
            case Inputs.Separate(Linear queries, Linear keys, Linear values) ->
                new Projected(
                        split(queries.forward(x), heads.queries()),
                        new KeyValues.Fresh(
                                split(keys.forward(x), heads.keyValues()),
                                split(values.forward(x), heads.keyValues())));
            case Inputs.Fused(Linear all) -> {
                Tensor joined = split(all.forward(x), heads.queries() + 2L * heads.keyValues());
                yield new Projected(
                        joined.narrow(2, 0, heads.queries()),
                        new KeyValues.Fresh(
                                joined.narrow(2, heads.queries(), heads.keyValues()),
                                joined.narrow(2, (long) heads.queries() + heads.keyValues(), heads.keyValues())));
            }
            case Inputs.ValuesAreKeys(Linear queries, Linear keys) -> {
                Tensor q = split(queries.forward(x), heads.queries());
                Tensor k = split(keys.forward(x), heads.keyValues());
                yield new Projected(q, new KeyValues.Fresh(k, k));
            }
            case Inputs.QueriesOnly(Linear queries, int layer) ->
                new Projected(split(queries.forward(x), heads.queries()), new KeyValues.OfLayer(layer));
        };
    }

    /// @param projected [B, S, count D]
    /// @return [B, S, count, D]
    private Tensor split(Tensor projected, long count) {
        return projected.view(
                projected.size(0), projected.size(1), count, config.heads().width());
    }

    /// k = rope(norm(W_k x)), v = W_v x, normed in some families; each [B, K, S, D].
    private KeyValueCache.Entry entry(KeyValues.Fresh fresh, AttentionContext context) {
        Tensor k = rotate(normed(norms.keys(), fresh.k()), context);
        Tensor v = normed(norms.values(), fresh.v());
        return new KeyValueCache.Entry(k.transpose(1, 2), v.transpose(1, 2));
    }

    private static Tensor normed(Optional<RmsNorm> norm, Tensor x) {
        return norm.isPresent() ? norm.get().forward(x) : x;
    }

    private Tensor rotate(Tensor x, AttentionContext context) {
        if (config.rope().isEmpty()) {
            return x;
        }
        Rope rope = config.rope().get();
        return rope.rotate(kernels(), x, context.rotation(rope)).to(x.scalar_type());
    }

    private Tensor attend(Tensor q, KeyValueCache.Entry all, AttentionMask mask) {
        boolean scalesExactly = Dtype.of(q.scalar_type()) == Dtype.FLOAT32 || ScaledAttention.isExact(config.scale());
        if (config.softcap().isEmpty() && scalesExactly) {
            Tensor scaled = config.scale() == 1 ? q : Ops.times(q, config.scale());
            return DotProductAttention.attend(kernels(), scaled, all.keys(), all.values(), mask);
        }
        return ScaledAttention.attend(
                kernels(),
                q,
                all.keys(),
                all.values(),
                mask,
                new ScaledAttention.Scores(config.scale(), config.softcap()));
    }
}
