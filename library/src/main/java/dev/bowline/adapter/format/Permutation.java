package dev.bowline.adapter.format;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// A copy of a tensor of three dimensions in another order of its elements.
///
/// @param shape of the copy
/// @param strides the distance in the source, in elements, between neighbours of each dimension of the copy
record Permutation(long[] shape, long[] strides) {

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    static Permutation of(long[] shape, long... strides) {
        return new Permutation(shape, strides);
    }

    /// @param elementBytes 2, 4 or 8
    MemorySegment copy(MemorySegment source, int elementBytes, Arena arena) {
        MemorySegment target = arena.allocate(source.byteSize(), Long.BYTES);
        long at = 0;
        for (long i = 0; i < shape[0]; i++) {
            for (long j = 0; j < shape[1]; j++) {
                long from = i * strides[0] + j * strides[1];
                for (long k = 0; k < shape[2]; k++) {
                    copyElement(source, from + k * strides[2], target, at++, elementBytes);
                }
            }
        }
        return target;
    }

    private static void copyElement(MemorySegment source, long from, MemorySegment target, long to, int bytes) {
        switch (bytes) {
            case Short.BYTES -> target.set(SHORT, to * bytes, source.get(SHORT, from * bytes));
            case Integer.BYTES -> target.set(INT, to * bytes, source.get(INT, from * bytes));
            case Long.BYTES -> target.set(LONG, to * bytes, source.get(LONG, from * bytes));
            default -> throw new IllegalArgumentException("no float type has %d bytes".formatted(bytes));
        }
    }
}
