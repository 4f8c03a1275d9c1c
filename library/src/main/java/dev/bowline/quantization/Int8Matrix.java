package dev.bowline.quantization;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.KernelPool;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// A matrix in int8 with a scale per row, in the layout of bitsandbytes (`weight`, `SCB`).
///
/// value = code × scale of its row / 127, in float32, then rounded to the dtype. The division is a product with the
/// rounded reciprocal, as in bitsandbytes.
public final class Int8Matrix implements QuantizedMatrix {

    static final float RECIPROCAL_OF_127 = 7.874015718698502e-3f;

    private static final long TASK = 1 << 17;

    private final OwnedTensor codes;
    private final OwnedTensor scales;

    /// @param codes [rows, columns] int8, contiguous
    /// @param scales `[rows]` float32, the largest absolute value of each row
    Int8Matrix(OwnedTensor codes, OwnedTensor scales) {
        this.codes = codes;
        this.scales = scales;
    }

    Tensor codes() {
        return codes.get();
    }

    Tensor scales() {
        return scales.get();
    }

    @Override
    public Quantization format() {
        return Quantization.INT8;
    }

    @Override
    public long rows() {
        return codes.get().size(0);
    }

    @Override
    public long columns() {
        return codes.get().size(1);
    }

    @Override
    public long bytes() {
        return codes.bytes() + scales.bytes();
    }

    @Override
    public long rowStep() {
        return 1;
    }

    @Override
    public long columnStep() {
        return 1;
    }

    @Override
    public void dequantizeInto(Tensor values, MatrixPart part) {
        Dtype dtype = Dtype.of(values.scalar_type());
        MemorySegment out = HostTensors.bytes(values);
        MemorySegment in = HostTensors.bytes(codes.get());
        MemorySegment rowScales = HostTensors.bytes(scales.get());
        long columns = columns();
        long task = Math.max(1, TASK / Math.max(1, part.columns()));
        KernelPool.run(Math.toIntExact(Math.ceilDiv(part.rows(), task)), i -> {
            Int8Kernel kernel = new Int8Kernel(in, rowScales, columns);
            long end = Math.min(part.rows(), (i + 1) * task);
            for (long row = i * task; row < end; row++) {
                long bytes = part.columns() * dtype.bytes();
                kernel.dequantize(part.row() + row, part.column(), out.asSlice(row * bytes, bytes), dtype);
            }
        });
    }

    @Override
    public Tensor dequantized(MatrixPart part, Dtype dtype) {
        Tensor code = codes.get().narrow(0, part.row(), part.rows()).narrow(1, part.column(), part.columns());
        Tensor scale = scales.get().narrow(0, part.row(), part.rows()).unsqueeze(1);
        return code.mul(scale).mul_(new Scalar(RECIPROCAL_OF_127)).to(dtype.scalarType());
    }

    @Override
    public void to(Device device) {
        codes.to(device);
        scales.to(device);
    }

    @Override
    public void close() {
        codes.close();
        scales.close();
    }
}
