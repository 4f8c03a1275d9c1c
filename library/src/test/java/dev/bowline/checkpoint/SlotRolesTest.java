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
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Linear;
import dev.bowline.nn.LinearOperator;
import dev.bowline.nn.Slot;
import dev.bowline.nn.SlotRole;
import dev.bowline.safetensors.TensorHash;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The role of a slot decides where its values are saved: BASE and BUFFER in the model's own files, ADAPTER only in the
/// state of a training run.
class SlotRolesTest {

    private static final Path MODEL = Golden.directory("gemma4", "moe_tied");
    private static final float[] VALUES = {-3.5f, 1e30f, Float.MIN_VALUE, 7f, -0f, 12345.678f};

    @TempDir
    private Path temporary;

    /// An adapter that stores a value and computes nothing.
    ///
    /// @param adapter [2, 3]
    private record WithAdapter(LinearOperator base, Slot adapter) implements LinearOperator {

        @Override
        public long in() {
            return base.in();
        }

        @Override
        public long out() {
            return base.out();
        }

        @Override
        public List<Slot> slots() {
            return Stream.concat(base.slots().stream(), Stream.of(adapter)).toList();
        }

        @Override
        public void forwardInto(Tensor y, Tensor x) {
            base.forwardInto(y, x);
        }

        @Override
        public void inputGradientInto(Tensor dx, Tensor dy, double factor) {
            base.inputGradientInto(dx, dy, factor);
        }

        @Override
        public void addInputGradient(Tensor dx, Tensor dy, double factor) {
            base.addInputGradient(dx, dy, factor);
        }

        @Override
        public void addWeightGradient(Tensor dy, Tensor x, double factor) {
            base.addWeightGradient(dy, x, factor);
        }
    }

    @Test
    void aSaveOfTheModelIsTheSameWithAnAdapterAndWithout() throws IOException {
        Path without = temporary.resolve("without");
        Path with = temporary.resolve("with");
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(MODEL)) {
            CheckpointSaver.save(pretrained.model(), without, SaveOptions.like(pretrained.checkpoint()));
            String name = addAdapter(pretrained.model()).path();

            CheckpointSaver.save(pretrained.model(), with, SaveOptions.like(pretrained.checkpoint()));
            CheckpointSaver.save(pretrained.model(), temporary.resolve("fresh"), SaveOptions.withoutSource());

            assertTrue(pretrained.model().slots().containsKey(name));
        }

        assertEquals(files(without), files(with));
        try (Checkpoint fresh = Checkpoint.open(temporary.resolve("fresh"))) {
            assertTrue(fresh.keys().stream().noneMatch(key -> key.contains("lora")), fresh.keys()::toString);
        }
    }

    @Test
    void buffersAreInTheModelsFiles() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(MODEL)) {
            CheckpointSaver.save(pretrained.model(), temporary.resolve("saved"), SaveOptions.withoutSource());

            List<String> buffers = pretrained.model().slots().values().stream()
                    .filter(slot -> slot.role() == SlotRole.BUFFER)
                    .map(Slot::path)
                    .toList();
            assertFalse(buffers.isEmpty());
            try (Checkpoint saved = Checkpoint.open(temporary.resolve("saved"))) {
                assertTrue(saved.keys().containsAll(buffers));
            }
        }
    }

    @Test
    void aRunRestoresTheModelAndTheAdapter() throws IOException {
        Path step;
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(MODEL)) {
            Slot adapter = addAdapter(pretrained.model());
            adapter.get().materialize(HostTensors.of(VALUES, 2, 3));
            step = save(pretrained, adapter.path());
        }

        try (TensorScope _ = TensorScope.open();
                TrainingCheckpoint saved = TrainingCheckpoint.open(step);
                LanguageModel model = AutoModel.fromConfig(saved.checkpoint().config())) {
            Slot adapter = addAdapter(model);
            CheckpointLoader.load(saved.checkpoint(), model);
            assertArrayEquals(new float[6], values(adapter), "a load does not touch an adapter");

            saved.restoreAdapter(model);

            assertArrayEquals(VALUES, values(adapter));
            assertEquals(
                    List.of(adapter.path() + ".exp_avg"),
                    List.copyOf(saved.state(model).tensors().keySet()));
        }
        assertEquals(-1, Files.mismatch(MODEL.resolve("model.safetensors"), step.resolve("model.safetensors")));
    }

    @Test
    void aModelWithoutTheAdapterOfTheRunIsRefusedAndTheOtherWayRound() {
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(MODEL);
                Pretrained plain = AutoModel.fromPretrained(MODEL)) {
            Path unadapted = save(plain, "model.language_model.norm.weight");
            String name = addAdapter(pretrained.model()).path();
            Path adapted = save(pretrained, name);

            assertRefused(adapted, plain.model(), "the adapter tensors [%s], but the model's adapter has []", name);
            assertRefused(
                    unadapted, pretrained.model(), "the adapter tensors [], but the model's adapter has [%s]", name);
            try (TrainingCheckpoint saved = TrainingCheckpoint.open(unadapted)) {
                saved.restoreAdapter(plain.model());
            }
        }
    }

    private static void assertRefused(Path step, LanguageModel model, String problem, String name) {
        try (TrainingCheckpoint saved = TrainingCheckpoint.open(step)) {
            BowlineException refused = assertThrows(BowlineException.class, () -> saved.restoreAdapter(model));
            assertTrue(refused.problem().contains(problem.formatted(name)), refused.problem());
        }
    }

    private Path save(Pretrained pretrained, String trained) {
        SequencedMap<String, Tensor> moments = new LinkedHashMap<>();
        moments.put(trained + ".exp_avg", HostTensors.of(VALUES, 2, 3));
        TrainingState state = new TrainingState(moments, JsonObject.of().with("seed", 1));
        return TrainingCheckpoints.in(temporary.resolve(trained), 1)
                .save(3, pretrained.model(), SaveOptions.like(pretrained.checkpoint()), state, OptionalDouble.empty())
                .directory();
    }

    private static Slot addAdapter(LanguageModel model) {
        Linear linear = model.linears().values().iterator().next();
        Slot adapter = new Slot(linear.path() + ".lora_A.weight", SlotRole.ADAPTER, 2, 3);
        adapter.get().materialize(HostTensors.of(new float[6], 2, 3));
        linear.replace(base -> new WithAdapter(base, adapter));
        return adapter;
    }

    private static float[] values(Slot slot) {
        return HostTensors.bytes(slot.tensor()).toArray(ValueLayout.JAVA_FLOAT);
    }

    private static Map<String, String> files(Path directory) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> all = Files.list(directory)) {
            for (Path file : all.toList()) {
                files.put(
                        String.valueOf(file.getFileName()),
                        TensorHash.of(MemorySegment.ofArray(Files.readAllBytes(file))));
            }
        }
        return files;
    }
}
