package dev.bowline.recipe;

/// The type the weights are trained in. Master weights and moments are 32-bit whichever it is.
public enum TorchDtype {
    FLOAT32,
    BFLOAT16,
    /// The type the checkpoint's config.json names.
    AUTO
}
