package dev.bowline.optim;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.KernelPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/// Decodes and encodes 8-bit moments on the CPU, many blocks at a time on each thread. The results are those of
/// libtorch's `take` and `bucketize`, bit for bit, in less time.
///
/// The upper half of a float32 number is an index to the first code that the number can have: no two numbers with the
/// same upper half are more than one bound apart, so one comparison finds the nearest code.
final class Int8Kernel {

    /// Elements of one call, a multiple of the block.
    private static final int CHUNK = 64 * (int) Int8Moment.BLOCK;

    private static final int UPPER_HALVES = 1 << 16;

    private static final Int8Kernel SIGNED = new Int8Kernel(DynamicMap.SIGNED);
    private static final Int8Kernel UNSIGNED = new Int8Kernel(DynamicMap.UNSIGNED);

    private final float[] levels;
    private final float[] bounds;
    private final byte[] first = new byte[UPPER_HALVES];

    private Int8Kernel(DynamicMap map) {
        levels = map.levels();
        bounds = Arrays.copyOf(map.bounds(), levels.length);
        bounds[levels.length - 1] = Float.POSITIVE_INFINITY;
        for (int upper = 0; upper < UPPER_HALVES; upper++) {
            float one = Float.intBitsToFloat(upper << 16);
            float other = Float.intBitsToFloat(upper << 16 | 0xFFFF);
            first[upper] = (byte) codeFrom(0, Math.min(one, other));
        }
    }

    static Int8Kernel of(DynamicMap map) {
        return switch (map) {
            case SIGNED -> SIGNED;
            case UNSIGNED -> UNSIGNED;
        };
    }

    private int codeFrom(int lowest, float x) {
        int code = lowest;
        while (x > bounds[code]) {
            code++;
        }
        return code;
    }

    /// @param codes uint8, contiguous
    /// @param absmax float32, a scale for each block of `codes`
    /// @param block takes the values, float32, of the size of `codes`
    void decode(Tensor codes, Tensor absmax, Tensor block) {
        MemorySegment from = HostTensors.bytes(codes);
        MemorySegment scales = HostTensors.bytes(absmax);
        MemorySegment to = HostTensors.bytes(block);
        forEachChunk(codes.numel(), (start, size) -> {
            byte[] coded = from.asSlice(start, size).toArray(JAVA_BYTE);
            float[] values = new float[size];
            for (int i = 0; i < size; i++) {
                values[i] = levels[coded[i] & 0xFF];
            }
            for (int at = 0; at < size; at += (int) Int8Moment.BLOCK) {
                float scale = scales.getAtIndex(JAVA_FLOAT, (start + at) / Int8Moment.BLOCK);
                int end = Math.min(size, at + (int) Int8Moment.BLOCK);
                for (int i = at; i < end; i++) {
                    values[i] *= scale;
                }
            }
            MemorySegment.copy(values, 0, to, JAVA_FLOAT, start * Float.BYTES, size);
        });
    }

    /// @param block the values, float32, contiguous
    void encode(Tensor block, Tensor codes, Tensor absmax) {
        MemorySegment from = HostTensors.bytes(block);
        MemorySegment scales = HostTensors.bytes(absmax);
        MemorySegment to = HostTensors.bytes(codes);
        forEachChunk(codes.numel(), (start, size) -> {
            float[] values =
                    from.asSlice(start * Float.BYTES, (long) size * Float.BYTES).toArray(JAVA_FLOAT);
            byte[] coded = new byte[size];
            for (int at = 0; at < size; at += (int) Int8Moment.BLOCK) {
                int end = Math.min(size, at + (int) Int8Moment.BLOCK);
                float largest = largest(values, at, end);
                scales.setAtIndex(JAVA_FLOAT, (start + at) / Int8Moment.BLOCK, largest);
                encode(values, at, end, Math.max(largest, Float.MIN_NORMAL), coded);
            }
            MemorySegment.copy(coded, 0, to, JAVA_BYTE, start, size);
        });
    }

    private static float largest(float[] values, int from, int to) {
        float largest = 0;
        for (int i = from; i < to; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return largest;
    }

    private void encode(float[] values, int from, int to, float scale, byte[] coded) {
        for (int i = from; i < to; i++) {
            values[i] /= scale;
        }
        for (int i = from; i < to; i++) {
            float x = values[i];
            int code = first[Float.floatToRawIntBits(x) >>> 16] & 0xFF;
            coded[i] = (byte) (x > bounds[code] ? code + 1 : code);
        }
    }

    @FunctionalInterface
    private interface Chunk {
        void run(long start, int size);
    }

    private static void forEachChunk(long elements, Chunk chunk) {
        int count = Math.toIntExact(Math.ceilDiv(elements, CHUNK));
        KernelPool.run(count, i -> {
            long start = (long) i * CHUNK;
            chunk.run(start, (int) Math.min(CHUNK, elements - start));
        });
    }
}
