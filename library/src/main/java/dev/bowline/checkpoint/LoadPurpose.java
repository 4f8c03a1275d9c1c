package dev.bowline.checkpoint;

/// The use that a model is loaded for.
public enum LoadPurpose {
    /// Weights are trainable and have memory of their own. A frozen weight that needs no cast stays in the mapped
    /// file.
    TRAINING,
    /// Every weight that needs no cast stays in the mapped file, and no weight can be trained.
    INFERENCE
}
