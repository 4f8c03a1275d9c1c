package dev.bowline.nn;

import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/// Keys and values of earlier positions, one entry per attention layer that computes keys and values.
///
/// A layer with a sliding window keeps window − 1 positions: these and the new position fill the window.
///
/// For one thread at a time.
public final class KeyValueCache implements AutoCloseable {

    /// Keys and values, each [B, K, T, D].
    public record Entry(Tensor keys, Tensor values) {}

    private final List<LayerCache> layers = new ArrayList<>();
    private int length;

    /// @param windows the number of positions that each layer sees; empty for all
    public KeyValueCache(List<OptionalInt> windows) {
        windows.forEach(window -> layers.add(new LayerCache(window)));
    }

    /// The number of positions seen so far.
    public int length() {
        return length;
    }

    /// Adds this call's keys and values to a layer.
    ///
    /// @return all keys and values that the queries may attend to, owned by the caller's scope
    public Entry append(int layer, Entry fresh) {
        return layers.get(layer).append(fresh);
    }

    /// Records that a forward pass over `positions` is complete.
    public void advance(int positions) {
        length += positions;
    }

    @Override
    public void close() {
        layers.forEach(LayerCache::close);
        length = 0;
    }

    private static final class LayerCache {

        private final OptionalInt window;
        private @Nullable Entry kept;

        LayerCache(OptionalInt window) {
            this.window = window;
        }

        Entry append(Entry fresh) {
            Entry all = kept == null
                    ? fresh
                    : new Entry(Ops.cat(2, kept.keys(), fresh.keys()), Ops.cat(2, kept.values(), fresh.values()));
            Entry next;
            try (var scope = TensorScope.open()) {
                next = new Entry(keep(scope, all.keys()), keep(scope, all.values()));
            }
            close();
            kept = next;
            return all;
        }

        /// An owned copy of the positions that later queries can see.
        private Tensor keep(TensorScope scope, Tensor all) {
            long positions = all.size(2);
            long visible = window.isPresent() ? Math.min(positions, window.getAsInt() - 1L) : positions;
            Tensor owned = all.narrow(2, positions - visible, visible).contiguous();
            Tensor handle = new Tensor(owned);
            handle.retainReference();
            scope.escape(owned);
            return handle;
        }

        void close() {
            if (kept != null) {
                kept.keys().close();
                kept.values().close();
                kept = null;
            }
        }
    }
}
