package dev.bowline.nn;

/// The activations that a forward pass keeps for the backward pass.
public enum ActivationCheckpointing {
    /// Every activation that the backward pass needs.
    OFF,
    /// The inputs of each decoder layer. The backward pass runs each layer again to recompute the other
    /// activations, so a step takes less memory and more time.
    PER_LAYER
}
