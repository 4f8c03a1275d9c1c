package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.fixtures.disk.FailingDisk;
import dev.bowline.fixtures.disk.WatchedFileSystem;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.BrokenTie;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A training checkpoint is whole or absent, and gives back exactly what it was given.
class TrainingCheckpointsTest {

    private static final String EMBEDDING = "model.language_model.embed_tokens.weight";

    @TempDir
    private Path temporary;

    private final Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "moe_tied"));
    private final TensorScope scope = TensorScope.open();

    @AfterEach
    void free() {
        scope.close();
        pretrained.close();
    }

    @Test
    void whatIsSavedComesBackBitForBitAndTheDirectoryLoadsAsAModel() {
        TrainingState state = state(HostTensors.of(new float[] {1.5f, Float.MIN_VALUE, -0f}, 3));

        Path saved = save(run(3), 7, state, OptionalDouble.of(0.25)).directory();

        try (TrainingCheckpoint opened = TrainingCheckpoint.open(saved);
                LanguageModel model = AutoModel.fromConfig(opened.checkpoint().config())) {
            CheckpointLoader.load(opened.checkpoint(), model);
            TrainingState read = opened.state(model);
            assertEquals(7, opened.step());
            assertEquals(state.state(), read.state());
            assertEquals(state.tensors().keySet(), read.tensors().keySet());
            state.tensors()
                    .forEach((name, tensor) -> assertArrayEquals(
                            bytes(tensor), bytes(read.tensors().getOrDefault(name, tensor.neg())), name));
            assertEquals(
                    List.of("lm_head.weight"),
                    opened.ledger().groups().getFirst().aliases());
        }
    }

    @Test
    void aCheckpointMayBeWithoutTheOptimizersStateAndIsNotTakenForADamagedOne() throws IOException {
        TrainingState none =
                new TrainingState(new LinkedHashMap<>(), JsonObject.of().with("seed", 42));
        Path without = save(run(3), 7, none, OptionalDouble.empty()).directory();
        Path damaged = save(run(3), 8, state(), OptionalDouble.empty()).directory();
        Files.delete(damaged.resolve(TrainingState.TENSORS_FILE_NAME));

        assertFalse(Files.exists(without.resolve(TrainingState.TENSORS_FILE_NAME)));
        try (TrainingCheckpoint opened = TrainingCheckpoint.open(without)) {
            assertEquals(none, opened.state(pretrained.model()));
        }
        assertThrows(BowlineException.class, () -> TrainingCheckpoint.open(damaged));
    }

    @Test
    void latestNamesTheLastSavedAndTheLastTwoAndTheBestStay() throws IOException {
        TrainingCheckpoints run = run(2);
        double[] losses = {0.9, 0.2, 0.7, 0.6, 0.5};
        for (int step = 1; step <= losses.length; step++) {
            save(run, step, state(), OptionalDouble.of(losses[step - 1]));
        }

        assertEquals(
                List.of(2, 4, 5),
                run.list().stream().map(TrainingCheckpoints.Saved::step).toList());
        assertEquals(2, run.best().orElseThrow().step());
        assertEquals(Optional.of(temporary.resolve("run").resolve("step_5")), run.latest());
        assertEquals("step_5\n", Files.readString(temporary.resolve("run").resolve("LATEST")));
    }

    @Test
    void whatIsNotCompleteIsIgnored() throws IOException {
        TrainingCheckpoints run = run(3);
        save(run, 1, state(), OptionalDouble.empty());
        Path directory = temporary.resolve("run");
        Files.createDirectories(directory.resolve("step_2"));
        Files.createDirectories(directory.resolve(".step_3.abc.partial"));
        Files.writeString(directory.resolve(TrainingCheckpoints.LATEST), "step_2\n");

        assertEquals(Optional.of(directory.resolve("step_1")), run.latest());
        save(run, 4, state(), OptionalDouble.empty());
        assertEquals(List.of("LATEST", "step_1", "step_2", "step_4"), names(directory));
    }

    @Test
    void aStepThatWasSavedByALongerRunIsReplaced() {
        TrainingCheckpoints run = run(3);
        save(run, 5, state(HostTensors.of(new float[] {1}, 1)), OptionalDouble.empty());

        Path saved = save(run, 5, state(HostTensors.of(new float[] {2}, 1)), OptionalDouble.empty())
                .directory();

        Golden optimizer = Golden.read(saved.resolve("optimizer.safetensors"));
        assertEquals(2f, optimizer.floats(EMBEDDING + ".exp_avg")[0]);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 50, 120, 130, 135})
    void aSaveThatFailsLeavesTheEarlierOnesAndLatest(int changes) throws IOException {
        TrainingCheckpoints run = run(3);
        save(run, 1, state(), OptionalDouble.empty());
        FailingDisk disk = new FailingDisk(changes);
        TrainingCheckpoints failing =
                TrainingCheckpoints.in(WatchedFileSystem.watch(temporary.resolve("run"), disk), 3);

        assertThrows(IllegalStateException.class, () -> save(failing, 2, state(), OptionalDouble.empty()));

        assertEquals(List.of("LATEST", "step_1"), names(temporary.resolve("run")), disk.failedAt()::toString);
        assertEquals("step_1", run.latest().orElseThrow().getFileName().toString());
    }

    @Test
    void theCheckpointARunResumedFromStaysAsLongAsTheRunSavesLikeIt() {
        TrainingCheckpoints run = run(1);
        Path first = save(run, 1, state(), OptionalDouble.empty()).directory();
        try (Pretrained resumed = AutoModel.fromPretrained(first)) {
            SaveOptions like = SaveOptions.like(resumed.checkpoint());
            run.save(2, resumed.model(), like, state(), OptionalDouble.empty());
            run.save(3, resumed.model(), like, state(), OptionalDouble.empty());
        }

        assertEquals(
                List.of(1, 3),
                run.list().stream().map(TrainingCheckpoints.Saved::step).toList());
    }

    @Test
    void aSecondStateOfATiedValueIsRefusedWhenSaving() {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put("lm_head.weight.exp_avg", HostTensors.of(new float[] {1}, 1));

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> save(run(1), 1, new TrainingState(tensors, JsonObject.of()), OptionalDouble.empty()));

        assertTrue(refused.problem().contains("a second training state of '" + EMBEDDING + "'"), refused.getMessage());
    }

    @Test
    void resumingWithAHeadThatIsNoLongerTiedIsRefused() {
        Path saved = save(run(1), 1, state(), OptionalDouble.empty()).directory();
        try (TrainingCheckpoint opened = TrainingCheckpoint.open(saved);
                LanguageModel model = AutoModel.fromConfig(opened.checkpoint().config())) {
            CheckpointLoader.load(opened.checkpoint(), model);
            BrokenTie.untie(
                    model.lmHead(), model.inputEmbedding().tensor().detach().mul(new Scalar(2.0)));

            BowlineException refused = assertThrows(BowlineException.class, () -> opened.state(model));

            assertTrue(
                    refused.problem()
                            .endsWith("as one value with 'lm_head.weight', but the model has a value of its own"),
                    refused.getMessage());
        }
    }

    @Test
    void aCheckpointWhoseEmbeddingWasChangedAfterwardsIsRefused() throws IOException {
        Path saved = save(run(1), 1, state(), OptionalDouble.empty()).directory();
        Path weights = saved.resolve("model.safetensors");
        byte[] content = Files.readAllBytes(weights);
        long header = java.nio.ByteBuffer.wrap(content)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .getLong(0);
        content[(int) header + 8 + 100] ^= 1;
        Files.write(weights, content);

        try (TrainingCheckpoint opened = TrainingCheckpoint.open(saved);
                LanguageModel model = AutoModel.fromConfig(opened.checkpoint().config())) {
            CheckpointLoader.load(opened.checkpoint(), model);
            BowlineException refused = assertThrows(BowlineException.class, () -> opened.state(model));
            assertTrue(refused.problem().contains("its hash differs"), refused.getMessage());
        }
    }

    private TrainingCheckpoints run(int keepLast) {
        return TrainingCheckpoints.in(temporary.resolve("run"), keepLast);
    }

    private SaveReport save(TrainingCheckpoints run, int step, TrainingState state, OptionalDouble metric) {
        return run.save(step, pretrained.model(), options(), state, metric);
    }

    private SaveOptions options() {
        return SaveOptions.like(pretrained.checkpoint());
    }

    private static TrainingState state() {
        return state(HostTensors.of(new float[] {1, 2}, 2));
    }

    private static TrainingState state(Tensor moment) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        tensors.put(EMBEDDING + ".exp_avg", moment);
        tensors.put(EMBEDDING + ".step", HostTensors.of(new long[] {7}));
        return new TrainingState(tensors, JsonObject.of().with("seed", 42));
    }

    private static byte[] bytes(Tensor tensor) {
        return HostTensors.bytes(tensor).toArray(ValueLayout.JAVA_BYTE);
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> children = Files.list(directory)) {
            return children.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }
}
