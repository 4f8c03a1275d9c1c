package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.Shapes;
import dev.bowline.tensor.TensorScope;
import java.util.OptionalLong;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;

/// A backward pass leaves no handle of a gradient in the scope around it: there it would stay, and its memory with it,
/// until the whole pass ends.
class BackwardHandlesTest {

    private static Tensor trained(long... shape) {
        Tensor x = Ops.full(Device.CPU, Dtype.FLOAT32, 0.5, shape);
        x.set_requires_grad(true);
        return x;
    }

    private static void requireNoneAfterBackward(Tensor y) {
        Tensor ones = Ops.full(Device.CPU, Dtype.FLOAT32, 1, Shapes.of(y));
        long before = Pointer.totalCount();

        Ops.backward(y, ones);

        long after = Pointer.totalCount();
        assertTrue(after <= before, before + " handles became " + after);
    }

    @Test
    void ofAttention() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor q = trained(1, 2, 8, 4);
            Tensor k = trained(1, 2, 8, 4);
            Tensor v = trained(1, 2, 8, 4);

            requireNoneAfterBackward(
                    DotProductAttention.attend(KernelPolicy.FUSED_CPU, q, k, v, new AttentionMask.Causal()));
        }
    }

    @Test
    void ofALookup() {
        try (TensorScope _ = TensorScope.open()) {
            Embedding embedding = new Embedding("embedding", 5, 4, OptionalLong.empty());
            embedding.weight().get().materialize(trained(5, 4));
            // The first gradient of a parameter stays with it.
            embedding.weight().get().gradientBuffer();

            requireNoneAfterBackward(embedding.forward(HostTensors.of(new long[] {1, 3, 1}, 1, 3)));
        }
    }
}
