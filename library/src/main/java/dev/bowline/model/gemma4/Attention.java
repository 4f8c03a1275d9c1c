package dev.bowline.model.gemma4;

import dev.bowline.nn.DotProductAttention;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.RotaryEmbedding;
import dev.bowline.tensor.TensorScope;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// Gemma 4 attention (transformers: `Gemma4TextAttention`): normed and rotated queries and keys, normed values, scores
/// without a scale.
///
/// Shapes: B rows, S positions, N query heads, K key/value heads, D head size, H hidden size.
final class Attention extends Layer {

    private final int index;
    private final int keyValueLayer;
    private final boolean shares;
    private final AttentionKind kind;
    private final int heads;
    private final Linear queries;
    private final RmsNorm queryNorm;
    private final Optional<KeyValues> own;
    private final Linear output;

    /// The projections of a layer that has keys and values of its own.
    private record KeyValues(Linear keys, Optional<Linear> values, RmsNorm keyNorm, RmsNorm valueNorm) {}

    Attention(String path, Gemma4Config config, int index) {
        super(path);
        this.index = index;
        kind = config.layers().get(index);
        heads = config.heads();
        keyValueLayer = config.keyValueLayer(index);
        shares = config.sharesWithLaterLayers(index);
        Linear.Bias bias = config.attentionBias() ? Linear.Bias.PRESENT : Linear.Bias.NONE;
        int width = kind.headDim();
        queries = child(new Linear(path("q_proj"), config.hiddenSize(), (long) heads * width, bias));
        own = config.isShared(index) ? Optional.empty() : Optional.of(keyValues(config, bias));
        output = child(new Linear(path("o_proj"), (long) heads * width, config.hiddenSize(), bias));
        queryNorm = child(new RmsNorm(path("q_norm"), width, config.epsilon()));
    }

    private KeyValues keyValues(Gemma4Config config, Linear.Bias bias) {
        long width = (long) kind.keyValueHeads() * kind.headDim();
        Linear keys = child(new Linear(path("k_proj"), config.hiddenSize(), width, bias));
        Optional<Linear> values = kind.valuesAreKeys()
                ? Optional.empty()
                : Optional.of(child(new Linear(path("v_proj"), config.hiddenSize(), width, bias)));
        RmsNorm keyNorm = child(new RmsNorm(path("k_norm"), kind.headDim(), config.epsilon()));
        RmsNorm valueNorm = child(new RmsNorm(path("v_norm"), kind.headDim(), config.epsilon(), RmsNorm.Scale.NONE));
        return new KeyValues(keys, values, keyNorm, valueNorm);
    }

    /// @param scope the layer's scope, from which shared keys and values escape
    /// @param x [B, S, H]
    /// @return [B, S, H]
    Tensor forward(TensorScope scope, Tensor x, AttentionContext context) {
        long rows = x.size(0);
        long length = x.size(1);
        RotaryEmbedding.Table rotation = context.rotation(kind);

        // q = rope(norm(W_q x))
        Tensor q = RotaryEmbedding.rotate(
                        queryNorm.forward(queries.forward(x).view(rows, length, heads, kind.headDim())), rotation)
                .transpose(1, 2);
        KeyValueCache.Entry keyValues = own.isPresent()
                ? context.append(index, fresh(own.get(), x, rotation))
                : context.sharedBy(keyValueLayer);
        if (shares) {
            context.share(index, keyValues, scope);
        }

        // o = softmax(q k^T + mask) v
        Tensor o = DotProductAttention.attend(q, keyValues.keys(), keyValues.values(), context.mask(kind));
        return output.forward(o.view(rows, length, (long) heads * kind.headDim()));
    }

    private KeyValueCache.Entry fresh(KeyValues own, Tensor x, RotaryEmbedding.Table rotation) {
        long[] split = {x.size(0), x.size(1), kind.keyValueHeads(), kind.headDim()};

        // k = rope(norm(W_k x)); v = norm(W_v x), or the raw keys normed when there is no W_v
        Tensor rawKeys = own.keys().forward(x).view(split);
        Tensor rawValues =
                own.values().isPresent() ? own.values().get().forward(x).view(split) : rawKeys;
        Tensor k = RotaryEmbedding.rotate(own.keyNorm().forward(rawKeys), rotation);
        Tensor v = own.valueNorm().forward(rawValues);
        return new KeyValueCache.Entry(k.transpose(1, 2), v.transpose(1, 2));
    }
}
