package dev.bowline.model.decoder;

import dev.bowline.nn.AttentionMask;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.Placement;
import dev.bowline.nn.PositionScale;
import dev.bowline.nn.Rope;
import dev.bowline.nn.RotaryEmbedding;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;

/// The state that the attention layers of one forward pass share: rotations, masks and position factors, each
/// made once, the cache, and the keys and values that later layers reuse.
///
/// The context lives as long as the scope of that pass. Reuse of keys and values does not depend on the cache.
final class AttentionContext {

    private final Map<Rope, RotaryEmbedding.Table> rotations = new HashMap<>();
    private final Map<OptionalInt, AttentionMask> masks = new HashMap<>();
    private final Map<PositionScale, Tensor> scales = new HashMap<>();
    private final Map<Integer, KeyValueCache.Entry> shared = new HashMap<>();
    private final Optional<KeyValueCache> cache;

    AttentionContext(DecoderConfig config, Sequences sequences, Placement placement, Optional<KeyValueCache> cache) {
        this(config, config.layers(), sequences, placement, cache);
    }

    private AttentionContext(
            DecoderConfig config,
            List<LayerConfig> layers,
            Sequences sequences,
            Placement placement,
            Optional<KeyValueCache> cache) {
        this.cache = cache;
        Placement angles = switch (config.style().rotation()) {
            case AS_MODEL -> placement;
            case FLOAT32 -> placement.in(Dtype.FLOAT32);
        };
        for (LayerConfig layer : layers) {
            AttentionConfig attention = layer.attention();
            attention.rope().ifPresent(rope -> rotations.computeIfAbsent(rope, each -> sequences.rotate(each, angles)));
            masks.computeIfAbsent(attention.window(), window -> sequences.mask(window, placement));
            attention
                    .positionScale()
                    .ifPresent(scale -> scales.computeIfAbsent(scale, each -> sequences.scale(each, placement)));
        }
    }

    /// The context of one layer that runs apart from the others and without a cache.
    static AttentionContext ofLayer(DecoderConfig config, int index, Sequences sequences, Placement placement) {
        return new AttentionContext(
                config, List.of(config.layers().get(index)), sequences, placement, Optional.empty());
    }

    RotaryEmbedding.Table rotation(Rope rope) {
        return Objects.requireNonNull(rotations.get(rope));
    }

    AttentionMask mask(OptionalInt window) {
        return Objects.requireNonNull(masks.get(window));
    }

    Tensor scale(PositionScale scale) {
        return Objects.requireNonNull(scales.get(scale));
    }

    /// Adds a layer's fresh keys and values to the cache, if there is one.
    ///
    /// @param fresh each [B, K, S, D]
    /// @return all that its queries may look at
    KeyValueCache.Entry append(int layer, KeyValueCache.Entry fresh) {
        return cache.isPresent() ? cache.get().append(layer, fresh) : fresh;
    }

    /// Keeps a layer's keys and values for later layers, past the scope of the layer that made them.
    void share(int layer, KeyValueCache.Entry entry, TensorScope scope) {
        scope.escape(entry.keys());
        scope.escape(entry.values());
        share(layer, entry);
    }

    /// Keeps a layer's keys and values for later layers. They belong to the scope of the forward pass.
    void share(int layer, KeyValueCache.Entry entry) {
        shared.put(layer, entry);
    }

    /// The keys and values that an earlier layer of this pass shared.
    KeyValueCache.Entry sharedBy(int layer) {
        return Objects.requireNonNull(shared.get(layer), "layer shared nothing");
    }
}
