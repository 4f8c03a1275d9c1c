package dev.bowline.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.nn.Head;
import dev.bowline.nn.Linear;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.Scalar;
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
            Tensor weightWhole =
                    head.linear().weight().tensor().detach().clone().set_requires_grad(true);

            double loss =
                    new ChunkedCrossEntropy(chunk).backward(LossInput.of(hidden, head, Targets.of(LABELS)), 1.0 / 7);
            Tensor whole = wholeLoss(hiddenWhole, weightWhole, cap);
            whole.backward();

            assertEquals(whole.item_double(), loss, 1e-5);
            assertClose(new Tensor(hiddenWhole.grad()), new Tensor(hidden.grad()));
            assertClose(
                    new Tensor(weightWhole.grad()),
                    head.linear().weight().get().gradient().orElseThrow());
        }
    }

    /// bfloat16 rounds each logit to 8 bits; a product per chunk must not round the head's gradient more than one
    /// product would.
    @ParameterizedTest
    @CsvSource({"1,0", "3,5", "512,0", "512,5"})
    void bfloat16StaysWithinItsRounding(int chunk, double cap) {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Tensor values = Ops.cast(random.normal(1, 2, 5, WIDTH), Dtype.BFLOAT16);
            Tensor hidden = values.clone().set_requires_grad(true);
            Tensor hiddenWhole = values.clone().set_requires_grad(true);
            Head head = head(random, cap);
            head.linear().weight().get().cast(Dtype.BFLOAT16);
            Tensor weightWhole =
                    head.linear().weight().tensor().detach().clone().set_requires_grad(true);

            double loss =
                    new ChunkedCrossEntropy(chunk).backward(LossInput.of(hidden, head, Targets.of(LABELS)), 1.0 / 7);
            Tensor whole = wholeLoss(hiddenWhole, weightWhole, cap);
            whole.backward();

            assertEquals(whole.item_double(), loss, 1e-5);
            assertClose(new Tensor(hiddenWhole.grad()), new Tensor(hidden.grad()), 0.01);
            assertClose(
                    new Tensor(weightWhole.grad()),
                    head.linear().weight().get().gradient().orElseThrow(),
                    0.01);
        }
    }

    /// The second micro-batch of a step adds to the gradient of the first.
    @ParameterizedTest
    @CsvSource({"3", "512"})
    void gradientsOfMicroBatchesAddUp(int chunk) {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Tensor values = random.normal(1, 2, 5, WIDTH);
            Head head = head(random, 5);
            ChunkedCrossEntropy loss = new ChunkedCrossEntropy(chunk);

            loss.backward(LossInput.of(values, head, Targets.of(LABELS)), 0.5);
            Tensor once = head.linear().weight().get().gradient().orElseThrow().clone();
            loss.backward(LossInput.of(values, head, Targets.of(LABELS)), 0.25);

            assertClose(
                    Ops.times(once, 1.5),
                    head.linear().weight().get().gradient().orElseThrow());
        }
    }

    @Test
    void withoutAnyTargetTheGradientIsZero() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Tensor hidden = random.normal(1, 1, 2, WIDTH).set_requires_grad(true);
            Targets none = Targets.of(new long[] {Targets.IGNORED, Targets.IGNORED});

            double loss = new ChunkedCrossEntropy(4).backward(LossInput.of(hidden, head(random, 5), none), 1);

            assertEquals(0, loss);
            assertEquals(0, new Tensor(hidden.grad()).abs().max().item_double());
        }
    }

    @Test
    void ignoredPositionsHaveAGradientOfExactlyZero() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(5)) {
            Tensor hidden = random.normal(1, 1, 10, WIDTH).set_requires_grad(true);

            new ChunkedCrossEntropy(4).backward(LossInput.of(hidden, head(random, 5), Targets.of(LABELS)), 1.0 / 7);

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
            head.linear().weight().get().freeze();

            new ChunkedCrossEntropy(4).backward(LossInput.of(hidden, head, Targets.of(LABELS)), 1.0 / 7);

            assertTrue(head.linear().weight().get().gradient().isEmpty());
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

            double sum = new ChunkedCrossEntropy(4).sum(LossInput.of(hidden, head, targets));

            assertEquals(new ChunkedCrossEntropy(3).backward(LossInput.of(hidden, head, targets), 1), sum, 1e-4);
        }
    }

    @Test
    void targetsAreTheLabelsThatAreNotIgnored() {
        Targets targets = Targets.of(LABELS);

        assertArrayEquals(new long[] {0, 2, 3, 5, 6, 7, 9}, targets.positions());
        assertArrayEquals(new long[] {3, 7, 39, 0, 11, 12, 1}, targets.tokens());
    }

    private static Tensor wholeLoss(Tensor hidden, Tensor weight, double cap) {
        Tensor z = torch.linear(hidden, weight);
        Tensor logits = cap == 0 ? z : z.div(new Scalar(cap)).tanh().mul(new Scalar(cap));
        return torch.cross_entropy_loss(
                Ops.cast(logits, Dtype.FLOAT32).reshape(-1, VOCABULARY), HostTensors.of(LABELS, LABELS.length));
    }

    private static Head head(RandomSource random, double cap) {
        Linear linear = new Linear("lm_head", WIDTH, VOCABULARY);
        linear.weight().get().materialize(random.normal(1, VOCABULARY, WIDTH));
        return new Head(linear, cap == 0 ? OptionalDouble.empty() : OptionalDouble.of(cap));
    }

    private static void assertClose(Tensor expected, Tensor actual) {
        assertClose(expected, actual, 1e-5);
    }

    private static void assertClose(Tensor expected, Tensor actual, double tolerance) {
        Tensor wide = Ops.cast(expected, Dtype.FLOAT32);
        double error = wide.sub(Ops.cast(actual, Dtype.FLOAT32)).norm().item_double()
                / wide.norm().item_double();
        assertTrue(error < tolerance, "differs by " + error);
    }
}
