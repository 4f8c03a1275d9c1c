package dev.bowline.quantization;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.KernelPool;
import dev.bowline.tensor.Ops;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import org.bytedeco.pytorch.Tensor;

/// A matrix in NF4, in the layout of bitsandbytes. Two values share a byte, the earlier in its high half. The
/// matrix is divided into blocks in row order, each with a scale; the last block may be shorter.
///
/// value = `NF4[code]` × scale of its block, in float32, then rounded to the dtype.
public final class Nf4Matrix implements QuantizedMatrix {

    /// The values that one task of a parallel dequantisation writes, about.
    private static final long TASK = 1 << 17;

    private final long rows;
    private final long columns;
    private final int blockSize;
    private final OwnedTensor codes;
    private final Nf4Scales scales;

    /// @param codes `[ceil(rows × columns / 2)]` uint8, contiguous
    Nf4Matrix(long rows, long columns, int blockSize, OwnedTensor codes, Nf4Scales scales) {
        this.rows = rows;
        this.columns = columns;
        this.blockSize = blockSize;
        this.codes = codes;
        this.scales = scales;
    }

    Tensor codes() {
        return codes.get();
    }

    Nf4Scales scales() {
        return scales;
    }

    @Override
    public Quantization format() {
        return Quantization.NF4;
    }

    @Override
    public long rows() {
        return rows;
    }

    @Override
    public long columns() {
        return columns;
    }

    @Override
    public long bytes() {
        return codes.bytes() + scales.bytes();
    }

    @Override
    public long rowStep() {
        return blockSize
                / BigInteger.valueOf(blockSize).gcd(BigInteger.valueOf(columns)).longValueExact();
    }

    @Override
    public long columnStep() {
        return columns % blockSize == 0 ? blockSize : columns;
    }

    @Override
    public void dequantizeInto(Tensor values, MatrixPart part) {
        Dtype dtype = Dtype.of(values.scalar_type());
        MemorySegment out = HostTensors.bytes(values);
        MemorySegment in = HostTensors.bytes(codes.get());
        if (part.columns() == columns) {
            long task = Math.ceilDiv(TASK, blockSize) * blockSize;
            KernelPool.run(Math.toIntExact(Math.ceilDiv(part.elements(), task)), i -> {
                long from = i * task;
                long count = Math.min(task, part.elements() - from);
                new Nf4Kernel(in, scales, blockSize)
                        .dequantize(part.row() * columns + from, count, out.asSlice(from * dtype.bytes()), dtype);
            });
        } else {
            long task = Math.max(1, TASK / part.columns());
            KernelPool.run(Math.toIntExact(Math.ceilDiv(part.rows(), task)), i -> {
                Nf4Kernel kernel = new Nf4Kernel(in, scales, blockSize);
                long end = Math.min(part.rows(), (i + 1) * task);
                for (long row = i * task; row < end; row++) {
                    kernel.dequantize(
                            (part.row() + row) * columns + part.column(),
                            part.columns(),
                            out.asSlice(row * part.columns() * dtype.bytes()),
                            dtype);
                }
            });
        }
    }

    @Override
    public Tensor dequantized(MatrixPart part, Dtype dtype) {
        long from = part.row() * columns;
        long count = part.rows() * columns;
        long fromBlock = from / blockSize;
        long blocks = Math.ceilDiv(count, blockSize);
        Tensor bytes = codes.get().narrow(0, from / 2, Math.ceilDiv(count, 2));
        Tensor scale = scales.tensor(fromBlock, blocks).unsqueeze(1);
        if (part.columns() < columns) {
            bytes = bytes.view(part.rows(), columns / 2).narrow(1, part.column() / 2, part.columns() / 2);
            scale = scale.view(part.rows(), columns / blockSize)
                    .narrow(1, part.column() / blockSize, part.columns() / blockSize)
                    .reshape(-1, 1);
        }
        Tensor values = Device.of(bytes)
                .place(pairs())
                .index_select(0, bytes.reshape(-1).to(Dtype.INT32.scalarType()))
                .view(-1);
        long padding = scale.size(0) * blockSize - values.size(0);
        Tensor padded = padding > 0 ? Ops.cat(0, values, Ops.newZeros(values, Dtype.FLOAT32, padding)) : values;
        return padded.view(-1, blockSize)
                .mul(scale)
                .to(dtype.scalarType())
                .view(-1)
                .narrow(0, 0, part.elements())
                .view(part.rows(), part.columns());
    }

    /// The two values of each byte.
    ///
    /// @return [256, 2]
    private static Tensor pairs() {
        float[] values = Nf4.values();
        float[] pairs = new float[512];
        for (int code = 0; code < 256; code++) {
            pairs[2 * code] = values[code >> 4];
            pairs[2 * code + 1] = values[code & 15];
        }
        return HostTensors.of(pairs, 256, 2);
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
