package dev.bowline.model;

/// Where a checkpoint's tensor goes in a model.
public sealed interface KeyRoute {

    /// Its values fill the slot of that name, if the model has it.
    record Fill(String slot) implements KeyRoute {}

    /// The model has no use for it, and says why. A save keeps it.
    record Ignore(String reason) implements KeyRoute {}

    /// It belongs to a part that Bowline does not compute, such as a vision tower. A save keeps it.
    record PassThrough(Component component) implements KeyRoute {}
}
