package dev.bowline.safetensors;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/// The source of a tensor's bytes when the tensor is written.
@FunctionalInterface
public interface TensorBytes {

    /// Receives a tensor's bytes, in order, in as many pieces as the giver likes.
    @FunctionalInterface
    interface Sink {

        /// Takes all of `piece` before it returns; the giver may free or reuse it then.
        void accept(MemorySegment piece) throws IOException;
    }

    /// Gives every byte of the tensor, little-endian, to `sink`. Called once, on the writing thread.
    void writeTo(Sink sink) throws IOException;

    /// Bytes that are in memory or in a mapped file.
    static TensorBytes of(MemorySegment bytes) {
        return sink -> sink.accept(bytes);
    }
}
