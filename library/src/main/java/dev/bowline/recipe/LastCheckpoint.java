package dev.bowline.recipe;

/// What the checkpoint of the last step has besides the weights.
public enum LastCheckpoint {
    /// The optimizer's state, as every other checkpoint.
    FULL,
    /// No state of the optimizer.
    WEIGHTS_ONLY
}
