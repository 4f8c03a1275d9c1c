package dev.bowline.safetensors;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// A tensor to be written.
///
/// @param shape outermost dimension first; empty for a scalar
public record TensorSource(String name, SafetensorsType type, List<Long> shape, TensorBytes content) {

    private static final long MAX_BYTES = Long.MAX_VALUE / 2;

    public TensorSource {
        shape = List.copyOf(shape);
        if (name.equals(HeaderReader.METADATA)) {
            throw new IllegalArgumentException("a tensor cannot be called " + name);
        }
        if (TensorEntry.bytesOf(type, shape) > MAX_BYTES) {
            throw new IllegalArgumentException("tensor '%s' of %s %s is impossibly large".formatted(name, type, shape));
        }
    }

    public TensorSource(String name, SafetensorsType type, List<Long> shape, MemorySegment bytes) {
        this(name, type, shape, TensorBytes.of(bytes));
        if (bytes.byteSize() != bytes()) {
            throw new IllegalArgumentException("tensor '%s' of %s %s has %d bytes, not %d"
                    .formatted(name, type, shape, bytes(), bytes.byteSize()));
        }
    }

    /// A tensor of an open file, to be written again unchanged.
    public static TensorSource of(SafetensorsFile file, String name) {
        TensorEntry entry = file.entry(name);
        return new TensorSource(name, entry.type(), entry.shape(), file.bytes(name));
    }

    /// The length of the tensor in the file, in bytes.
    public long bytes() {
        return TensorEntry.bytesOf(type, shape);
    }
}
