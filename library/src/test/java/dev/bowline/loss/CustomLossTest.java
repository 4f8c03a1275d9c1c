package dev.bowline.loss;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.nn.Head;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.Parameter;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.RandomSource;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.util.OptionalDouble;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;

/// A library user can write a loss: with autograd in two lines, or with gradients of its own. It may compare
/// the model with a second one.
class CustomLossTest {

    private static final int VOCABULARY = 40;
    private static final int WIDTH = 16;
    private static final long[] LABELS = {3, -100, 7, 39, -100, 0, 11, 12, -100, 1};

    /// The targets of a distillation, Σ KL(teacher ‖ student), through autograd.
    private static final Loss DISTILLATION = Loss.autograd(input -> {
        Tensor student = torch.log_softmax(input.head().logits(input.targetHidden()), -1);
        Tensor teacher = torch.log_softmax(teacherLogits(input), -1);
        return teacher.exp().mul(teacher.sub(student)).sum();
    });

    private static Tensor teacherLogits(LossInput input) {
        LossInput.Reference reference = input.reference().orElseThrow();
        try (NoGradGuard _ = new NoGradGuard()) {
            return reference.head().logits(reference.targetHidden(input.targets()));
        }
    }

    /// The same loss with its gradient written by hand: dL/dz = softmax(z) - softmax(teacher).
    private static final class HandWrittenDistillation implements Loss {

        @Override
        public double backward(LossInput input, double weight) {
            try (TensorScope _ = TensorScope.open()) {
                Tensor rows = input.targetHidden();
                Tensor dRows;
                try (NoGradGuard _ = new NoGradGuard()) {
                    LinearOperator linear = input.head().linear().operator();
                    Tensor z = linear.forward(rows);
                    Tensor dz = torch.softmax(z, -1).sub(torch.softmax(teacherLogits(input), -1));
                    linear.addWeightGradient(dz, rows, weight);
                    dRows = Ops.times(linear.inputGradient(dz), weight);
                }
                Ops.backward(rows, dRows);
                return weight * sum(input);
            }
        }

        @Override
        public double sum(LossInput input) {
            return DISTILLATION.sum(input);
        }
    }

    private static Head head(RandomSource random, int width) {
        Linear linear = new Linear("lm_head", width, VOCABULARY);
        linear.weight().get().materialize(random.normal(1, VOCABULARY, width));
        return new Head(linear, OptionalDouble.empty());
    }

    private static Tensor hidden(RandomSource random, int width) {
        return random.normal(1, 2, 5, width);
    }

    @Test
    void aDistillationByHandHasTheGradientsOfAutograd() {
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(3)) {
            Tensor hidden = hidden(random, WIDTH).set_requires_grad(true);
            Head head = head(random, WIDTH);
            Parameter weight = head.linear().weight().get();
            LossInput input = LossInput.of(hidden, head, Targets.of(LABELS))
                    .withReference(new LossInput.Reference(hidden(random, 24), head(random, 24)));
            double expected = DISTILLATION.backward(input, 0.25);
            Tensor dHidden = hidden.grad().clone();
            Tensor dWeight = weight.gradient().orElseThrow().clone();
            hidden.mutable_grad().reset();
            weight.clearGradient();

            double actual = new HandWrittenDistillation().backward(input, 0.25);

            assertEquals(expected, actual, 1e-5 * expected);
            assertTrue(dHidden.allclose(hidden.grad(), 1e-4, 1e-6, false));
            assertTrue(dWeight.allclose(weight.gradient().orElseThrow(), 1e-4, 1e-6, false));
        }
    }

    @Test
    void aSmoothedCrossEntropyIsTwoLines() {
        Loss smoothed = Loss.autograd(input -> torch.cross_entropy_loss(
                input.head().logits(input.targetHidden()), input.targetTokens(), new TensorOptional(), 2, -100, 0.1));
        try (TensorScope _ = TensorScope.open();
                RandomSource random = RandomSource.seeded(3)) {
            LossInput input = LossInput.of(hidden(random, WIDTH), head(random, WIDTH), Targets.of(LABELS));

            // 0.9 x the cross-entropy + 0.1 x its mean over all tokens
            Tensor logs =
                    torch.log_softmax(input.head().logits(input.targetHidden()).detach(), -1);
            double expected = 0.9 * new ChunkedCrossEntropy(4).sum(input)
                    - 0.1 * logs.sum().item_double() / VOCABULARY;

            assertEquals(expected, smoothed.sum(input), 1e-4);
        }
    }

    @Test
    void targetsKnowTheirRows() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor hidden = Ops.cast(HostTensors.of(new float[10 * WIDTH], 2, 5, WIDTH), Dtype.FLOAT32);
            LossInput input = LossInput.of(
                    hidden,
                    new Head(new Linear("lm_head", WIDTH, VOCABULARY), OptionalDouble.empty()),
                    Targets.of(LABELS));

            assertArrayEquals(
                    new long[] {0, 0, 0, 1, 1, 1, 1},
                    HostTensors.bytes(input.targetRows()).toArray(ValueLayout.JAVA_LONG));
        }
    }
}
