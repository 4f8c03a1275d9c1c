package dev.bowline.model.decoder;

/// One layer: how it attends, and its feed-forward.
public record LayerConfig(AttentionConfig attention, FeedForwardConfig feedForward) {}
