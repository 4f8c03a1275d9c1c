package dev.bowline.gguf;

import dev.bowline.safetensors.TensorBytes;
import java.nio.charset.StandardCharsets;
import java.util.List;

/// A tensor to be written to a GGUF file.
///
/// @param name at most 63 bytes of UTF-8, llama.cpp's limit
/// @param shape outermost dimension first, as in PyTorch; the file has it reversed. One to four dimensions
public record GgufTensor(String name, GgufType type, List<Long> shape, TensorBytes content) {

    private static final int MAX_NAME_BYTES = 63;
    private static final int MAX_DIMENSIONS = 4;

    public GgufTensor {
        shape = List.copyOf(shape);
        int nameBytes = name.getBytes(StandardCharsets.UTF_8).length;
        if (nameBytes == 0 || nameBytes > MAX_NAME_BYTES) {
            throw new IllegalArgumentException(
                    "tensor name '%s' has %d bytes, not 1 to %d".formatted(name, nameBytes, MAX_NAME_BYTES));
        }
        if (shape.isEmpty() || shape.size() > MAX_DIMENSIONS || shape.stream().anyMatch(dimension -> dimension < 1)) {
            throw new IllegalArgumentException(
                    "tensor '%s' has the shape %s, which GGUF has not".formatted(name, shape));
        }
    }

    /// The length of the tensor in the file, in bytes, without the padding after it.
    public long bytes() {
        return Math.multiplyExact(
                shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact), (long) type.bytes());
    }
}
