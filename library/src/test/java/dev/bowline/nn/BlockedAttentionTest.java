package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Sequences longer than a block, against the formula in float32 on the same values.
final class BlockedAttentionTest {

    private static final int ROWS = 2;
    private static final int LENGTH = 300;
    private static final int HEADS = 4;
    private static final int WIDTH = 16;

    /// Of a tensor's norm: a few roundings of each element to bfloat16. One key too many or too few is off by more.
    private static final double BOUND = 0.01;

    @ParameterizedTest
    @CsvSource({"4, 0", "2, 0", "1, 0", "2, 5", "2, 150", "1, 128"})
    void valuesAndGradientsAreThoseOfTheFormula(int keyHeads, int window) {
        check(keyHeads, Sequences.causal(ROWS, LENGTH), window);
    }

    @ParameterizedTest
    @CsvSource({"0", "40", "200"})
    void documentsOfAPackedRowDoNotSeeEachOther(int window) {
        int[] documents = new int[ROWS * LENGTH];
        int[] positions = new int[ROWS * LENGTH];
        int[] ends = {90, 130, 260, LENGTH};
        for (int i = 0; i < documents.length; i++) {
            int at = i % LENGTH;
            positions[i] = at;
            documents[i] = (int) Arrays.stream(ends).filter(end -> end <= at).count();
        }
        check(2, Sequences.packed(documents, positions, ROWS, LENGTH), window);
    }

    @Test
    void onlyTrainingInWholeSequencesGoesByBlocks() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor q = random(1, HEADS, 8, WIDTH).set_requires_grad(true);
            Tensor longer = random(1, HEADS, 9, WIDTH);

            assertTrue(BlockedAttention.fits(q, q, q, new AttentionMask.Causal()));
            assertFalse(BlockedAttention.fits(q, longer, longer, new AttentionMask.Causal()));
            assertFalse(BlockedAttention.fits(q, q, q, new AttentionMask.Everything()));
            try (NoGradGuard _ = new NoGradGuard()) {
                assertFalse(BlockedAttention.fits(q, q, q, new AttentionMask.Causal()));
            }
        }
    }

    private static void check(int keyHeads, Sequences sequences, int window) {
        OptionalInt limit = window == 0 ? OptionalInt.empty() : OptionalInt.of(window);
        try (TensorScope _ = TensorScope.open()) {
            torch.manual_seed(3);
            List<Tensor> values = List.of(
                    random(ROWS, LENGTH, HEADS, WIDTH),
                    random(ROWS, LENGTH, keyHeads, WIDTH),
                    random(ROWS, LENGTH, keyHeads, WIDTH));
            Tensor gradient = random(ROWS, LENGTH, HEADS, WIDTH);

            List<Tensor> expected = run(values, gradient, sequences.mask(limit, Dtype.FLOAT32), Dtype.FLOAT32);
            List<Tensor> actual = run(values, gradient, sequences.mask(limit, Dtype.BFLOAT16), Dtype.BFLOAT16);

            assertEquals(expected.size(), actual.size());
            for (int i = 0; i < expected.size(); i++) {
                double error = expected.get(i).sub(actual.get(i)).norm().item_double()
                        / expected.get(i).norm().item_double();
                assertTrue(error < BOUND, "tensor %d is off by %s".formatted(i, error));
            }
        }
    }

    /// The output, then the gradients of q, k and v, in float32.
    private static List<Tensor> run(List<Tensor> values, Tensor gradient, AttentionMask mask, Dtype dtype) {
        List<Tensor> inputs = values.stream()
                .map(value -> Ops.cast(value, dtype).clone().set_requires_grad(true))
                .toList();
        List<Tensor> heads = inputs.stream().map(input -> input.transpose(1, 2)).toList();
        Tensor o = DotProductAttention.attend(heads.get(0), heads.get(1), heads.get(2), mask);
        Ops.backward(o, Ops.cast(gradient, dtype));
        return List.of(
                Ops.cast(o.detach(), Dtype.FLOAT32),
                Ops.cast(new Tensor(inputs.get(0).grad()), Dtype.FLOAT32),
                Ops.cast(new Tensor(inputs.get(1).grad()), Dtype.FLOAT32),
                Ops.cast(new Tensor(inputs.get(2).grad()), Dtype.FLOAT32));
    }

    /// Values that bfloat16 holds exactly.
    private static Tensor random(long... shape) {
        Tensor x = torch.randn(shape, new TensorOptions(Dtype.FLOAT32.scalarType()));
        return Ops.cast(Ops.cast(Ops.times(x, 0.7), Dtype.BFLOAT16), Dtype.FLOAT32);
    }
}
