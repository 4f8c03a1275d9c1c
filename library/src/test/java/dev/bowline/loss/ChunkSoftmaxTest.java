package dev.bowline.loss;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.fixtures.TwoThreads;
import dev.bowline.nn.KernelPolicy;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// More rows than one block holds, against autograd over all of them.
@ExtendWith(TwoThreads.class)
final class ChunkSoftmaxTest {

    private static final int TOKENS = 70;
    private static final int VOCABULARY = 1 << 16;

    /// With logits around 60 many a target's probability is too small for float32.
    @ParameterizedTest
    @CsvSource({"1, 0", "10, 30", "60, 0"})
    void lossAndGradientAreThoseOfTheFormula(double size, double cap) {
        OptionalDouble softcap = cap == 0 ? OptionalDouble.empty() : OptionalDouble.of(cap);
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(11)) {
            Tensor z = random.normal(size, TOKENS, VOCABULARY);
            long[] chosen = new long[TOKENS];
            for (int i = 0; i < TOKENS; i++) {
                chosen[i] = i * 7L;
            }
            Tensor targets = HostTensors.of(chosen, TOKENS);
            Tensor whole = z.clone().set_requires_grad(true);
            Tensor y = cap == 0 ? whole : whole.div(new Scalar(cap)).tanh().mul(new Scalar(cap));
            Tensor expected = torch.log_softmax(y, -1)
                    .gather(1, targets.unsqueeze(1))
                    .sum()
                    .neg();
            expected.backward();

            double lossAlone = new ChunkSoftmax(KernelPolicy.FUSED_CPU, softcap).loss(z.clone(), targets);
            double loss = new ChunkSoftmax(KernelPolicy.FUSED_CPU, softcap).lossAndGradient(z, targets);

            double exact = expected.item_double();
            assertEquals(exact, loss, 1e-5 * exact);
            assertEquals(exact, lossAlone, 1e-5 * exact);
            Tensor gradient = new Tensor(whole.grad());
            double error =
                    gradient.sub(z).norm().item_double() / gradient.norm().item_double();
            assertTrue(error < 1e-5, "off by " + error);
        }
    }
}
