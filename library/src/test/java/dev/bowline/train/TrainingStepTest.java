package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.data.Batch;
import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.FullLogitsCrossEntropy;
import dev.bowline.loss.Loss;
import dev.bowline.loss.Targets;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.gemma4.ReferenceModel;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Gradients;
import dev.bowline.optim.StepGradients;
import dev.bowline.tensor.Ops;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A step is the same however its rows are cut into micro-batches or packed.
class TrainingStepTest {

    private static final List<PackedRow> ROWS =
            PackedRow.unpacked(List.of(example(1, 9), example(2, 14), example(3, 6)));

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv"})
    void microBatchesWeighByTheirTargetTokens(String variant) {
        TrainingStep.Outcome whole = step(variant, List.of(Batch.of(ROWS, 0)));

        TrainingStep.Outcome cut =
                // 12 targets in two rows and 3 in one: by rows, the second would weigh too much.
                step(variant, List.of(Batch.of(ROWS.subList(0, 2), 0), Batch.of(ROWS.subList(2, 3), 0)));

        assertEquals(whole.loss(), cut.loss(), 1e-5 * whole.loss());
        assertEquals(whole.gradNorm(), cut.gradNorm(), 1e-4 * whole.gradNorm());
    }

    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "dense_kv", "e2b_like"})
    void packedDocumentsDoNotSeeEachOther(String variant) {
        TrainingStep.Outcome apart = step(variant, List.of(Batch.of(ROWS, 0)));
        List<PackedRow> packed = PackedRow.packed(
                ROWS.stream().flatMap(row -> row.examples().stream()).toList(), 40);
        assertEquals(1, packed.size());

        TrainingStep.Outcome together = step(variant, List.of(Batch.of(packed, 0)));

        assertEquals(apart.loss(), together.loss(), 1e-5 * apart.loss());
        assertEquals(apart.gradNorm(), together.gradNorm(), 1e-4 * apart.gradNorm());
    }

    /// The first moment after one step is (1 - beta1) of the gradient that the optimizer was given.
    @Test
    void theOptimizerIsGivenTheClippedGradient() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load("moe_tied");
                AdamW optimizer =
                        new AdamW(model.trainable(), new AdamW.Settings(0.9, 0.95, 1e-8, 0, Decayed.MATRICES))) {
            TrainingStep step = new TrainingStep(model, optimizer, new ChunkedCrossEntropy(16), OptionalDouble.of(0.5));

            TrainingStep.Outcome outcome = step.take(1, List.of(Batch.of(ROWS, 0)), 1e-3);

            double squares = optimizer.state().entrySet().stream()
                    .filter(entry -> entry.getKey().endsWith(".exp_avg"))
                    .mapToDouble(entry -> Ops.norm(entry.getValue()).item_double())
                    .map(norm -> norm * norm)
                    .sum();
            assertTrue(outcome.gradNorm() > 1, "the norm is reported as it was: " + outcome.gradNorm());
            assertEquals(0.1 * 0.5, Math.sqrt(squares), 1e-5);
        }
    }

    /// A tied weight is one parameter. The first moment after one step is (1 - beta1) of the gradient it was
    /// given.
    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "moe_untied", "dense_kv"})
    void theReductionHasEveryGradientOnceBeforeNormAndUpdate(String variant) {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load(variant);
                AdamW optimizer =
                        new AdamW(model.trainable(), new AdamW.Settings(0.9, 0.95, 1e-8, 0, Decayed.MATRICES))) {
            TrainingStep.Outcome alone = step(variant, List.of(Batch.of(ROWS, 0)));
            TwoEqualRanks ranks = new TwoEqualRanks();
            TrainingStep step =
                    new TrainingStep(model, optimizer, new ChunkedCrossEntropy(16), OptionalDouble.empty(), ranks, 0);

            TrainingStep.Outcome outcome =
                    step.take(1, List.of(Batch.of(ROWS.subList(0, 1), 0), Batch.of(ROWS.subList(1, 3), 0)), 1e-3);

            assertEquals(List.of("share", "accumulated", "accumulated", "losses", "gradients"), ranks.calls);
            assertEquals(List.copyOf(model.trainable().keySet()), ranks.names);
            assertEquals(2 * alone.loss(), outcome.loss(), 2e-5 * alone.loss());
            assertEquals(2 * alone.gradNorm(), outcome.gradNorm(), 2e-4 * alone.gradNorm());
            assertEquals(outcome.gradNorm(), ranks.norm, 1e-5 * ranks.norm);
            double moments = optimizer.state().entrySet().stream()
                    .filter(entry -> entry.getKey().endsWith(".exp_avg"))
                    .mapToDouble(entry -> Math.pow(Ops.norm(entry.getValue()).item_double(), 2))
                    .sum();
            assertEquals(0.1 * outcome.gradNorm(), Math.sqrt(moments), 1e-5 * outcome.gradNorm());
        }
    }

    @Test
    void aPlanGivesTheReductionToEveryStep() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load("dense_kv")) {
            TwoEqualRanks ranks = new TwoEqualRanks();
            FineTuningPlan plan = FineTuningPlan.of(1, 2, 1e-3).with(ranks).withMicroBatchOf(1);
            try (FineTuning tuning =
                    new FineTuning(model, new TrainingRows(ROWS, TrainingRows.Order.AS_READ, 1), plan)) {
                double norm = tuning.step().gradNorm();
                assertEquals(norm, ranks.norm, 1e-5 * norm);
                tuning.step();
            }

            List<String> step = List.of("share", "accumulated", "losses", "gradients");
            assertEquals(Stream.of(step, step).flatMap(List::stream).toList(), ranks.calls);
        }
    }

    /// The other rank has the same rows: sums over both ranks are twice those of one.
    private static final class TwoEqualRanks implements GradientReduction {

        private final List<String> calls = new ArrayList<>();
        private final List<String> names = new ArrayList<>();
        private double norm;

        @Override
        public Share share(int microBatches) {
            calls.add("share");
            return Share.block(0, microBatches);
        }

        @Override
        public void accumulated(Gradients gradients) {
            calls.add("accumulated");
        }

        @Override
        public double[] gather(double[] own, int microBatches) {
            calls.add("losses");
            return java.util.Arrays.stream(own).map(loss -> 2 * loss).toArray();
        }

        @Override
        public StepGradients reduce(Gradients gradients) {
            calls.add("gradients");
            gradients.forEach((name, gradient) -> {
                names.add(name);
                gradient.mul_(new org.bytedeco.pytorch.Scalar(2.0));
            });
            norm = gradients.norm();
            return gradients;
        }

        @Override
        public void onFirst(Runnable work) {
            work.run();
        }

        @Override
        public void close() {}
    }

    @Test
    void aLossThatIsNotFiniteNamesTheRowsAndLeavesTheWeights() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load("dense_kv")) {
            var norm = model.parameters().get("model.language_model.norm.weight");
            assertTrue(norm != null);
            norm.value().detach().fill_(new org.bytedeco.pytorch.Scalar(Double.NaN));
            var before = model.inputEmbedding().tensor().detach().clone();
            try (AdamW optimizer =
                    new AdamW(model.trainable(), new AdamW.Settings(0.9, 0.95, 1e-8, 0, Decayed.MATRICES))) {
                TrainingStep step =
                        new TrainingStep(model, optimizer, new ChunkedCrossEntropy(16), OptionalDouble.of(1));

                NotFiniteException refused =
                        assertThrows(NotFiniteException.class, () -> step.take(4, List.of(Batch.of(ROWS, 0)), 1e-3));

                assertEquals(4, refused.step());
                assertEquals(
                        "step 4: the loss is NaN and the gradient norm NaN, with the examples of data:1, data:2, data:3;"
                                + " the step was not taken",
                        refused.problem());
                assertTrue(before.equal(model.inputEmbedding().tensor()));
            }
        }
    }

    @Test
    void onlyTheRowsOfTheMicroBatchThatIsToBlameAreNamed() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load("moe_untied");
                AdamW optimizer =
                        new AdamW(model.trainable(), new AdamW.Settings(0.9, 0.95, 1e-8, 0, Decayed.MATRICES))) {
            int token = 95; // in no other row
            model.inputEmbedding()
                    .tensor()
                    .detach()
                    .select(0, token)
                    .fill_(new org.bytedeco.pytorch.Scalar(Double.NaN));
            Example bad = new Example(new int[] {5, 6, token, 7}, new boolean[] {false, false, false, true}, "data:9");
            TrainingStep step = new TrainingStep(model, optimizer, new ChunkedCrossEntropy(16), OptionalDouble.of(1));

            NotFiniteException refused = assertThrows(
                    NotFiniteException.class,
                    () -> step.take(
                            4, List.of(Batch.of(ROWS, 0), Batch.of(PackedRow.unpacked(List.of(bad)), 0)), 1e-3));

            assertTrue(
                    refused.problem().contains("in 1 of 2 micro-batches, with the examples of data:9; "),
                    refused.problem());
        }
    }

    private static TrainingStep.Outcome step(String variant, List<Batch> batches) {
        return step(variant, batches, new ChunkedCrossEntropy(16));
    }

    private static TrainingStep.Outcome step(String variant, List<Batch> batches, Loss loss) {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = ReferenceModel.load(variant);
                AdamW optimizer =
                        new AdamW(model.trainable(), new AdamW.Settings(0.9, 0.95, 1e-8, 0, Decayed.MATRICES))) {
            return new TrainingStep(model, optimizer, loss, OptionalDouble.empty()).take(1, batches, 1e-3);
        }
    }

    /// Through autograd or by hand in chunks: one loss, one gradient, on every kind of head.
    @ParameterizedTest
    @ValueSource(strings = {"moe_tied", "moe_untied", "dense_kv"})
    void wholeLogitsThroughAutogradGiveTheStepThatChunksGive(String variant) {
        List<Batch> batches = List.of(Batch.of(ROWS.subList(0, 2), 0), Batch.of(ROWS.subList(2, 3), 0));

        TrainingStep.Outcome chunked = step(variant, batches, new ChunkedCrossEntropy(4));
        TrainingStep.Outcome whole = step(variant, batches, new FullLogitsCrossEntropy());

        assertEquals(whole.loss(), chunked.loss(), 1e-6 * whole.loss());
        assertEquals(whole.gradNorm(), chunked.gradNorm(), 1e-5 * whole.gradNorm());
    }

    /// Label smoothing of 0 is cross-entropy.
    @Test
    void aLossOfTheUsersOwnTrains() {
        List<Batch> batches = List.of(Batch.of(ROWS.subList(0, 2), 0), Batch.of(ROWS.subList(2, 3), 0));

        TrainingStep.Outcome expected = step("moe_tied", batches, new ChunkedCrossEntropy(4));
        TrainingStep.Outcome actual = step("moe_tied", batches, smoothed(0));
        TrainingStep.Outcome other = step("moe_tied", batches, smoothed(0.5));

        assertEquals(expected.loss(), actual.loss(), 1e-6 * expected.loss());
        assertEquals(expected.gradNorm(), actual.gradNorm(), 1e-5 * expected.gradNorm());
        assertTrue(Math.abs(other.gradNorm() - actual.gradNorm()) > 0.01 * actual.gradNorm(), other::toString);
    }

    private static Loss smoothed(double smoothing) {
        return Loss.autograd(input -> torch.cross_entropy_loss(
                input.head().logits(input.targetHidden()),
                input.targetTokens(),
                new TensorOptional(),
                2,
                Targets.IGNORED,
                smoothing));
    }

    private static Example example(int number, int length) {
        boolean[] targets = new boolean[length];
        Arrays.fill(targets, length / 2, length, true);
        int[] ids = IntStream.range(0, length)
                .map(i -> 3 + (i * 37 + number * 11) % 90)
                .toArray();
        return new Example(ids, targets, "data:" + number);
    }
}
