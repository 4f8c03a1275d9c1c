package dev.bowline.catalog;

import dev.bowline.checkpoint.Checkpoint;
import dev.bowline.checkpoint.LoadReport;
import dev.bowline.model.LanguageModel;

/// A model with the values of a checkpoint.
///
/// Threads may share a model that is not trained, each with a generation of its own. The owner closes it after the
/// last of them.
///
/// @param checkpoint where they came from; a save takes from it what the model does not hold
/// @param report the treatment of every tensor
public record Pretrained(LanguageModel model, Checkpoint checkpoint, LoadReport report) implements AutoCloseable {

    /// Frees the model and unmaps the checkpoint.
    @Override
    public void close() {
        model.close();
        checkpoint.close();
    }
}
