package dev.bowline.model.decoder;

import dev.bowline.nn.Embedding;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Layer;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/// A decoder without its head.
///
/// Shapes: B rows, S positions, H hidden size.
final class Decoder extends Layer {

    private final DecoderConfig config;
    private final Embedding tokens;
    private final List<DecoderLayer> layers = new ArrayList<>();
    private final RmsNorm norm;

    Decoder(String path, DecoderConfig config) {
        super(path);
        this.config = config;
        DecoderConfig.Size size = config.size();
        tokens = child(new Embedding(path("embed_tokens"), size.vocabulary(), size.hidden(), size.paddingId()));
        for (int i = 0; i < config.layers().size(); i++) {
            layers.add(child(new DecoderLayer(path("layers." + i), config, i)));
        }
        norm = child(new RmsNorm(
                path("norm"), size.hidden(), size.epsilon(), config.style().norms()));
    }

    DecoderConfig config() {
        return config;
    }

    Embedding tokens() {
        return tokens;
    }

    KeyValueCache newCache() {
        return new KeyValueCache(config.layers().stream()
                .map(layer -> layer.attention().window())
                .toList());
    }

    /// @param ids [B, S] int64
    /// @return [B, S, H], owned by the caller's scope
    Tensor forward(Tensor ids, Sequences sequences, Optional<KeyValueCache> cache) {
        try (var scope = TensorScope.open()) {
            Dtype dtype = Dtype.of(tokens.weight().tensor().scalar_type());
            Tensor h = embed(ids, dtype);
            AttentionContext context = new AttentionContext(config, sequences, dtype, cache);
            for (DecoderLayer layer : layers) {
                h = layer.forward(h, context);
            }
            cache.ifPresent(c -> c.advance(sequences.length()));
            return scope.escape(norm.forward(h));
        }
    }

    private Tensor embed(Tensor ids, Dtype dtype) {
        Tensor rows = tokens.forward(ids);
        return switch (config.style().embedding()) {
            case AS_STORED -> rows;
            case TIMES_ROOT_OF_WIDTH ->
                rows.mul(Ops.full(dtype, Math.sqrt(config.size().hidden())));
        };
    }
}
