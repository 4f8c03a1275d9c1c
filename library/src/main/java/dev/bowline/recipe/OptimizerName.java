package dev.bowline.recipe;

/// Which rule turns gradients into updates.
public enum OptimizerName {
    ADAMW
}
