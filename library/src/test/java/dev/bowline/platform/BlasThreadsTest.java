package dev.bowline.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.bowline.nn.AttentionMask;
import dev.bowline.nn.DotProductAttention;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class BlasThreadsTest {

    private int before;

    @BeforeEach
    void loaded() {
        random(1).close();
        before = BlasThreads.count();
    }

    @AfterEach
    void restore() {
        BlasThreads.all();
    }

    @Test
    void oneIsOneAndAllIsWhatBlasBeganWith() {
        BlasThreads.one();
        assertEquals(1, BlasThreads.count());
        BlasThreads.all();
        assertEquals(before, BlasThreads.count());
    }

    @Test
    void attentionLeavesTheThreadsAsTheyWere() {
        try (var _ = TensorScope.open()) {
            Tensor q = random(1, 2, 4, 8).set_requires_grad(true);
            Tensor k = random(1, 1, 4, 8);
            Tensor y = DotProductAttention.attend(KernelPolicy.FUSED_CPU, q.mul(q), k, k, new AttentionMask.Causal());
            assertEquals(before, BlasThreads.count());
            Ops.backward(y, random(1, 4, 2, 8));
            assertEquals(before, BlasThreads.count());

            Tensor narrow = random(1, 1, 4, 6);
            assertThrows(
                    RuntimeException.class,
                    () -> DotProductAttention.attend(
                            KernelPolicy.FUSED_CPU, q, narrow, narrow, new AttentionMask.Causal()));
            assertEquals(before, BlasThreads.count());
        }
    }

    private static Tensor random(long... shape) {
        return torch.randn(shape, new TensorOptions(Dtype.FLOAT32.scalarType()));
    }
}
