package dev.bowline.model.gemma4;

import java.util.OptionalInt;

/// How one Gemma 4 layer attends. `layer_types` in config.json picks one per layer.
sealed interface AttentionKind {

    int headDim();

    int keyValueHeads();

    /// How many positions it sees, itself included; empty for all.
    OptionalInt window();

    /// Whether the layer has no v_proj and takes its values from the raw key projection.
    boolean valuesAreKeys();

    /// Sees the last `size` positions only.
    record Sliding(int size, int headDim, int keyValueHeads) implements AttentionKind {
        @Override
        public OptionalInt window() {
            return OptionalInt.of(size);
        }

        @Override
        public boolean valuesAreKeys() {
            return false;
        }
    }

    /// Sees every earlier position.
    record Full(int headDim, int keyValueHeads, boolean valuesAreKeys) implements AttentionKind {
        @Override
        public OptionalInt window() {
            return OptionalInt.empty();
        }
    }
}
