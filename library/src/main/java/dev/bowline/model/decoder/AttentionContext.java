package dev.bowline.model.decoder;

import dev.bowline.nn.AttentionMask;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.PositionScale;
import dev.bowline.nn.Rope;
import dev.bowline.nn.RotaryEmbedding;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Dtype;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;

/// What the attention layers of one forward pass share: rotations, masks and factors, each made once, and the
/// cache.
///
/// It lives as long as the scope of that pass.
final class AttentionContext {

    private final Map<Rope, RotaryEmbedding.Table> rotations = new HashMap<>();
    private final Map<OptionalInt, AttentionMask> masks = new HashMap<>();
    private final Map<PositionScale, Tensor> scales = new HashMap<>();
    private final Optional<KeyValueCache> cache;

    AttentionContext(DecoderConfig config, Sequences sequences, Dtype dtype, Optional<KeyValueCache> cache) {
        this.cache = cache;
        Dtype angles = switch (config.style().rotation()) {
            case AS_MODEL -> dtype;
            case FLOAT32 -> Dtype.FLOAT32;
        };
        for (LayerConfig layer : config.layers()) {
            AttentionConfig attention = layer.attention();
            attention.rope().ifPresent(rope -> rotations.computeIfAbsent(rope, each -> sequences.rotate(each, angles)));
            masks.computeIfAbsent(attention.window(), window -> sequences.mask(window, dtype));
            attention
                    .positionScale()
                    .ifPresent(scale -> scales.computeIfAbsent(scale, each -> sequences.scale(each, dtype)));
        }
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
}
