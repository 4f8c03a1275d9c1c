package dev.bowline.model.gemma4;

import dev.bowline.nn.AttentionMask;
import dev.bowline.nn.KeyValueCache;
import dev.bowline.nn.RotaryEmbedding;
import dev.bowline.nn.Sequences;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// What the attention layers of one forward pass share: rotations and masks per kind, the cache, and the keys and
/// values that later layers reuse.
///
/// It lives as long as the scope of that pass. Reuse does not depend on the cache: a pass without one shares as well.
final class AttentionContext {

    private final Map<AttentionKind, RotaryEmbedding.Table> rotations = new HashMap<>();
    private final Map<AttentionKind, AttentionMask> masks = new HashMap<>();
    private final Map<Integer, KeyValueCache.Entry> shared = new HashMap<>();
    private final Optional<KeyValueCache> cache;

    AttentionContext(Gemma4Config config, Sequences sequences, Dtype dtype, Optional<KeyValueCache> cache) {
        this.cache = cache;
        for (AttentionKind kind : config.layers()) {
            rotations.computeIfAbsent(
                    kind, _ -> sequences.rotate(config.rotary(kind).rotary(kind.headDim()), dtype));
            masks.computeIfAbsent(kind, _ -> sequences.mask(kind.window(), dtype));
        }
    }

    RotaryEmbedding.Table rotation(AttentionKind kind) {
        return Objects.requireNonNull(rotations.get(kind));
    }

    AttentionMask mask(AttentionKind kind) {
        return Objects.requireNonNull(masks.get(kind));
    }

    /// Adds a layer's fresh keys and values to the cache, if there is one.
    ///
    /// @param fresh each [B, K, S, D]
    /// @return all that its queries may look at
    KeyValueCache.Entry append(int cacheLayer, KeyValueCache.Entry fresh) {
        return cache.isPresent() ? cache.get().append(cacheLayer, fresh) : fresh;
    }

    /// Keeps a layer's keys and values for later layers, past the scope of the layer that made them.
    void share(int layer, KeyValueCache.Entry entry, TensorScope scope) {
        scope.escape(entry.keys());
        scope.escape(entry.values());
        shared.put(layer, entry);
    }

    /// The keys and values that an earlier layer of this pass shared.
    KeyValueCache.Entry sharedBy(int layer) {
        return Objects.requireNonNull(shared.get(layer), "layer shared nothing");
    }
}
