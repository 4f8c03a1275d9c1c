package dev.bowline.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.nn.Head;
import dev.bowline.nn.Linear;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The loss in chunks is the loss through whole logits: same value, same gradients, nothing on ignored positions.
class ChunkedCrossEntropyTest {

    private static final int WIDTH = 16;
    private static final int VOCABULARY = 40;
    private static final long[] LABELS = {3, -100, 7, 39, -100, 0, 11, 12, -100, 1};

    @ParameterizedTest
    @CsvSource({"1,0", "3,0", "512,0", "1,5", "3,5", "512,5"})
    void lossAndGradientsEqualThoseOfWholeLogits(int chunk, double cap) {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Tensor values = random.normal(1, 2, 5, WIDTH);
            Tensor hidden = values.clone().set_requires_grad(true);
            Tensor hiddenWhole = values.clone().set_requires_grad(true);
            Head head = head(random, cap);
            Tensor weightWhole = head.weight().tensor().detach().clone().set_requires_grad(true);

            double loss = new ChunkedCrossEntropy(chunk).backward(hidden, head, Targets.of(LABELS), 1.0 / 7);
            Tensor z = torch.linear(hiddenWhole, weightWhole);
            Tensor logits = cap == 0 ? z : Ops.times(Ops.times(z, 1 / cap).tanh(), cap);
            Tensor whole = torch.cross_entropy_loss(logits.reshape(-1, VOCABULARY), Memory.of(LABELS, LABELS.length));
            whole.backward();

            assertEquals(whole.item_double(), loss, 1e-5);
            assertClose(new Tensor(hiddenWhole.grad()), new Tensor(hidden.grad()));
            assertClose(
                    new Tensor(weightWhole.grad()),
                    head.weight().get().gradient().orElseThrow());
        }
    }

    @Test
    void ignoredPositionsHaveAGradientOfExactlyZero() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Tensor hidden = random.normal(1, 1, 10, WIDTH).set_requires_grad(true);

            new ChunkedCrossEntropy(4).backward(hidden, head(random, 5), Targets.of(LABELS), 1.0 / 7);

            for (int i : new int[] {1, 4, 8}) {
                assertEquals(
                        0, new Tensor(hidden.grad()).select(1, i).abs().max().item_double());
            }
            assertTrue(new Tensor(hidden.grad()).select(1, 0).abs().max().item_double() > 0);
        }
    }

    @Test
    void aFrozenHeadGetsNoGradientButPassesItOn() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Tensor hidden = random.normal(1, 1, 10, WIDTH).set_requires_grad(true);
            Head head = head(random, 5);
            head.weight().get().freeze();

            new ChunkedCrossEntropy(4).backward(hidden, head, Targets.of(LABELS), 1.0 / 7);

            assertTrue(head.weight().get().gradient().isEmpty());
            assertTrue(new Tensor(hidden.grad()).abs().max().item_double() > 0);
        }
    }

    @Test
    void theSumWithoutGradientsIsTheSameLoss() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Tensor hidden = random.normal(1, 1, 10, WIDTH).set_requires_grad(true);
            Head head = head(random, 5);
            Targets targets = Targets.of(LABELS);

            double sum = new ChunkedCrossEntropy(4).sum(hidden, head, targets);

            assertEquals(new ChunkedCrossEntropy(3).backward(hidden, head, targets, 1), sum, 1e-4);
        }
    }

    @Test
    void targetsAreTheLabelsThatAreNotIgnored() {
        Targets targets = Targets.of(LABELS);

        assertArrayEquals(new long[] {0, 2, 3, 5, 6, 7, 9}, targets.positions());
        assertArrayEquals(new long[] {3, 7, 39, 0, 11, 12, 1}, targets.tokens());
    }

    private static Head head(RandomSource random, double cap) {
        Linear linear = new Linear("lm_head", WIDTH, VOCABULARY);
        linear.weight().get().fill(random.normal(1, VOCABULARY, WIDTH));
        return new Head(linear.weight(), cap == 0 ? OptionalDouble.empty() : OptionalDouble.of(cap));
    }

    private static void assertClose(Tensor expected, Tensor actual) {
        double error = expected.sub(Ops.cast(actual, Dtype.FLOAT32)).norm().item_double()
                / expected.norm().item_double();
        assertTrue(error < 1e-5, "differs by " + error);
    }
}
