package dev.bowline.checkpoint;

import dev.bowline.safetensors.TensorBytes;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/// The bytes of a tensor for a file. A tensor on the CPU is not copied. A part of a tensor on another device is
/// copied to the CPU when the part is written.
final class HostCopy {

    private HostCopy() {}

    /// All bytes of a contiguous tensor.
    static TensorBytes of(Tensor tensor) {
        return part(() -> tensor, 0, tensor.numel());
    }

    /// @param tensor contiguous; it is asked for when the bytes are written
    /// @param from the first element
    /// @param elements the number of elements
    static TensorBytes part(Supplier<Tensor> tensor, long from, long elements) {
        return sink -> {
            Tensor values = tensor.get();
            write(values, Dtype.of(values.scalar_type()), new Elements(from, elements), sink);
        };
    }

    /// Elements of a flattened tensor.
    record Elements(long from, long count) {}

    /// @param stored the dtype in the file
    static void write(Tensor tensor, Dtype stored, Elements part, TensorBytes.Sink sink) throws IOException {
        try (TensorScope _ = TensorScope.open()) {
            Tensor values = tensor.detach().view(-1).narrow(0, part.from(), part.count());
            sink.accept(HostTensors.bytes(Device.CPU.place(Ops.cast(values, stored))));
        }
    }
}
