package dev.bowline.quantization;

import dev.bowline.tensor.Dtype;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Dequantises ranges of an NF4 matrix on one thread. A block has 16 different values, so they are computed once
/// per block and looked up twice per byte.
final class Nf4Kernel {

    private static final int CODES = 16;

    /// The values between two copies to the result: small enough for the fastest cache.
    private static final int BUFFERED = 4096;

    private static final float[] NF4 = Nf4.values();

    private final MemorySegment codes;
    private final Nf4Scales scales;
    private final int blockSize;
    private final int blocks;
    private final byte[] bytes;
    private final float[] blockScales;
    private final float[] floatValues = new float[CODES];
    private final int[] bfloat16Values = new int[CODES];

    Nf4Kernel(MemorySegment codes, Nf4Scales scales, int blockSize) {
        this.codes = codes;
        this.scales = scales;
        this.blockSize = blockSize;
        blocks = Math.max(1, BUFFERED / blockSize);
        bytes = new byte[blocks * blockSize / 2];
        blockScales = new float[blocks];
    }

    /// @param from the first value, at the begin of a block
    /// @param count the number of values: whole blocks, or all to the end of the matrix
    /// @param out of at least `count` values, overwritten
    /// @param dtype float32 or bfloat16
    void dequantize(long from, long count, MemorySegment out, Dtype dtype) {
        switch (dtype) {
            case FLOAT32 -> float32(from, count, out);
            case BFLOAT16 -> bfloat16(from, count, out);
            case FLOAT64, FLOAT16, INT64, INT32, INT16, INT8, UINT8, BOOL, FLOAT8_E4M3, FLOAT8_E5M2 ->
                throw new IllegalArgumentException("models compute in float32 or bfloat16, not in " + dtype);
        }
    }

    private int read(long from, long left) {
        int values = (int) Math.min(left, (long) blocks * blockSize);
        MemorySegment.copy(codes, ValueLayout.JAVA_BYTE, from / 2, bytes, 0, Math.ceilDiv(values, 2));
        scales.read(blockScales, from / blockSize, Math.ceilDiv(values, blockSize));
        return values;
    }

    private void bfloat16(long from, long count, MemorySegment out) {
        int[] pairs = new int[bytes.length];
        MemorySegment pairBytes = MemorySegment.ofArray(pairs);
        for (long done = 0; done < count; ) {
            int values = read(from + done, count - done);
            int halves = Math.ceilDiv(values, 2);
            for (int begin = 0, block = 0; begin < halves; begin += blockSize / 2, block++) {
                bfloat16Block(pairs, begin, Math.min(begin + blockSize / 2, halves), blockScales[block]);
            }
            MemorySegment.copy(pairBytes, 0, out, done * Short.BYTES, (long) values * Short.BYTES);
            done += values;
        }
    }

    private void bfloat16Block(int[] pairs, int begin, int end, float scale) {
        int[] values = bfloat16Values;
        for (int code = 0; code < CODES; code++) {
            values[code] = Bfloat16.bits(NF4[code] * scale);
        }
        byte[] in = bytes;
        for (int i = begin; i < end; i++) {
            int both = in[i];
            // Memory is little-endian: the earlier value is the lower half.
            pairs[i] = values[(both >> 4) & 15] | values[both & 15] << 16;
        }
    }

    private void float32(long from, long count, MemorySegment out) {
        float[] values = new float[2 * bytes.length];
        for (long done = 0; done < count; ) {
            int size = read(from + done, count - done);
            int halves = Math.ceilDiv(size, 2);
            for (int begin = 0, block = 0; begin < halves; begin += blockSize / 2, block++) {
                float32Block(values, begin, Math.min(begin + blockSize / 2, halves), blockScales[block]);
            }
            MemorySegment.copy(values, 0, out, ValueLayout.JAVA_FLOAT_UNALIGNED, done * Float.BYTES, size);
            done += size;
        }
    }

    private void float32Block(float[] out, int begin, int end, float scale) {
        float[] values = floatValues;
        for (int code = 0; code < CODES; code++) {
            values[code] = NF4[code] * scale;
        }
        byte[] in = bytes;
        for (int i = begin; i < end; i++) {
            int both = in[i];
            out[2 * i] = values[(both >> 4) & 15];
            out[2 * i + 1] = values[both & 15];
        }
    }
}
