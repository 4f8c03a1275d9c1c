package dev.bowline.adapter;

import dev.bowline.adapter.format.LoraConfig.LoraAInit;
import dev.bowline.nn.Slot;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import org.bytedeco.pytorch.Tensor;

/// The values of a new pair: A from a distribution, B zero, both in float32 as in PEFT
/// (`autocast_adapter_dtype`).
final class LoraInit {

    private LoraInit() {}

    /// @param a [R, in], or [E, R, in]
    /// @param b [out, R], or [E, out, R]
    static void fill(Slot a, Slot b, LoraAInit init, RandomSource random) {
        a.get().materialize(initial(init, random, a.shape()));
        b.get().materialize(Ops.zeros(Device.CPU, Dtype.FLOAT32, b.shape()));
    }

    private static Tensor initial(LoraAInit init, RandomSource random, long... shape) {
        long in = shape[shape.length - 1];
        long rank = shape[shape.length - 2];
        return switch (init) {
            case KAIMING -> random.uniform(-1 / Math.sqrt(in), 1 / Math.sqrt(in), shape);
            case XAVIER -> random.normal(Math.sqrt(2.0 / (in + rank)), shape);
            case GAUSSIAN -> random.normal(1.0 / rank, shape);
        };
    }
}
