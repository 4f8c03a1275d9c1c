package dev.bowline.optim;

import dev.bowline.nn.KernelPolicy;
import dev.bowline.quantization.DynamicMap;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/// A moment in 8-bit codes of a [DynamicMap], with a scale for each block of 256 elements: the largest absolute
/// value of the block, which is stored exactly. A number is rounded to the nearest value of the map.
///
/// @param codes uint8, all elements in one dimension
/// @param absmax the scales, `[ceil(elements / 256)]`
record Int8Moment(Tensor codes, Tensor absmax, DynamicMap map, KernelPolicy kernels) implements Moment {

    static final long BLOCK = 256;

    /// Parameters with fewer elements keep float32 moments: they take little memory, and norms and biases are
    /// sensitive to rounding.
    static final long MIN_ELEMENTS = 4096;

    static long blocks(long elements) {
        return Math.ceilDiv(elements, BLOCK);
    }

    /// @param from a multiple of 256
    @Override
    public Tensor read(long from, long size) {
        return switch (kernels) {
            case FUSED_CPU -> {
                Tensor block = Ops.empty(Device.CPU, Dtype.FLOAT32, size);
                Int8Kernel.of(map).decode(codes.narrow(0, from, size), scales(from, size), block);
                yield block;
            }
            case LIBTORCH -> decoded(from, size);
        };
    }

    @Override
    public void write(Tensor block, long from, long step) {
        long size = block.numel();
        switch (kernels) {
            case FUSED_CPU -> Int8Kernel.of(map).encode(block, codes.narrow(0, from, size), scales(from, size));
            case LIBTORCH -> encode(block, from, size);
        }
    }

    private Tensor scales(long from, long size) {
        return absmax.narrow(0, from / BLOCK, blocks(size));
    }

    private Tensor decoded(long from, long size) {
        Tensor values = Device.of(codes).place(HostTensors.of(map.levels(), 256));
        Tensor block = values.take(codes.narrow(0, from, size).to(Dtype.INT64.scalarType()));
        Tensor scales = scales(from, size);
        if (size % BLOCK == 0) {
            block.view(-1, BLOCK).mul_(scales.view(-1, 1));
            return block;
        }
        return block.mul_(scales.repeat_interleave(BLOCK, new LongOptional(0), new LongOptional())
                .narrow(0, 0, size));
    }

    private void encode(Tensor block, long from, long size) {
        long padding = blocks(size) * BLOCK - size;
        Tensor rows = (padding == 0 ? block : torch.constant_pad_nd(block, 0, padding)).view(-1, BLOCK);
        Tensor scales = rows.abs().amax(new long[] {1}, true);
        scales(from, size).copy_(scales.view(-1));
        rows.div_(scales.clamp_min_(new Scalar(Float.MIN_NORMAL)));
        Tensor bounds = Device.of(codes).place(HostTensors.of(map.bounds(), 255));
        Tensor nearest = torch.bucketize(rows, bounds, true, false).view(-1);
        codes.narrow(0, from, size).copy_(nearest.narrow(0, 0, size));
    }
}
