package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.generate.Continuation;
import dev.bowline.generate.Generation;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.TokenListener;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.loss.Targets;
import dev.bowline.model.CausalLanguageModel;
import dev.bowline.nn.Sequences;
import dev.bowline.optim.AdamW;
import dev.bowline.tensor.Memory;
import dev.bowline.tensor.TensorScope;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every family computes what its reference computes: logits, loss, every gradient, five steps of AdamW, and
/// the greedy continuation with a cache past its windows, on models whose every tensor is random.
class FamilyParityTest {

    private static final double LOGITS = 1e-4;
    private static final double GRADIENTS = 1e-3;
    private static final AdamW.Settings ADAMW = new AdamW.Settings(0.9, 0.95, 1e-8, 5.0, AdamW.Decayed.MATRICES);
    private static final double LEARNING_RATE = 2e-4;

    static List<String> variants() {
        return FamilyFixtures.all();
    }

    @ParameterizedTest
    @MethodSource("variants")
    void logitsAndLossEqualTheReference(String variant) {
        Golden reference = FamilyFixtures.reference(variant);
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = FamilyFixtures.load(variant);
                NoGradGuard _ = new NoGradGuard()) {
            CausalLanguageModel model = pretrained.model();
            long[] ids = reference.longs("input_ids");
            int rows = (int) reference.shape("input_ids")[0];
            int length = (int) reference.shape("input_ids")[1];
            long[] mask = reference.longs("attention_mask");
            Sequences padded = Sequences.padded(mask, rows, length);

            Tensor logits = model.logits(Memory.of(ids, rows, length), padded);

            assertClose(variant, reference.tensor("logits"), logits, reference.tensor("attention_mask"));

            long[] alone = reference.longs("unpadded.input_ids");
            Tensor unpadded = model.logits(Memory.of(alone, 1, alone.length), Sequences.causal(1, alone.length));

            assertClose(
                    variant,
                    reference.tensor("unpadded.logits"),
                    unpadded,
                    Memory.of(ones(alone.length), 1, alone.length));
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void everyGradientEqualsTheReference(String variant) {
        Golden reference = FamilyFixtures.reference(variant);
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = FamilyFixtures.load(variant)) {
            double loss = lossAndGradients(pretrained.model(), reference);

            assertEquals(reference.floats("loss")[0], loss, 1e-4 * Math.max(1, Math.abs(loss)), variant);
            for (var entry : pretrained.model().trained().entrySet()) {
                Tensor expected = reference.tensor("grad." + entry.getKey());
                Tensor gradient = entry.getValue().gradient().orElseThrow();
                double error = gradient.sub(expected).norm().item_double()
                        / expected.norm().item_double();
                assertTrue(error < GRADIENTS, variant + ": gradient of " + entry.getKey() + " differs by " + error);
            }
            long gradients = reference.names().stream()
                    .filter(name -> name.startsWith("grad."))
                    .count();
            assertEquals(gradients, pretrained.model().trained().size(), variant);
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void fiveStepsOfAdamWAreTheReferences(String variant) {
        Golden reference = FamilyFixtures.reference(variant);
        float[] expected = reference.floats("adamw.losses");
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = FamilyFixtures.load(variant);
                AdamW optimizer = new AdamW(pretrained.model().trained(), ADAMW)) {
            for (float expectedLoss : expected) {
                double loss = lossAndGradients(pretrained.model(), reference);
                assertEquals(expectedLoss, loss, 1e-3 * Math.abs(expectedLoss), variant);
                optimizer.step(LEARNING_RATE);
                optimizer.clearGradients();
            }
            for (String name : reference.names()) {
                if (name.startsWith("adamw.final.")) {
                    Tensor wanted = reference.tensor(name);
                    Tensor value = Objects.requireNonNull(
                                    pretrained.model().parameters().get(name.substring("adamw.final.".length())))
                            .value()
                            .detach();
                    double error = wanted.sub(value).norm().item_double()
                            / wanted.norm().item_double();
                    assertTrue(error < 1e-3, variant + ": " + name + " differs by " + error);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("variants")
    void greedyTokensWithACacheEqualTheReferencePastTheWindow(String variant) {
        Golden reference = FamilyFixtures.reference(variant);
        int[] prompt = ints(reference.longs("greedy.prompt"));
        int[] expected = ints(reference.longs("greedy.tokens"));
        try (Pretrained pretrained = FamilyFixtures.load(variant);
                Generation generation = new Generation(pretrained.model())) {
            Continuation continuation =
                    generation.generate(prompt, GenerationSettings.greedy(expected.length), TokenListener.NONE);

            assertArrayEquals(
                    expected,
                    continuation.tokens().stream().mapToInt(Integer::intValue).toArray(),
                    variant);
        }
    }

    private static double lossAndGradients(CausalLanguageModel model, Golden reference) {
        int rows = (int) reference.shape("input_ids")[0];
        int length = (int) reference.shape("input_ids")[1];
        long[] ids = reference.longs("input_ids");
        long[] mask = reference.longs("attention_mask");
        long[] labels = new long[ids.length];
        for (int i = 0; i < ids.length; i++) {
            boolean last = i % length == length - 1;
            labels[i] = last || mask[i + 1] == 0 ? Targets.IGNORED : ids[i + 1];
        }
        Targets targets = Targets.of(labels);
        Tensor hidden =
                model.hidden(Memory.of(ids, rows, length), Sequences.padded(mask, rows, length), Optional.empty());
        return new ChunkedCrossEntropy(16).backward(hidden, model.head(), targets, 1.0 / targets.count());
    }

    /// Padded positions are left out.
    private static void assertClose(String variant, Tensor expected, Tensor actual, Tensor mask) {
        double largest = expected.abs().max().item_double();
        Tensor difference = actual.sub(expected).abs().mul(mask.unsqueeze(-1));
        double error = difference.max().item_double() / largest;
        assertTrue(error < LOGITS, variant + ": logits differ by " + error);
    }

    private static long[] ones(int count) {
        long[] ones = new long[count];
        Arrays.fill(ones, 1);
        return ones;
    }

    private static int[] ints(long[] values) {
        return Arrays.stream(values).mapToInt(Math::toIntExact).toArray();
    }
}
