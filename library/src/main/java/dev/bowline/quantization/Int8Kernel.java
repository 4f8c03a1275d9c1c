package dev.bowline.quantization;

import dev.bowline.tensor.Dtype;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Dequantises rows of an int8 matrix on one thread.
final class Int8Kernel {

    private static final int BUFFERED = 4096;

    private final MemorySegment codes;
    private final MemorySegment scales;
    private final long columns;
    private final byte[] bytes = new byte[BUFFERED];

    Int8Kernel(MemorySegment codes, MemorySegment scales, long columns) {
        this.codes = codes;
        this.scales = scales;
        this.columns = columns;
    }

    /// @param column the first value of the row
    /// @param out the values from there on, overwritten
    /// @param dtype float32 or bfloat16
    void dequantize(long row, long column, MemorySegment out, Dtype dtype) {
        float scale = scales.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, row);
        long from = row * columns + column;
        switch (dtype) {
            case FLOAT32 -> float32(from, scale, out);
            case BFLOAT16 -> bfloat16(from, scale, out);
            case FLOAT64, FLOAT16, INT64, INT32, INT16, INT8, UINT8, BOOL, FLOAT8_E4M3, FLOAT8_E5M2 ->
                throw new IllegalArgumentException("models compute in float32 or bfloat16, not in " + dtype);
        }
    }

    private int read(long from, long left) {
        int size = (int) Math.min(left, BUFFERED);
        MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, from, bytes, 0, size);
        return size;
    }

    private void float32(long from, float scale, MemorySegment out) {
        float[] values = new float[BUFFERED];
        long count = out.byteSize() / Float.BYTES;
        for (long done = 0; done < count; ) {
            int size = read(from + done, count - done);
            for (int i = 0; i < size; i++) {
                values[i] = bytes[i] * scale * Int8Matrix.RECIPROCAL_OF_127;
            }
            MemorySegment.copy(values, 0, out, ValueLayout.JAVA_FLOAT_UNALIGNED, done * Float.BYTES, size);
            done += size;
        }
    }

    private void bfloat16(long from, float scale, MemorySegment out) {
        short[] values = new short[BUFFERED];
        long count = out.byteSize() / Short.BYTES;
        for (long done = 0; done < count; ) {
            int size = read(from + done, count - done);
            for (int i = 0; i < size; i++) {
                values[i] = (short) Bfloat16.bits(bytes[i] * scale * Int8Matrix.RECIPROCAL_OF_127);
            }
            MemorySegment.copy(values, 0, out, ValueLayout.JAVA_SHORT_UNALIGNED, done * Short.BYTES, size);
            done += size;
        }
    }
}
