package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.CheckpointSaver;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.data.Example;
import dev.bowline.data.PackedRow;
import dev.bowline.data.TrainingRows;
import dev.bowline.distributed.ProcessGroup;
import dev.bowline.distributed.RankFailure;
import dev.bowline.distributed.Ranks;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.TiedWeights;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.nn.Layer;
import dev.bowline.nn.LayerPasses;
import dev.bowline.nn.Parameter;
import dev.bowline.optim.AdamW;
import dev.bowline.optim.GradientReduction;
import dev.bowline.optim.StateBytes;
import dev.bowline.optim.StateDtype;
import dev.bowline.parallel.FixedSummation;
import dev.bowline.parallel.ShardedModel;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Training with values, gradients and states divided over ranks, against training on one rank.
class ShardedTrainingTest {

    private static final int STEPS = 3;

    @TempDir
    private Path directory;

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

    /// The results of some steps, of the first rank or of one process.
    ///
    /// @param hash of every weight and every tensor of the optimizer
    private record Trained(String hash, List<Double> losses, List<Double> norms, double heldOut) {}

    /// A model and the settings of its training.
    ///
    /// @param epSize the ranks that share the experts of a layer
    private record Case(
            Path directory, Dtype dtype, StateDtype states, ActivationCheckpointing checkpointing, int epSize) {

        Case(Path directory, Dtype dtype) {
            this(directory, dtype, StateDtype.FLOAT32, ActivationCheckpointing.OFF, 1);
        }

        Case sharedBy(int ranks) {
            return new Case(directory, dtype, states, checkpointing, ranks);
        }

        Trained onOneRank() {
            return run(Optional.empty());
        }

        Trained on(ProcessGroup group) {
            return run(Optional.of(group));
        }

        private Trained run(Optional<ProcessGroup> group) {
            AdamW.Settings adamW =
                    AdamW.Settings.defaults().withWeightDecay(0.1).with(states);
            try (TensorScope _ = TensorScope.open();
                    Pretrained pretrained = AutoModel.fromPretrained(
                            directory, AutoModel.Options.asStored().in(dtype))) {
                LanguageModel model = pretrained.model();
                model.useActivationCheckpointing(checkpointing);
                FineTuningPlan plan = FineTuningPlan.of(4, STEPS, 1e-2);
                if (group.isPresent()) {
                    ShardedModel sharded = new RunRanks(group).divide(model, model.trainable(), epSize);
                    plan = plan.with(sharded.reduction()).with(sharded.settings(adamW));
                } else {
                    plan = plan.with(new FixedSummation(Optional.empty(), Optional.empty()))
                            .with(adamW);
                }
                try (FineTuning tuning =
                        new FineTuning(model, new TrainingRows(ROWS, TrainingRows.Order.SHUFFLED, 5), plan)) {
                    return run(tuning);
                }
            }
        }

        private Trained run(FineTuning tuning) {
            LanguageModel model = tuning.model();
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
            double heldOut = tuning.validate(ROWS.subList(0, 3)).loss();
            StringBuilder hash = new StringBuilder();
            tuning.onFirst(() -> hash.append(hash(model, StateBytes.of(tuning.wholeOptimizerState()))));
            return new Trained(hash.toString(), losses, norms, heldOut);
        }
    }

    private static String hash(LanguageModel model, Map<String, byte[]> state) {
        MessageDigest digest = sha256();
        model.parameters().forEach((name, parameter) -> update(digest, name, parameter.value()));
        state.forEach((name, bytes) -> {
            digest.update(name.getBytes(StandardCharsets.UTF_8));
            digest.update(bytes);
        });
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void update(MessageDigest digest, String name, Tensor tensor) {
        try (TensorScope _ = TensorScope.open()) {
            digest.update(name.getBytes(StandardCharsets.UTF_8));
            digest.update(HostTensors.bytes(tensor.detach()).toArray(ValueLayout.JAVA_BYTE));
        }
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
        "moe_tied, FLOAT32, FLOAT32, OFF, 2 3 4",
        "moe_tied, BFLOAT16, BFLOAT16, PER_LAYER, 2",
        "moe_untied, BFLOAT16, INT8, OFF, 3",
        "qwen3moe/tied_old_config, FLOAT32, FLOAT32, PER_LAYER, 3",
        "llama/tied, BFLOAT16, FLOAT32, OFF, 2"
    })
    void sharesGiveTheBitsOfOneRank(
            String name, Dtype dtype, StateDtype states, ActivationCheckpointing checkpointing, String worlds) {
        Case training = new Case(fixture(name), dtype, states, checkpointing, 1);
        Trained one = training.onOneRank();

        for (String world : worlds.split(" ")) {
            List<Trained> ranks = Ranks.run(Integer.parseInt(world), training::on);

            assertEquals(one, ranks.getFirst(), world + " ranks");
            for (Trained rank : ranks) {
                assertEquals(one.losses(), rank.losses());
                assertEquals(one.norms(), rank.norms());
                assertEquals(one.heldOut(), rank.heldOut());
            }
        }
    }

    /// Three ranks share four experts as 2, 2 and 0. With four ranks and `ep_size` 2, two ranks divide each part.
    @ParameterizedTest
    @CsvSource({
        "moe_tied, FLOAT32, OFF, 3, 3",
        "moe_untied, FLOAT32, OFF, 4, 2",
        "moe_tied, BFLOAT16, PER_LAYER, 2, 2",
        "qwen3moe/tied_old_config, FLOAT32, PER_LAYER, 3, 3"
    })
    void sharedExpertsGiveTheBitsOfOneRank(
            String name, Dtype dtype, ActivationCheckpointing checkpointing, int world, int epSize) {
        Case training = new Case(fixture(name), dtype, StateDtype.FLOAT32, checkpointing, 1);
        Trained one = training.onOneRank();

        List<Trained> ranks = Ranks.run(world, training.sharedBy(epSize)::on);

        assertEquals(one, ranks.getFirst());
        for (Trained rank : ranks) {
            assertEquals(one.losses(), rank.losses());
            assertEquals(one.norms(), rank.norms());
            assertEquals(one.heldOut(), rank.heldOut());
        }
    }

    /// Eight experts have one scale for blocks of 256 moments; half of them would be too small to have 8-bit moments.
    @Test
    void sharedExpertsWithOtherMomentsThanTheWholeAreRefused() {
        Case training = new Case(fixture("moe_tied"), Dtype.BFLOAT16, StateDtype.INT8, ActivationCheckpointing.OFF, 2);

        List<String> problems = Ranks.run(
                2,
                group -> assertThrows(BowlineException.class, () -> training.on(group))
                        .problem());

        assertTrue(
                problems.getLast().contains("optimizer.state_dtype: int8 has blocks of 256 values"),
                problems.getLast());
    }

    /// Matrices that are cut: the norms and the updates of the pieces are those of the whole. In float32 the number of
    /// threads of a product, which the ranks of one process share, would decide the last bits.
    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void largeMatricesAreDividedInside(int world) throws IOException {
        JsonObject small =
                Json.parse(fixture("llama/tied").resolve("config.json")).asObject();
        JsonObject large = small.with("hidden_size", 256)
                .with("intermediate_size", 1100)
                .with("vocab_size", 1200)
                .with("num_hidden_layers", 2);
        try (LanguageModel model = AutoModel.fromConfig(large)) {
            model.initializeWeights(Dtype.FLOAT32, 3);
            CheckpointSaver.save(model, directory.resolve("large"), SaveOptions.withoutSource());
        }
        Case training = new Case(directory.resolve("large"), Dtype.BFLOAT16);
        Trained one = training.onOneRank();

        List<Trained> ranks = Ranks.run(world, training::on);

        assertEquals(one, ranks.getFirst());
    }

    /// A value is whole only while its layer computes, and a use at another time is an error, not a wrong number.
    @Test
    void valuesAreNotReadWhileTheyAreDivided() {
        Ranks.run(2, group -> {
            try (Pretrained pretrained = AutoModel.fromPretrained(fixture("moe_tied"))) {
                LanguageModel model = pretrained.model();
                ShardedModel sharded = new RunRanks(Optional.of(group)).divide(model, model.trainable(), 2);
                try (GradientReduction reduction = sharded.reduction()) {
                    assertThrows(
                            IllegalStateException.class,
                            () -> model.inputEmbedding().tensor());
                    sharded.beforeForward(0);
                    Layer first = model.layers().getFirst();
                    first.norms()
                            .values()
                            .forEach(norm -> norm.parameters().values().forEach(Parameter::value));
                    first.linearStacks()
                            .forEach((name, stack) -> assertThrows(
                                    IllegalStateException.class,
                                    () -> stack.weight().tensor(),
                                    name));
                    assertThrows(IllegalStateException.class, () -> model.cast(Dtype.BFLOAT16));
                    List<Double> sums = new ArrayList<>();
                    reduction.onFirst(() -> {
                        try (TensorScope _ = TensorScope.open()) {
                            sums.add(model.inputEmbedding().tensor().sum().item_double());
                        }
                    });
                    assertEquals(group.isFirst() ? 1 : 0, sums.size());
                }
            }
            return true;
        });
    }

    /// When the first layer computes its gradients, those of the layers after it have travelled, and their values are
    /// freed: otherwise every rank would have all gradients at once.
    @Test
    void laterLayersAreFreedBeforeTheFirstOneComputesItsGradients() {
        List<Integer> checked = Ranks.run(2, group -> {
            try (TensorScope _ = TensorScope.open();
                    Pretrained pretrained = AutoModel.fromPretrained(fixture("moe_tied"))) {
                LanguageModel model = pretrained.model();
                ShardedModel sharded = new RunRanks(Optional.of(group)).divide(model, model.trainable(), 1);
                FreedLayers freed = new FreedLayers(model, sharded);
                model.observe(freed);
                FineTuningPlan plan = FineTuningPlan.of(2, 1, 1e-2)
                        .with(sharded.reduction())
                        .with(sharded.settings(AdamW.Settings.defaults()));
                try (FineTuning tuning =
                        new FineTuning(model, new TrainingRows(ROWS, TrainingRows.Order.AS_READ, 5), plan)) {
                    tuning.step();
                }
                return freed.checked;
            }
        });

        assertTrue(checked.stream().allMatch(count -> count > 0), checked.toString());
    }

    /// Passes each moment on, and looks at the later layers before the first one.
    private static final class FreedLayers implements LayerPasses {
        private final LanguageModel model;
        private final LayerPasses sharded;
        private int checked;

        FreedLayers(LanguageModel model, LayerPasses sharded) {
            this.model = model;
            this.sharded = sharded;
        }

        @Override
        public void begin() {
            sharded.begin();
        }

        @Override
        public void beforeForward(int layer) {
            sharded.beforeForward(layer);
        }

        @Override
        public void afterForward(int layer) {
            sharded.afterForward(layer);
        }

        @Override
        public void beforeBackward(int layer) {
            sharded.beforeBackward(layer);
            if (layer == 0) {
                for (Layer later : model.layers().subList(1, model.layers().size())) {
                    later.trainable().forEach((name, parameter) -> {
                        assertTrue(parameter.gradient().isEmpty(), name);
                        assertThrows(IllegalStateException.class, parameter::value, name);
                        checked++;
                    });
                }
            }
        }
    }

    /// The first rank reads weights for a save, and the rank that has them is gone.
    @Test
    void aRankThatIsGoneDuringASaveIsTheFailure() {
        List<Class<?>> failures = Collections.synchronizedList(new ArrayList<>());
        assertThrows(
                RuntimeException.class,
                () -> Ranks.run(2, group -> {
                    try (Pretrained pretrained = AutoModel.fromPretrained(fixture("moe_tied"))) {
                        LanguageModel model = pretrained.model();
                        ShardedModel sharded = new RunRanks(Optional.of(group)).divide(model, model.trainable(), 1);
                        try (GradientReduction reduction = sharded.reduction()) {
                            if (!group.isFirst()) {
                                throw new IllegalStateException("gone");
                            }
                            reduction.onFirst(() -> model.inputEmbedding().tensor());
                        } catch (RuntimeException e) {
                            if (group.isFirst()) {
                                failures.add(e.getClass());
                            }
                            throw e;
                        }
                    }
                    return true;
                }));

        assertEquals(List.of(RankFailure.class), failures);
    }
}
