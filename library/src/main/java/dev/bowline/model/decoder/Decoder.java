package dev.bowline.model.decoder;

import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.nn.BackwardNotice;
import dev.bowline.nn.Embedding;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Layer;
import dev.bowline.nn.LayerPasses;
import dev.bowline.nn.Placement;
import dev.bowline.nn.RmsNorm;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A decoder without its head: the language model that transformers calls `LlamaModel`, `Gemma4TextModel` and
/// so on.
///
/// Shapes: B rows, S positions, H hidden size.
public final class Decoder extends Layer {

    private final Optional<PerLayerEmbedding> perLayer;
    private final List<DecoderLayer> layers = new ArrayList<>();
    private final RmsNorm norm;
    private DecoderConfig config;
    private Embedding tokens;
    private LayerPasses passes = LayerPasses.NONE;

    /// Builds the layers without values.
    ///
    /// @param path the name in a state dict, such as `model`
    public Decoder(String path, DecoderConfig config) {
        super(path);
        this.config = config;
        DecoderConfig.Size size = config.size();
        tokens = child(new Embedding(path("embed_tokens"), size.vocabulary(), size.hidden(), size.paddingId()));
        perLayer = config.perLayerEmbedding().map(declared -> child(new PerLayerEmbedding(path, config, declared)));
        for (int i = 0; i < config.layers().size(); i++) {
            layers.add(child(new DecoderLayer(path("layers." + i), config, i)));
        }
        norm = child(new RmsNorm(
                path("norm"), size.hidden(), size.epsilon(), config.style().norms()));
    }

    /// The declaration that the decoder was built from.
    public DecoderConfig config() {
        return config;
    }

    /// The decoder layers, in their order.
    public List<Layer> layers() {
        return List.copyOf(layers);
    }

    /// Calls `observer` at the moments of every later pass, in place of the observer before.
    public void observe(LayerPasses observer) {
        passes = observer;
    }

    /// The input embedding.
    public Embedding tokens() {
        return tokens;
    }

    /// Gives the token embedding and the per-layer embedding the number of rows of `resized`, by
    /// [ResizedRows]. Frees the old tables.
    ///
    /// @param resized the declaration with other numbers of rows
    public void resizeVocabulary(DecoderConfig resized) {
        DecoderConfig.Size size = resized.size();
        Embedding old = tokens;
        tokens = replaceChild(old, old.resized(size.vocabulary(), size.paddingId()));
        old.weight().get().close();
        perLayer.ifPresent(embedding ->
                embedding.resize(resized.perLayerEmbedding().orElseThrow().vocabulary(), size.paddingId()));
        config = resized;
    }

    /// An empty cache. Layers that reuse the keys and values of an earlier one leave their entry empty.
    public KeyValueCache newCache() {
        return new KeyValueCache(config.layers().stream()
                .map(layer -> layer.attention().window())
                .toList());
    }

    /// The hidden states after the final norm.
    ///
    /// @param ids [B, S] int64, on any device: the decoder moves them to its own
    /// @param cache the earlier positions, advanced by S; empty to attend within this call only
    /// @param checkpointing the activations to keep for a backward pass; a call with a cache keeps all
    /// @return [B, S, H], owned by the caller's scope
    public Tensor forward(
            Tensor ids, Sequences sequences, Optional<KeyValueCache> cache, ActivationCheckpointing checkpointing) {
        try (var scope = TensorScope.open()) {
            passes.begin();
            Placement placement = tokens.placement();
            Tensor found = withoutPlaceholders(placement.device().place(ids));
            Tensor h = embed(found, placement.dtype());
            Optional<Tensor> e =
                    perLayer.isPresent() ? Optional.of(perLayer.get().forward(found, h)) : Optional.empty();
            AttentionContext context = new AttentionContext(config, sequences, placement, cache);
            for (int i = 0; i < layers.size(); i++) {
                int index = i;
                Optional<Tensor> slice = e.map(all -> all.select(2, index));
                DecoderLayer layer = layers.get(i);
                passes.beforeForward(i);
                h = switch (cache.isPresent() ? ActivationCheckpointing.OFF : checkpointing) {
                    case OFF -> layer.forward(h, slice, context);
                    case PER_LAYER ->
                        new CheckpointedLayer(layer, index, config, sequences, placement).forward(h, slice, context);
                };
                passes.afterForward(i);
                if (passes != LayerPasses.NONE && h.requires_grad()) {
                    h = BackwardNotice.before(h, () -> passes.beforeBackward(index));
                }
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
                rows.mul(Ops.full(Device.CPU, dtype, Math.sqrt(config.size().hidden())));
        };
    }

    /// Replaces the ids of an image, a video or a sound by the padding id, as transformers does.
    ///
    /// @return [B, S]
    private Tensor withoutPlaceholders(Tensor ids) {
        long[] placeholders = config.placeholders().stream()
                .mapToLong(Long::longValue)
                .filter(id -> id < config.size().vocabulary())
                .toArray();
        if (placeholders.length == 0 || config.size().paddingId().isEmpty()) {
            return ids;
        }
        Tensor absent = torch.isin(ids, Device.of(ids).place(HostTensors.of(placeholders, placeholders.length)));
        return ids.masked_fill(absent, new Scalar(config.size().paddingId().getAsLong()));
    }
}
