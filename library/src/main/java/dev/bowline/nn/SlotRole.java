package dev.bowline.nn;

/// The purpose of a slot's values. It decides which file they are saved to and whether training may update them.
public enum SlotRole {
    /// A weight of the base model. It is saved with the model and trained unless frozen.
    BASE,
    /// A weight of an adapter. It is saved with the adapter, never with the base model, and trained unless frozen.
    ADAPTER,
    /// A value of the base model that is never trained. It is saved with the model.
    BUFFER
}
