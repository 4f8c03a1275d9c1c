package dev.bowline.quantization;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/// The scales of the blocks of an NF4 matrix.
sealed interface Nf4Scales extends AutoCloseable {

    long bytes();

    void to(Device device);

    @Override
    void close();

    /// Reads scales in the memory of the CPU.
    ///
    /// @param scales the first `count` are overwritten
    /// @param from the first block
    void read(float[] scales, long from, int count);

    /// @param from the first block
    /// @return `[count]` float32 on the device of the scales, in the caller's scope
    Tensor tensor(long from, long count);

    /// Scales in float32.
    ///
    /// @param values `[blocks]`
    record Plain(OwnedTensor values) implements Nf4Scales {

        @Override
        public long bytes() {
            return values.bytes();
        }

        @Override
        public void to(Device device) {
            values.to(device);
        }

        @Override
        public void close() {
            values.close();
        }

        @Override
        public void read(float[] scales, long from, int count) {
            MemorySegment.copy(
                    HostTensors.bytes(values.get()),
                    ValueLayout.JAVA_FLOAT_UNALIGNED,
                    from * Float.BYTES,
                    scales,
                    0,
                    count);
        }

        @Override
        public Tensor tensor(long from, long count) {
            return values.get().narrow(0, from, count);
        }
    }

    /// Quantised scales: `map[code]` × the scale of the block of scales + offset.
    ///
    /// @param codes `[blocks]` uint8
    /// @param outer `[ceil(blocks / blockSize)]` float32
    /// @param map the 256 values of a code
    /// @param offset the mean of the scales
    record Nested(OwnedTensor codes, OwnedTensor outer, float[] map, int blockSize, float offset) implements Nf4Scales {

        @Override
        public long bytes() {
            return codes.bytes() + outer.bytes();
        }

        @Override
        public void to(Device device) {
            codes.to(device);
            outer.to(device);
        }

        @Override
        public void close() {
            codes.close();
            outer.close();
        }

        @Override
        public void read(float[] scales, long from, int count) {
            MemorySegment code = HostTensors.bytes(codes.get());
            MemorySegment outerScale = HostTensors.bytes(outer.get());
            for (int i = 0; i < count; i++) {
                long block = from + i;
                float scale = outerScale.get(ValueLayout.JAVA_FLOAT_UNALIGNED, block / blockSize * Float.BYTES);
                scales[i] = map[Byte.toUnsignedInt(code.get(ValueLayout.JAVA_BYTE, block))] * scale + offset;
            }
        }

        @Override
        public Tensor tensor(long from, long count) {
            Tensor blocks = Ops.arange(Device.of(outer.get()), Dtype.INT64, from, (double) from + count, 1);
            Tensor scales = outer.get().index_select(0, blocks.floor_divide(new Scalar(blockSize)));
            Tensor values = Device.of(codes.get()).place(HostTensors.of(map, map.length));
            Tensor unscaled =
                    values.index_select(0, codes.get().narrow(0, from, count).to(Dtype.INT32.scalarType()));
            return unscaled.mul_(scales).add_(new Scalar(offset));
        }
    }
}
