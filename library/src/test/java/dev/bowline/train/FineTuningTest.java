package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.json.JsonObject;
import dev.bowline.loss.ChunkedCrossEntropy;
import dev.bowline.model.Component;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.gemma4.ReferenceModel;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.Schedule;
import dev.bowline.recipe.FreezeConfig;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Training learns, and stopping and resuming it changes nothing.
class FineTuningTest {

    private static final int STEPS = 6;

    @ParameterizedTest
    @CsvSource({"moe_tied,FLOAT32", "moe_tied,BFLOAT16", "dense_kv,FLOAT32", "dense_kv,BFLOAT16", "moe_untied,FLOAT32"})
    void resumingIsBitForBitTheStraightRun(String variant, Dtype dtype) {
        try (TensorScope _ = TensorScope.open();
                LanguageModel straight = load(variant, dtype);
                LanguageModel stopped = load(variant, dtype);
                LanguageModel resumed = load(variant, dtype);
                FineTuning whole = fineTuning(straight);
                FineTuning first = fineTuning(stopped);
                FineTuning second = fineTuning(resumed)) {
            List<Double> expected = losses(whole, STEPS);

            List<Double> actual = losses(first, 2);
            copyWeights(stopped, resumed);
            Map<String, Tensor> state = new HashMap<>();
            first.optimizerState().forEach((name, tensor) -> state.put(name, tensor.clone()));
            second.restore(first.progress(), state);
            actual.addAll(losses(second, STEPS - 2));

            assertEquals(expected, actual);
            straight.parameters()
                    .forEach((name, parameter) ->
                            assertTrue(parameter.value().equal(of(resumed, name).value()), name));
            whole.optimizerState()
                    .forEach((name, tensor) -> assertTrue(
                            tensor.equal(Objects.requireNonNull(
                                    second.optimizerState().get(name))),
                            name));
            assertTrue(whole.isFinished() && second.isFinished());
        }
    }

    @Test
    void theLossFallsAndValidationAgrees() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load("moe_tied", Dtype.FLOAT32);
                FineTuning tuning = fineTuning(model)) {
            double before = tuning.validate(rows()).loss();

            losses(tuning, STEPS);

            double after = tuning.validate(rows()).loss();
            assertTrue(after < before, "went from %s to %s".formatted(before, after));
        }
    }

    @Test
    void resumingOnOtherDataIsRefused() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load("dense_kv", Dtype.FLOAT32);
                FineTuning tuning = fineTuning(model)) {
            var progress = tuning.progress().with("rows_per_epoch", 99);

            BowlineException refused =
                    assertThrows(BowlineException.class, () -> tuning.restore(progress, tuning.optimizerState()));

            assertTrue(refused.problem().contains("99"), refused.problem());

            var other = tuning.progress().with("rows_sha256", "0123");
            BowlineException asMany =
                    assertThrows(BowlineException.class, () -> tuning.restore(other, tuning.optimizerState()));

            assertTrue(asMany.problem().contains("have the SHA-256 0123"), asMany.problem());
            tuning.restore(tuning.progress().without("rows_sha256"), tuning.optimizerState());
        }
    }

    /// A rate that is constant stays what it was, whatever the last step is.
    @Test
    void onlyTheRatesOfStepsThatAreLeftCount() {
        Schedule constant = new Schedule(Schedule.Decay.CONSTANT, 2e-3, 0, 0, 0, STEPS);
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load("dense_kv", Dtype.FLOAT32);
                FineTuning decaying = fineTuning(model);
                FineTuning steady = fineTuning(model, TrainingRows.Order.SHUFFLED, constant)) {
            JsonObject scheduler = steady.progress().requireObject("scheduler");
            assertTrue(steady.keepsRates(scheduler));
            assertTrue(steady.keepsRates(scheduler.with("decay_steps", 1000).with("initial", 1e-3)));
            assertFalse(steady.keepsRates(scheduler.with("peak", 1e-3)));
            assertFalse(steady.keepsRates(scheduler.with("warmup_steps", 2)));

            JsonObject cosine = decaying.progress().requireObject("scheduler");
            assertTrue(decaying.keepsRates(cosine));
            assertFalse(decaying.keepsRates(cosine.with("decay_steps", 1000)));
        }
    }

    /// Another order in the middle of an epoch would repeat some rows and leave out others.
    @Test
    void resumingInAnotherOrderIsRefused() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load("dense_kv", Dtype.FLOAT32);
                FineTuning tuning = fineTuning(model)) {
            var seeded = tuning.progress().with("seed", 2);
            var unshuffled = tuning.progress().with("order", "as_read");

            BowlineException seed =
                    assertThrows(BowlineException.class, () -> tuning.restore(seeded, tuning.optimizerState()));
            BowlineException order =
                    assertThrows(BowlineException.class, () -> tuning.restore(unshuffled, tuning.optimizerState()));

            assertTrue(
                    seed.problem().contains("depends on seed: the checkpoint used 2, the recipe says 1"),
                    seed.problem());
            assertTrue(order.problem().contains("used \"as_read\", the recipe says \"shuffled\""), order.problem());
            tuning.restore(tuning.progress().without("seed").without("order"), tuning.optimizerState());
        }
    }

    @Test
    void rowsAsTheyWereReadDoNotDependOnTheSeed() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load("dense_kv", Dtype.FLOAT32);
                FineTuning tuning = fineTuning(model, TrainingRows.Order.AS_READ)) {
            tuning.step();
            var seeded = tuning.progress().with("seed", 2);
            tuning.restore(seeded, tuning.optimizerState());
            assertEquals(1, tuning.progress().requireLong("steps_taken"));
        }
    }

    @Test
    void freezingTheEmbeddingsFreezesTheTiedHeadAndSaysSo() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load("moe_tied", Dtype.FLOAT32)) {
            List<String> notes = Freezing.apply(model, new FreezeConfig(true, true, true, false, false, false, false));
            Tensor before = model.inputEmbedding().tensor().detach().clone();

            try (FineTuning tuning = fineTuning(model)) {
                losses(tuning, 2);
            }

            assertTrue(notes.stream().anyMatch(note -> note.contains("lm_head")), notes.toString());
            assertFalse(model.lmHead().get().requiresGrad());
            assertTrue(before.equal(model.lmHead().tensor()));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "moe_tied,ROUTER",
        "moe_tied,EXPERTS",
        "moe_tied,NORMS",
        "moe_tied,EMBEDDINGS",
        "moe_untied,EMBEDDINGS",
        "moe_untied,LM_HEAD",
        "dense_kv,NORMS",
        "dense_kv,EMBEDDINGS",
        "flag_top_false_text_true,LM_HEAD",
        "e2b_like,EMBEDDINGS"
    })
    void aFrozenPartStaysAsItIsAndEveryOtherMoves(String variant, Component frozen) {
        FreezeConfig config = new FreezeConfig(
                frozen == Component.EMBEDDINGS,
                true,
                true,
                false,
                frozen == Component.ROUTER,
                frozen == Component.EXPERTS,
                frozen == Component.NORMS,
                frozen == Component.LM_HEAD ? Optional.of(true) : Optional.empty());
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load(variant, Dtype.FLOAT32)) {
            Set<Component> others = EnumSet.noneOf(Component.class);
            model.trainable().keySet().forEach(name -> others.add(model.component(name)));
            assertTrue(others.remove(frozen), others.toString());
            if (frozen == Component.EMBEDDINGS) {
                others.remove(Component.PER_LAYER_EMBEDDINGS);
            }
            List<String> notes = Freezing.apply(model, config);
            Map<String, Tensor> before = new HashMap<>();
            model.parameters()
                    .forEach((name, each) ->
                            before.put(name, each.value().detach().clone()));

            Set<Component> optimized = EnumSet.noneOf(Component.class);
            try (FineTuning tuning = fineTuning(model)) {
                losses(tuning, 2);
                tuning.optimizerState()
                        .keySet()
                        .forEach(name -> optimized.add(model.component(name.substring(0, name.lastIndexOf('.')))));
            }

            assertTrue(notes.getFirst().startsWith("frozen: " + frozen), notes.toString());
            Set<Component> moved = EnumSet.noneOf(Component.class);
            before.forEach((name, value) -> {
                if (!value.equal(of(model, name).value())) {
                    moved.add(model.component(name));
                }
            });
            assertEquals(others, moved);
            assertEquals(others, optimized);
        }
    }

    @Test
    void everyTokenButPaddingIsCountedForEachOfItsExperts() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load("moe_tied", Dtype.FLOAT32);
                FineTuning tuning = fineTuning(model)) {
            long tokens = tuning.step().tokens() + tuning.step().tokens();
            tuning.validate(rows());

            var text = model.config().requireObject("text_config");
            int perToken = text.requireInt("top_k_experts");
            List<ExpertBalance> balance = tuning.expertBalance();
            assertEquals(text.requireInt("num_hidden_layers"), balance.size());
            for (ExpertBalance layer : balance) {
                assertEquals(text.requireInt("num_experts"), layer.chosen().size(), layer.layer());
                assertEquals(tokens * perToken, layer.choices(), layer.layer());
            }
        }
    }

    @Test
    void aModelWithoutExpertsHasNoBalance() {
        try (TensorScope _ = TensorScope.open();
                LanguageModel model = load("dense_kv", Dtype.FLOAT32);
                FineTuning tuning = fineTuning(model)) {
            tuning.step();

            assertEquals(List.of(), tuning.expertBalance());
        }
    }

    private static List<Double> losses(FineTuning tuning, int steps) {
        List<Double> losses = new ArrayList<>();
        for (int i = 0; i < steps; i++) {
            losses.add(tuning.step().loss());
        }
        return losses;
    }

    private static void copyWeights(LanguageModel from, LanguageModel to) {
        from.parameters()
                .forEach((name, parameter) ->
                        of(to, name).materialize(parameter.value().detach().clone()));
    }

    private static Parameter of(LanguageModel model, String name) {
        return Objects.requireNonNull(model.parameters().get(name));
    }

    private static LanguageModel load(String variant, Dtype dtype) {
        LanguageModel model = ReferenceModel.load(variant);
        model.cast(dtype);
        return model;
    }

    private static FineTuning fineTuning(LanguageModel model) {
        return fineTuning(model, TrainingRows.Order.SHUFFLED);
    }

    private static FineTuning fineTuning(LanguageModel model, TrainingRows.Order order) {
        return fineTuning(model, order, new Schedule(Schedule.Decay.COSINE, 2e-3, 0, 1e-4, 2, STEPS));
    }

    private static FineTuning fineTuning(LanguageModel model, TrainingRows.Order order, Schedule schedule) {
        FineTuningPlan plan = new FineTuningPlan(
                3,
                2,
                STEPS,
                new AdamW.Settings(0.9, 0.95, 1e-8, 0.01, Decayed.MATRICES),
                schedule,
                OptionalDouble.of(1),
                new ChunkedCrossEntropy(16),
                0);
        return new FineTuning(model, new TrainingRows(rows(), order, 1), plan);
    }

    private static List<PackedRow> rows() {
        List<Example> examples = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            int number = i;
            int length = 6 + 2 * i;
            boolean[] targets = new boolean[length];
            Arrays.fill(targets, length / 2, length, true);
            examples.add(new Example(
                    IntStream.range(0, length)
                            .map(j -> 3 + (j * 37 + number * 11) % 90)
                            .toArray(),
                    targets,
                    "data:" + i));
        }
        return PackedRow.unpacked(examples);
    }
}
