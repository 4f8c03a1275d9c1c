package dev.bowline.quantization;

import dev.bowline.BowlineException;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.KernelPool;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// Quantises a matrix to NF4 with quantised scales, with the bytes that bitsandbytes computes for it on the CPU.
final class Nf4Quantizer {

    /// The values that are float32 at the same time.
    private static final long PIECE = 1 << 20;

    /// The values of one task.
    private static final int TASK = 1 << 14;

    /// The smallest divisor of a block.
    private static final float TINY = 1e-38f;

    private static final float[] BOUNDS = Nearest.bounds(Nf4.values());

    private final String name;
    private final MemorySegment codes;
    private final MemorySegment scales;

    private Nf4Quantizer(String name, MemorySegment codes, MemorySegment scales) {
        this.name = name;
        this.codes = codes;
        this.scales = scales;
    }

    static Nf4Matrix quantize(String name, long rows, long columns, QuantizedMatrix.Values values) {
        long elements = rows * columns;
        try (TensorScope _ = TensorScope.open()) {
            Tensor codes = Ops.empty(Device.CPU, Dtype.UINT8, Math.ceilDiv(elements, 2));
            Tensor scales = Ops.empty(Device.CPU, Dtype.FLOAT32, Math.ceilDiv(elements, Nf4.BLOCK_SIZE));
            Nf4Quantizer quantizer = new Nf4Quantizer(name, HostTensors.bytes(codes), HostTensors.bytes(scales));
            for (long from = 0; from < elements; from += PIECE) {
                try (TensorScope _ = TensorScope.open()) {
                    quantizer.piece(from, values.of(from, Math.min(PIECE, elements - from)));
                }
            }
            return new Nf4Matrix(rows, columns, Nf4.BLOCK_SIZE, new OwnedTensor(codes), nested(scales));
        }
    }

    static long bytes(long rows, long columns) {
        long elements = rows * columns;
        long blocks = Math.ceilDiv(elements, Nf4.BLOCK_SIZE);
        return Math.ceilDiv(elements, 2) + blocks + Float.BYTES * Math.ceilDiv(blocks, Nf4.NESTED_BLOCK_SIZE);
    }

    private void piece(long from, Tensor values) {
        MemorySegment floats = HostTensors.bytes(values);
        long count = values.numel();
        KernelPool.run(Math.toIntExact(Math.ceilDiv(count, TASK)), task -> {
            long first = (long) task * TASK;
            int size = (int) Math.min(TASK, count - first);
            float[] part = new float[size + 1];
            MemorySegment.copy(floats, ValueLayout.JAVA_FLOAT_UNALIGNED, first * Float.BYTES, part, 0, size);
            for (int begin = 0; begin < size; begin += Nf4.BLOCK_SIZE) {
                block(part, begin, Math.min(begin + Nf4.BLOCK_SIZE, size), from + first);
            }
        });
    }

    /// @param offset the place of the first of `values` in the matrix
    private void block(float[] values, int begin, int end, long offset) {
        float largest = largest(values, begin, end);
        if (!Float.isFinite(largest)) {
            throw new BowlineException(
                    "'%s' has a value that is not finite, so it cannot be quantised".formatted(name),
                    "use a checkpoint without such values");
        }
        boolean isWhole = end - begin == Nf4.BLOCK_SIZE;
        float divisor = Math.max(largest, TINY);
        float factor = 1 / divisor;
        scales.setAtIndex(
                ValueLayout.JAVA_FLOAT_UNALIGNED, (offset + begin) / Nf4.BLOCK_SIZE, isWhole ? largest : divisor);
        for (int i = begin; i < end; i++) {
            // bitsandbytes divides in the last, shorter block.
            float scaled = isWhole ? values[i] * factor : values[i] / divisor;
            values[i] = Math.clamp(scaled, -1f, 1f);
        }
        // An odd number of values is followed by a zero.
        values[end] = isWhole ? values[end] : 0;
        for (int i = begin; i < end; i += 2) {
            int both = Nearest.index(BOUNDS, values[i]) << 4 | Nearest.index(BOUNDS, values[i + 1]);
            codes.set(ValueLayout.JAVA_BYTE, (offset + i) / 2, (byte) both);
        }
    }

    private static float largest(float[] values, int begin, int end) {
        float largest = 0;
        for (int i = begin; i < end; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return largest;
    }

    /// Quantises the differences of the scales from their mean.
    ///
    /// @param scales `[blocks]` float32
    private static Nf4Scales.Nested nested(Tensor scales) {
        float offset = scales.mean().item_float();
        Tensor differences = scales.sub(new Scalar(offset));
        int blocks = Math.toIntExact(scales.numel());
        float[] values = HostTensors.bytes(differences).toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
        byte[] codes = new byte[blocks];
        float[] outer = new float[Math.ceilDiv(blocks, Nf4.NESTED_BLOCK_SIZE)];
        float[] map = DynamicMap.SIGNED.levels();
        float[] bounds = DynamicMap.SIGNED.bounds();
        for (int block = 0; block < outer.length; block++) {
            int begin = block * Nf4.NESTED_BLOCK_SIZE;
            int end = Math.min(begin + Nf4.NESTED_BLOCK_SIZE, blocks);
            float largest = largest(values, begin, end);
            float divisor = Math.max(largest, TINY);
            float factor = 1 / divisor;
            boolean isWhole = end - begin == Nf4.NESTED_BLOCK_SIZE;
            outer[block] = isWhole ? largest : divisor;
            for (int i = begin; i < end; i++) {
                float scaled = isWhole ? values[i] * factor : values[i] / divisor;
                codes[i] = (byte) Nearest.index(bounds, Math.clamp(scaled, -1f, 1f));
            }
        }
        return new Nf4Scales.Nested(
                new OwnedTensor(HostTensors.copyOf(MemorySegment.ofArray(codes), Dtype.UINT8, codes.length)),
                new OwnedTensor(HostTensors.of(outer, outer.length)),
                map,
                Nf4.NESTED_BLOCK_SIZE,
                offset);
    }
}
