package dev.bowline.train;

import dev.bowline.checkpoint.Checkpoint;

/// The weights that a run trains and saves.
sealed interface RunWeights {

    /// The checkpoint that the model was loaded from.
    Checkpoint source();

    /// The model itself.
    record Model(Checkpoint source) implements RunWeights {}

    /// An adapter on a frozen base.
    record OfAdapter(RunAdapter adapter) implements RunWeights {

        @Override
        public Checkpoint source() {
            return adapter.base();
        }
    }
}
