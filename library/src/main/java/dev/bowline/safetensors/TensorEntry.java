package dev.bowline.safetensors;

import java.util.List;

/// One tensor as the header describes it.
///
/// @param shape outermost dimension first; empty for a scalar
/// @param begin where its bytes start, counted from the end of the header
/// @param end one past its last byte, counted likewise
public record TensorEntry(String name, SafetensorsType type, List<Long> shape, long begin, long end) {

    public TensorEntry {
        shape = List.copyOf(shape);
        if (begin < 0 || end - begin != bytesOf(type, shape)) {
            throw new IllegalArgumentException(
                    "tensor '%s' of %s %s cannot have the bytes %d to %d".formatted(name, type, shape, begin, end));
        }
    }

    public long elements() {
        return elementsOf(shape);
    }

    public long bytes() {
        return end - begin;
    }

    /// The product of the dimensions.
    ///
    /// @throws ArithmeticException when it does not fit a long, or a dimension is negative
    static long elementsOf(List<Long> shape) {
        long elements = 1;
        for (long dimension : shape) {
            if (dimension < 0) {
                throw new ArithmeticException("negative dimension " + dimension);
            }
            elements = Math.multiplyExact(elements, dimension);
        }
        return elements;
    }

    static long bytesOf(SafetensorsType type, List<Long> shape) {
        return Math.multiplyExact(elementsOf(shape), (long) type.bytes());
    }
}
