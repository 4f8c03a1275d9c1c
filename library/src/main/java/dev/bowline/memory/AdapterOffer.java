package dev.bowline.memory;

/// An adapter that a fine-tuning of a whole model could train instead.
///
/// @param set `key=value`, which makes the recipe train the adapter
public record AdapterOffer(String set, AdapterPlan adapter) {}
