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
import org.bytedeco.pytorch.Tensor;

/// Quantises a matrix to int8 row by row: code = round(value × 127 / the row's largest absolute value), from float32.
/// (bitsandbytes rounds a weight to float16 before that.)
final class Int8Quantizer {

    private static final long PIECE = 1 << 20;

    /// The scale of a row whose values count as zeros.
    private static final float SMALLEST = Float.MIN_NORMAL;

    private final String name;
    private final long columns;
    private final MemorySegment codes;
    private final MemorySegment scales;

    private Int8Quantizer(String name, long columns, MemorySegment codes, MemorySegment scales) {
        this.name = name;
        this.columns = columns;
        this.codes = codes;
        this.scales = scales;
    }

    static Int8Matrix quantize(String name, long rows, long columns, QuantizedMatrix.Values values) {
        try (TensorScope _ = TensorScope.open()) {
            Tensor codes = Ops.empty(Device.CPU, Dtype.INT8, rows, columns);
            Tensor scales = Ops.empty(Device.CPU, Dtype.FLOAT32, rows);
            Int8Quantizer quantizer =
                    new Int8Quantizer(name, columns, HostTensors.bytes(codes), HostTensors.bytes(scales));
            long step = Math.max(1, PIECE / Math.max(1, columns));
            for (long row = 0; row < rows; row += step) {
                try (TensorScope _ = TensorScope.open()) {
                    long count = Math.min(step, rows - row);
                    quantizer.piece(row, count, values.of(row * columns, count * columns));
                }
            }
            return new Int8Matrix(new OwnedTensor(codes), new OwnedTensor(scales));
        }
    }

    private void piece(long firstRow, long rows, Tensor values) {
        MemorySegment floats = HostTensors.bytes(values);
        KernelPool.run(Math.toIntExact(rows), i -> {
            float[] row = floats.asSlice(i * columns * Float.BYTES, columns * Float.BYTES)
                    .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            quantizeRow(firstRow + i, row);
        });
    }

    private void quantizeRow(long row, float[] values) {
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        if (!Float.isFinite(largest)) {
            throw new BowlineException(
                    "'%s' has a value that is not finite in row %d, so it cannot be quantised".formatted(name, row),
                    "use a checkpoint without such values");
        }
        byte[] rounded = new byte[values.length];
        float factor = largest < SMALLEST ? 0 : 1 / largest * 127;
        for (int i = 0; i < values.length; i++) {
            rounded[i] = (byte) Math.rint(values[i] * factor);
        }
        MemorySegment.copy(rounded, 0, codes, ValueLayout.JAVA_BYTE, row * columns, rounded.length);
        scales.setAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, row, largest);
    }
}
