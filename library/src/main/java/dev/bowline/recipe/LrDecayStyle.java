package dev.bowline.recipe;

/// How the learning rate falls after the warm-up.
public enum LrDecayStyle {
    CONSTANT,
    LINEAR,
    COSINE
}
