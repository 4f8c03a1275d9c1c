package dev.bowline.model.gemma4;

import dev.bowline.nn.Embedding;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Layer;
import dev.bowline.nn.Linear;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// The Gemma 4 decoder without its head (transformers: `Gemma4TextModel`).
///
/// Shapes: B rows, S positions, H hidden size, L layers, P per-layer width.
final class TextModel extends Layer {

    private final Gemma4Config config;
    private final Embedding tokens;
    private final Optional<PerLayerEmbedding> perLayer;
    private final List<DecoderLayer> layers = new ArrayList<>();
    private final RmsNorm norm;

    TextModel(String path, Gemma4Config config) {
        super(path);
        this.config = config;
        tokens = child(
                new Embedding(path("embed_tokens"), config.vocabulary(), config.hiddenSize(), config.paddingId()));
        perLayer = config.perLayer().map(settings -> new PerLayerEmbedding(config, settings));
        for (int i = 0; i < config.layers().size(); i++) {
            layers.add(child(new DecoderLayer(path("layers." + i), config, i)));
        }
        norm = child(new RmsNorm(path("norm"), config.hiddenSize(), config.epsilon()));
    }

    Gemma4Config config() {
        return config;
    }

    Embedding tokens() {
        return tokens;
    }

    List<DecoderLayer> layers() {
        return layers;
    }

    KeyValueCache newCache() {
        List<OptionalInt> windows = new ArrayList<>();
        for (int i = 0; i < config.layers().size() - config.sharedLayers(); i++) {
            windows.add(config.layers().get(i).window());
        }
        return new KeyValueCache(windows);
    }

    /// @param ids [B, S] int64
    /// @return [B, S, H], owned by the caller's scope
    Tensor forward(Tensor ids, Sequences sequences, Optional<KeyValueCache> cache) {
        try (var scope = TensorScope.open()) {
            // h0 = sqrt(H) E[ids], the factor rounded to the model's dtype first
            Dtype dtype = Dtype.of(tokens.weight().tensor().scalar_type());
            Tensor found = withoutPlaceholders(ids);
            Tensor h = tokens.forward(found).mul(Ops.full(dtype, Math.sqrt(config.hiddenSize())));
            Optional<Tensor> e =
                    perLayer.isPresent() ? Optional.of(perLayer.get().forward(found, h)) : Optional.empty();
            AttentionContext context = new AttentionContext(config, sequences, dtype, cache);
            for (int i = 0; i < layers.size(); i++) {
                int layer = i;
                h = layers.get(i).forward(h, e.map(all -> all.select(2, layer)), context);
            }
            cache.ifPresent(c -> c.advance(sequences.length()));
            return scope.escape(norm.forward(h));
        }
    }

    /// The padding id where an image, a video or a sound would be, as in transformers.
    ///
    /// @return [B, S]
    private Tensor withoutPlaceholders(Tensor ids) {
        long[] placeholders = config.placeholders().stream()
                .mapToLong(Long::longValue)
                .filter(id -> id < config.vocabulary())
                .toArray();
        if (placeholders.length == 0 || config.paddingId().isEmpty()) {
            return ids;
        }
        Tensor absent = torch.isin(ids, HostTensors.of(placeholders, placeholders.length));
        return ids.masked_fill(absent, new Scalar(config.paddingId().getAsLong()));
    }

    /// The per-layer embedding of the tokens: `(norm(W h0 / sqrt(H)) + sqrt(P) E_p[ids]) / sqrt(2)`.
    private final class PerLayerEmbedding {

        private final Embedding table;
        private final Linear projection;
        private final RmsNorm projectionNorm;
        private final int width;

        PerLayerEmbedding(Gemma4Config config, Gemma4Config.PerLayer settings) {
            width = settings.width();
            long packed = (long) config.layers().size() * width;
            table = child(
                    new Embedding(path("embed_tokens_per_layer"), settings.vocabulary(), packed, config.paddingId()));
            projection = child(new Linear(path("per_layer_model_projection"), config.hiddenSize(), packed));
            projectionNorm = child(new RmsNorm(path("per_layer_projection_norm"), width, config.epsilon()));
        }

        /// @return [B, S, L, P]
        Tensor forward(Tensor ids, Tensor h0) {
            long[] split = {ids.size(0), ids.size(1), config.layers().size(), width};
            Dtype dtype = Dtype.of(h0.scalar_type());
            Tensor fromTokens =
                    table.forward(ids).mul(Ops.full(dtype, Math.sqrt(width))).view(split);
            Tensor projected = projection.forward(h0).mul(new Scalar(Math.pow(config.hiddenSize(), -0.5)));
            Tensor fromContext = projectionNorm.forward(projected.view(split));
            return fromContext.add(fromTokens).mul(new Scalar(Math.pow(2, -0.5)));
        }
    }
}
