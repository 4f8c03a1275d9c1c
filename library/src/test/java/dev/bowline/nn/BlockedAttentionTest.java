package dev.bowline.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.tensor.Device;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.MatMul;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Sequences longer than a block, against the formula in float32 on the same values.
final class BlockedAttentionTest {

    private static final int ROWS = 2;
    private static final int LENGTH = 300;
    private static final int HEADS = 4;
    private static final int WIDTH = 16;

    /// Of a tensor's norm: a few roundings of each element to bfloat16. One key too many or too few is off by
    /// more.
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

    /// The eager attention of transformers, with autograd's backward pass. In one block the products are the
    /// same, and so must each rounding be; of the softmax's gradient, the sums may differ in their last
    /// digit. Measured, nothing differs; with the gradient of the scores left in float32, that of q is off by
    /// 0.0029.
    @Test
    void aBlockIsRoundedAsTheEagerAttentionRounds() {
        int length = 60;
        try (TensorScope _ = TensorScope.open()) {
            torch.manual_seed(5);
            Tensor additive = Ops.full(Device.CPU, Dtype.BFLOAT16, -1e38, 1, 1, length, length)
                    .triu(1);
            AttentionMask mask = new AttentionMask.Causal();
            List<Tensor> values = List.of(
                    random(1, length, HEADS, WIDTH), random(1, length, HEADS, WIDTH), random(1, length, HEADS, WIDTH));
            Tensor gradient = random(1, length, HEADS, WIDTH);

            List<Tensor> expected = run(values, gradient, Dtype.BFLOAT16, (q, k, v) -> {
                Tensor scores = MatMul.batched(q.select(0, 0), k.select(0, 0).transpose(1, 2));
                Tensor p = Ops.softmax(scores.add(additive.select(0, 0)), Dtype.FLOAT32);
                Tensor mixed = MatMul.batched(p.to(q.scalar_type()), v.select(0, 0));
                return mixed.unsqueeze(0).transpose(1, 2);
            });
            List<Tensor> actual = run(values, gradient, mask, Dtype.BFLOAT16);

            assertTrue(expected.getFirst().equal(actual.getFirst()));
            for (int i = 1; i < expected.size(); i++) {
                assertTrue(error(expected.get(i), actual.get(i)) < 3e-4, "gradient " + i);
            }
        }
    }

    /// Softmax of scaled and capped scores with autograd's backward pass, in blocks and in one piece. In
    /// float32 they differ by the order of sums.
    @ParameterizedTest
    @CsvSource({"0.3, 0, 0", "0.3, 2, 0", "1, 2, 0", "0.3, 2, 150", "1, 0, 5"})
    void scaledAndCappedScoresHaveTheGradientsOfTheFormula(double scale, double cap, int window) {
        var like = new ScaledAttention.Scores(scale, cap == 0 ? OptionalDouble.empty() : OptionalDouble.of(cap));
        OptionalInt limit = window == 0 ? OptionalInt.empty() : OptionalInt.of(window);
        try (TensorScope _ = TensorScope.open()) {
            torch.manual_seed(4);
            List<Tensor> values = List.of(
                    random(ROWS, LENGTH, HEADS, WIDTH), random(ROWS, LENGTH, 2, WIDTH), random(ROWS, LENGTH, 2, WIDTH));
            Tensor gradient = random(ROWS, LENGTH, HEADS, WIDTH);
            Tensor seen = additive(limit);

            AttentionMask mask = Sequences.causal(ROWS, LENGTH).mask(limit, on(Dtype.FLOAT32));
            List<Tensor> expected = run(values, gradient, Dtype.FLOAT32, (q, k, v) -> eager(q, k, v, like, seen));
            List<Tensor> actual = run(
                    values,
                    gradient,
                    Dtype.FLOAT32,
                    (q, k, v) -> ScaledAttention.attend(KernelPolicy.FUSED_CPU, q, k, v, mask, like));

            for (int i = 0; i < expected.size(); i++) {
                double error = error(expected.get(i), actual.get(i));
                assertTrue(error < 1e-5, "tensor %d is off by %s".formatted(i, error));
            }
        }
    }

    /// As above for one block in bfloat16, whose roundings are those of the eager attention of transformers.
    @ParameterizedTest
    @CsvSource({"0.3, 0", "0.3, 2"})
    void scaledAndCappedScoresAreRoundedAsTheEagerAttentionRounds(double scale, double cap) {
        var like = new ScaledAttention.Scores(scale, cap == 0 ? OptionalDouble.empty() : OptionalDouble.of(cap));
        int length = 60;
        try (TensorScope _ = TensorScope.open()) {
            torch.manual_seed(6);
            List<Tensor> values = List.of(
                    random(1, length, HEADS, WIDTH), random(1, length, HEADS, WIDTH), random(1, length, HEADS, WIDTH));
            Tensor gradient = random(1, length, HEADS, WIDTH);
            Tensor additive = Ops.full(Device.CPU, Dtype.BFLOAT16, Double.NEGATIVE_INFINITY, 1, 1, length, length)
                    .triu(1);
            AttentionMask mask = new AttentionMask.Causal();

            List<Tensor> expected = run(values, gradient, Dtype.BFLOAT16, (q, k, v) -> eager(q, k, v, like, additive));
            List<Tensor> actual = run(
                    values,
                    gradient,
                    Dtype.BFLOAT16,
                    (q, k, v) -> ScaledAttention.attend(KernelPolicy.FUSED_CPU, q, k, v, mask, like));

            assertTrue(expected.getFirst().equal(actual.getFirst()));
            for (int i = 1; i < expected.size(); i++) {
                double error = error(expected.get(i), actual.get(i));
                assertTrue(error < 3e-4, "gradient %d is off by %s".formatted(i, error));
            }
        }
    }

    /// Such as a validation, whose rows are as long as those of training.
    @Test
    void aLongSequenceWithoutGradientsHasTheSameValues() {
        int length = 700;
        try (TensorScope _ = TensorScope.open()) {
            torch.manual_seed(8);
            Tensor q = random(1, length, HEADS, WIDTH).transpose(1, 2).to(ScalarType.BFloat16);
            Tensor k = random(1, length, 2, WIDTH).transpose(1, 2).to(ScalarType.BFloat16);
            AttentionMask mask = Sequences.causal(1, length).mask(OptionalInt.of(600), on(Dtype.BFLOAT16));

            Tensor actual = DotProductAttention.attend(KernelPolicy.FUSED_CPU, q, k, k, mask);

            assertFalse(actual.requires_grad());
            Tensor trained = q.detach().set_requires_grad(true);
            assertTrue(DotProductAttention.attend(KernelPolicy.FUSED_CPU, trained, k, k, mask)
                    .detach()
                    .equal(actual));
        }
    }

    /// A mask is [B, S, S]; the graph keeps q, k, v and the number of each position's document.
    @Test
    void theGraphKeepsNoMask() {
        try (TensorScope _ = TensorScope.open()) {
            Tensor q =
                    random(ROWS, HEADS, LENGTH, WIDTH).to(ScalarType.BFloat16).set_requires_grad(true);
            long inputs = 3L * ROWS * HEADS * LENGTH * WIDTH * Short.BYTES;
            int[] ids = new int[ROWS * LENGTH];

            Tensor causal = DotProductAttention.attend(KernelPolicy.FUSED_CPU, q, q, q, new AttentionMask.Causal());
            assertEquals(inputs, SavedBytes.of(causal));

            Sequences packed = Sequences.packed(ids, ids, ROWS, LENGTH);
            Tensor masked = DotProductAttention.attend(
                    KernelPolicy.FUSED_CPU, q, q, q, packed.mask(OptionalInt.of(40), on(Dtype.BFLOAT16)));
            assertEquals(inputs + (long) ids.length * Integer.BYTES, SavedBytes.of(masked));
        }
    }

    /// The definition, a position at a time.
    @ParameterizedTest
    @CsvSource({"0, 0", "0, 3", "5, 0", "5, 3", "5, 20"})
    void aMaskHidesLaterPositionsAndThoseBeforeTheWindow(int past, int window) {
        OptionalInt limit = window == 0 ? OptionalInt.empty() : OptionalInt.of(window);
        int queries = 4;
        long[] real = {1, 1, 0, 1};
        try (TensorScope _ = TensorScope.open()) {
            Tensor mask = new VisibleKeys(
                            new VisibleKeys.Range(queries, past, limit),
                            new VisibleKeys.Limit.None(),
                            on(Dtype.FLOAT32))
                    .additive();
            Tensor padded = new VisibleKeys(
                            new VisibleKeys.Range(queries, 0, limit),
                            new VisibleKeys.Limit.Padding(HostTensors.of(real, 1, queries)),
                            on(Dtype.FLOAT32))
                    .additive();

            long keys = mask.size(3);
            int first = past + queries - Math.toIntExact(keys);
            assertEquals(window == 0 ? 0 : Math.max(0, past - window + 1), first);
            for (int query = 0; query < queries; query++) {
                for (int key = 0; key < keys; key++) {
                    int distance = past + query - (first + key);
                    boolean visible = distance >= 0 && (window == 0 || distance < window);
                    assertEquals(visible ? 0 : -Float.MAX_VALUE, element(mask, query, key), query + " " + key);
                }
                for (int key = 0; key < queries; key++) {
                    boolean visible = key <= query && (window == 0 || query - key < window) && real[key] == 1;
                    assertEquals(visible ? 0 : -Float.MAX_VALUE, element(padded, query, key), query + " " + key);
                }
            }
        }
    }

    private static float element(Tensor mask, int query, int key) {
        return mask.select(0, 0).select(0, 0).select(0, query).select(0, key).item_float();
    }

    /// [1, 1, S, S]: 0 where a query may look, else -inf.
    private static Tensor additive(OptionalInt window) {
        Tensor additive = Ops.full(Device.CPU, Dtype.FLOAT32, Double.NEGATIVE_INFINITY, LENGTH, LENGTH);
        Tensor later = additive.triu(1);
        Tensor seen = window.isPresent() ? later.add(additive.tril(-window.getAsInt())) : later;
        return seen.unsqueeze(0).unsqueeze(0);
    }

    private static Tensor eager(Tensor q, Tensor k, Tensor v, ScaledAttention.Scores like, Tensor additive) {
        long groups = q.size(1) / k.size(1);
        Tensor keys = k.repeat_interleave(groups, new LongOptional(1), new LongOptional());
        Tensor values = v.repeat_interleave(groups, new LongOptional(1), new LongOptional());
        Tensor scores = MatMul.batched(q.flatten(0, 1), keys.flatten(0, 1).transpose(1, 2))
                .view(q.size(0), q.size(1), q.size(2), q.size(2))
                .mul(new Scalar(like.scale()));
        if (like.cap().isPresent()) {
            Scalar cap = new Scalar(like.cap().getAsDouble());
            scores = scores.div(cap).tanh().mul(cap);
        }
        Tensor p = Ops.softmax(scores.add(additive), Dtype.FLOAT32);
        return MatMul.batched(p.to(q.scalar_type()).flatten(0, 1), values.flatten(0, 1))
                .view_as(q)
                .transpose(1, 2);
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

            List<Tensor> expected = run(values, gradient, sequences.mask(limit, on(Dtype.FLOAT32)), Dtype.FLOAT32);
            List<Tensor> actual = run(values, gradient, sequences.mask(limit, on(Dtype.BFLOAT16)), Dtype.BFLOAT16);

            assertEquals(expected.size(), actual.size());
            for (int i = 0; i < expected.size(); i++) {
                double error = error(expected.get(i), actual.get(i));
                assertTrue(error < BOUND, "tensor %d is off by %s".formatted(i, error));
            }
        }
    }

    private static double error(Tensor expected, Tensor actual) {
        return expected.sub(actual).norm().item_double() / expected.norm().item_double();
    }

    private static List<Tensor> run(List<Tensor> values, Tensor gradient, AttentionMask mask, Dtype dtype) {
        return run(
                values,
                gradient,
                dtype,
                (q, k, v) -> DotProductAttention.attend(KernelPolicy.FUSED_CPU, q, k, v, mask));
    }

    /// [B, N, S, D] each to [B, S, N, D].
    private interface Attention {
        Tensor of(Tensor q, Tensor k, Tensor v);
    }

    /// The output, then the gradients of q, k and v, in float32.
    private static List<Tensor> run(List<Tensor> values, Tensor gradient, Dtype dtype, Attention attention) {
        List<Tensor> inputs = values.stream()
                .map(value -> Ops.cast(value, dtype).clone().set_requires_grad(true))
                .toList();
        List<Tensor> heads = inputs.stream().map(input -> input.transpose(1, 2)).toList();
        Tensor o = attention.of(heads.get(0), heads.get(1), heads.get(2));
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

    private static Placement on(Dtype dtype) {
        return new Placement(dtype, Device.CPU);
    }
}
