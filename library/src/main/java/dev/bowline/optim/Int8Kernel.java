package dev.bowline.optim;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.bowline.quantization.DynamicMap;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.KernelPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/// Decodes and encodes 8-bit moments on the CPU, many blocks at a time on each thread. The results are those of
/// libtorch's `take` and `bucketize`, bit for bit, in less time.
///
/// The upper half of a float32 number is an index to the first possible code of the number: between two numbers
/// with the same upper half lies at most one bound, so one comparison finds the nearest code.
final class Int8Kernel {

    /// The number of elements in one task of a thread, a multiple of the block size.
    private static final long CHUNK = 64 * Int8Moment.BLOCK;

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
        forEachBlock(codes.numel(), (start, end) -> {
            float scale = scales.getAtIndex(JAVA_FLOAT, start / Int8Moment.BLOCK);
            for (long i = start; i < end; i++) {
                to.setAtIndex(JAVA_FLOAT, i, levels[from.get(JAVA_BYTE, i) & 0xFF] * scale);
            }
        });
    }

    /// @param block the values, float32, contiguous
    void encode(Tensor block, Tensor codes, Tensor absmax) {
        MemorySegment from = HostTensors.bytes(block);
        MemorySegment scales = HostTensors.bytes(absmax);
        MemorySegment to = HostTensors.bytes(codes);
        forEachBlock(codes.numel(), (start, end) -> {
            float largest = largest(from, start, end);
            scales.setAtIndex(JAVA_FLOAT, start / Int8Moment.BLOCK, largest);
            float scale = Math.max(largest, Float.MIN_NORMAL);
            for (long i = start; i < end; i++) {
                to.set(JAVA_BYTE, i, code(from.getAtIndex(JAVA_FLOAT, i) / scale));
            }
        });
    }

    private static float largest(MemorySegment values, long start, long end) {
        float largest = 0;
        for (long i = start; i < end; i++) {
            largest = Math.max(largest, Math.abs(values.getAtIndex(JAVA_FLOAT, i)));
        }
        return largest;
    }

    private byte code(float x) {
        int code = first[Float.floatToRawIntBits(x) >>> 16] & 0xFF;
        return (byte) (x > bounds[code] ? code + 1 : code);
    }

    @FunctionalInterface
    private interface Block {
        /// Elements `start` to `end`, the latter not included.
        void run(long start, long end);
    }

    private static void forEachBlock(long elements, Block block) {
        int count = Math.toIntExact(Math.ceilDiv(elements, CHUNK));
        KernelPool.run(count, chunk -> {
            long end = Math.min((chunk + 1) * CHUNK, elements);
            for (long start = chunk * CHUNK; start < end; start += Int8Moment.BLOCK) {
                block.run(start, Math.min(start + Int8Moment.BLOCK, end));
            }
        });
    }
}
