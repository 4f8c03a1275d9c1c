package dev.bowline.recipe;

/// The content of the last step's checkpoint in addition to the weights.
public enum LastCheckpoint {
    /// The optimizer's state, as every other checkpoint.
    FULL,
    /// No state of the optimizer.
    WEIGHTS_ONLY
}
