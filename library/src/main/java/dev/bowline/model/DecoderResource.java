package dev.bowline.model;

/// A resource of a model that may hold layers of its decoder. While it does, the decoder cannot be replaced.
public interface DecoderResource extends AutoCloseable {

    /// True if this resource holds layers of the decoder now.
    boolean holdsLayers();
}
