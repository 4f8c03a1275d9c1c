package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.Ranks;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.LayerPasses;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.Hyperparameters;
import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.OptimizerSettings;
import dev.bowline.optim.StateBytes;
import dev.bowline.optim.StateDtype;
import dev.bowline.parallel.FastSummation;
import dev.bowline.parallel.FixedSummation;
import dev.bowline.parallel.GradientUnits;
import dev.bowline.parallel.ZeroSettings;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Training over ranks, as threads of one process, against training on one rank.
class RanksTrainingTest {

    private static final int STEPS = 3;

    /// Seven rows: with four in a step, the second step is short, and one of four ranks has no row there.
    private static final List<PackedRow> ROWS = rows(7);

    private static List<PackedRow> rows(int count) {
        List<Example> examples = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            int length = 6 + 3 * (row % 4);
            int[] ids = new int[length];
            boolean[] targets = new boolean[length];
            for (int i = 0; i < length; i++) {
                ids[i] = 1 + (31 * row + 7 * i * i + i) % 90;
                targets[i] = i > row % 3;
            }
            examples.add(new Example(ids, targets, "rows:" + row));
        }
        return PackedRow.unpacked(examples);
    }

    /// The state after some steps.
    ///
    /// @param weights the hash of every weight
    /// @param hash of every weight and every tensor of the optimizer that this rank has
    private record Trained(String weights, String hash, List<Double> losses, List<Double> norms) {}

    /// The sums of gradients for a model.
    private interface Summing {

        Summing NONE = _ -> GradientReduction.NONE;

        GradientReduction of(LanguageModel model);

        static Summing fixed() {
            return _ -> new FixedSummation(Optional.empty(), Optional.empty());
        }

        /// The gradients of a layer travel when they are complete.
        static Summing fixed(ProcessGroup group) {
            return model -> {
                FixedSummation summation = new FixedSummation(Optional.of(group), Optional.of(units(model)));
                model.observe(summation);
                return summation;
            };
        }

        /// All gradients travel after the last pass.
        static Summing fixedAfterwards(ProcessGroup group) {
            return _ -> new FixedSummation(Optional.of(group), Optional.empty());
        }

        static Summing fast(ProcessGroup group) {
            return model -> {
                FastSummation summation = new FastSummation(group, Optional.of(units(model)));
                model.observe(summation);
                return summation;
            };
        }

        private static GradientUnits units(LanguageModel model) {
            return GradientUnits.of(model.trainable().values(), model.layers());
        }
    }

    private static Trained train(Path directory, Dtype dtype, OptimizerSettings optimizer, Summing summing) {
        return train(4, directory, dtype, optimizer, summing);
    }

    private static Trained train(
            int rowsPerStep, Path directory, Dtype dtype, OptimizerSettings optimizer, Summing summing) {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(
                        directory, AutoModel.Options.asStored().in(dtype))) {
            LanguageModel model = pretrained.model();
            FineTuningPlan plan =
                    FineTuningPlan.of(rowsPerStep, STEPS, 1e-2).with(optimizer).with(summing.of(model));
            try (FineTuning tuning =
                    new FineTuning(model, new TrainingRows(ROWS, TrainingRows.Order.SHUFFLED, 5), plan)) {
                List<Double> losses = new ArrayList<>();
                List<Double> norms = new ArrayList<>();
                while (!tuning.isFinished()) {
                    StepResult step = tuning.step();
                    losses.add(step.loss());
                    norms.add(step.gradNorm());
                    assertEquals(
                            model.config().toString().contains("\"tie_word_embeddings\":true"),
                            TiedWeights.hasLocalTiedLmHead(model));
                }
                Map<String, byte[]> state = new TreeMap<>();
                Runnable read = () -> state.putAll(StateBytes.of(tuning.wholeOptimizerState()));
                if (tuning.isDivided()) {
                    tuning.onFirst(read);
                } else {
                    read.run();
                }
                return new Trained(hash(model, Map.of()), hash(model, state), losses, norms);
            }
        }
    }

    private static String hash(LanguageModel model, Map<String, byte[]> more) {
        MessageDigest digest = sha256();
        TreeMap<String, byte[]> tensors = new TreeMap<>(more);
        model.parameters()
                .forEach((name, parameter) -> tensors.put(
                        name, HostTensors.bytes(parameter.value().detach()).toArray(ValueLayout.JAVA_BYTE)));
        tensors.forEach((name, bytes) -> {
            digest.update(name.getBytes(StandardCharsets.UTF_8));
            digest.update(bytes);
        });
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path fixture(String name) {
        return name.contains("/") ? Golden.directory("families", name) : Golden.directory("gemma4", name);
    }

    @ParameterizedTest
    @CsvSource({
        "moe_tied, FLOAT32, 2 3 4",
        "moe_tied, BFLOAT16, 2 4",
        "e2b_like, BFLOAT16, 2",
        "moe_untied, BFLOAT16, 3",
        "qwen3moe/tied_old_config, FLOAT32, 3",
        "llama/tied, BFLOAT16, 3"
    })
    void fixedSummationGivesTheSameBitsOnAnyNumberOfRanks(String name, Dtype dtype, String worlds) {
        OptimizerSettings adamW = AdamW.Settings.defaults();
        Trained one = train(fixture(name), dtype, adamW, Summing.fixed());

        for (String count : worlds.split(" ")) {
            int world = Integer.parseInt(count);
            List<Trained> ranks = Ranks.run(world, group -> train(fixture(name), dtype, adamW, Summing.fixed(group)));
            for (Trained rank : ranks) {
                assertEquals(one, rank, "%d ranks".formatted(world));
            }
        }
    }

    /// Six micro-batches on two ranks: blocks of three would be another tree than pairs of pairs.
    @Test
    void aBlockOfMicroBatchesIsASubtree() {
        OptimizerSettings adamW = AdamW.Settings.defaults();
        Trained one = train(6, fixture("moe_tied"), Dtype.FLOAT32, adamW, Summing.fixed());

        List<Trained> ranks =
                Ranks.run(2, group -> train(6, fixture("moe_tied"), Dtype.FLOAT32, adamW, Summing.fixed(group)));

        assertEquals(List.of(one, one), ranks);
    }

    /// States in blocks, and an optimizer that sees a whole parameter at once.
    @ParameterizedTest
    @ValueSource(strings = {"int8", "bfloat16", "adafactor"})
    void otherStatesAreTheSameOnAnyNumberOfRanks(String states) {
        OptimizerSettings optimizer = switch (states) {
            case "int8" -> AdamW.Settings.defaults().with(StateDtype.INT8);
            case "bfloat16" -> AdamW.Settings.defaults().with(StateDtype.BFLOAT16);
            default ->
                OptimizerName.ADAFACTOR.settings(
                        new Hyperparameters(0.9, 0.999, 1e-8, 0.01, Decayed.MATRICES, StateDtype.FLOAT32));
        };
        Trained one = train(fixture("moe_tied"), Dtype.BFLOAT16, optimizer, Summing.fixed());

        List<Trained> ranks =
                Ranks.run(3, group -> train(fixture("moe_tied"), Dtype.BFLOAT16, optimizer, Summing.fixed(group)));

        assertEquals(List.of(one, one, one), ranks);
    }

    /// AdamW over slices, in each dtype of moments.
    @ParameterizedTest
    @CsvSource({"moe_tied, FLOAT32, FLOAT32, 4", "moe_tied, BFLOAT16, BFLOAT16, 3", "moe_untied, BFLOAT16, INT8, 2"})
    void aDividedStateGivesTheSameBits(String name, Dtype dtype, StateDtype states, int world) {
        AdamW.Settings adamW = AdamW.Settings.defaults().with(states);
        Trained one = train(fixture(name), dtype, adamW, Summing.fixed());

        List<Trained> ranks = Ranks.run(
                world,
                group -> train(fixture(name), dtype, new ZeroSettings(adamW, group), Summing.fixedAfterwards(group)));

        assertEquals(one.hash(), ranks.getFirst().hash(), "the first rank has the whole state");
        for (Trained rank : ranks) {
            assertEquals(one.losses(), rank.losses());
            assertEquals(one.weights(), rank.weights());
        }
    }

    /// The first gradient is the same but for rounding; AdamW makes much of small differences later.
    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void fastSummationGivesEveryRankTheSameBits(int world) {
        OptimizerSettings adamW = AdamW.Settings.defaults();
        Trained one = train(fixture("moe_tied"), Dtype.FLOAT32, adamW, Summing.NONE);

        List<Trained> ranks =
                Ranks.run(world, group -> train(fixture("moe_tied"), Dtype.FLOAT32, adamW, Summing.fast(group)));
        List<Trained> again =
                Ranks.run(world, group -> train(fixture("moe_tied"), Dtype.FLOAT32, adamW, Summing.fast(group)));

        assertEquals(1, ranks.stream().distinct().count());
        assertEquals(ranks, again);
        assertEquals(
                one.losses().getFirst(),
                ranks.getFirst().losses().getFirst(),
                1e-6 * one.losses().getFirst());
        assertEquals(
                one.norms().getFirst(),
                ranks.getFirst().norms().getFirst(),
                1e-6 * one.norms().getFirst());
    }

    /// Otherwise the tests above would compare what cannot differ.
    @Test
    void theOrderOfTheSumMatters() {
        OptimizerSettings adamW = AdamW.Settings.defaults();

        assertNotEquals(
                train(fixture("moe_tied"), Dtype.BFLOAT16, adamW, Summing.NONE).hash(),
                train(fixture("moe_tied"), Dtype.BFLOAT16, adamW, Summing.fixed())
                        .hash());
    }

    /// In the last backward pass of a rank, the gradients of the later layers have left before the first layer computes
    /// its own. In the passes before they stay: `fast` adds to them.
    @Test
    void gradientsTravelDuringTheLastBackwardPass() {
        List<String> seen = Ranks.run(2, group -> {
            try (TensorScope _ = TensorScope.open();
                    Pretrained pretrained = AutoModel.fromPretrained(fixture("moe_tied"))) {
                LanguageModel model = pretrained.model();
                FastSummation summation = new FastSummation(group, Optional.of(Summing.units(model)));
                LaterGradients later = new LaterGradients(model, summation);
                model.observe(later);
                FineTuningPlan plan = FineTuningPlan.of(4, 1, 1e-2).with(summation);
                try (FineTuning tuning =
                        new FineTuning(model, new TrainingRows(ROWS, TrainingRows.Order.AS_READ, 5), plan)) {
                    tuning.step();
                }
                return later.seen.toString();
            }
        });

        assertEquals(List.of("[true, false]", "[true, false]"), seen);
    }

    /// Passes each moment on, and looks at the gradients of the later layers before the first one.
    private static final class LaterGradients implements LayerPasses {
        private final LanguageModel model;
        private final LayerPasses summation;
        private final List<Boolean> seen = new ArrayList<>();

        LaterGradients(LanguageModel model, LayerPasses summation) {
            this.model = model;
            this.summation = summation;
        }

        @Override
        public void begin() {
            summation.begin();
        }

        @Override
        public void beforeForward(int layer) {
            summation.beforeForward(layer);
        }

        @Override
        public void afterForward(int layer) {
            summation.afterForward(layer);
        }

        @Override
        public void beforeBackward(int layer) {
            summation.beforeBackward(layer);
            if (layer == 0) {
                seen.add(model.layers().subList(2, model.layers().size()).stream()
                        .flatMap(later -> later.trainable().values().stream())
                        .anyMatch(parameter -> parameter.gradient().isPresent()));
            }
        }
    }
}
