package dev.bowline.model.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.CheckpointSaver;
import dev.bowline.checkpoint.SaveOptions;
import dev.bowline.fixtures.Golden;
import dev.bowline.nn.Parameter;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.SafetensorsWriter;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Qwen3-MoE files have a tensor per expert, the model one for all experts with gate above up: every byte of one is a
/// byte of the other, and a file that is stacked already stays as it is.
class ExpertStackingTest {

    private static final String EXPERTS = "model.layers.0.mlp.experts.";
    private static final int COUNT = 4;

    @TempDir
    private Path directory = Path.of("");

    @ParameterizedTest
    @ValueSource(strings = {"qwen3moe/normalised", "qwen3moe/normalised_bf16"})
    void theStackHasTheBytesOfTheExpertsInTheFile(String variant) {
        Golden file = file(variant);
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = FamilyFixtures.load(variant)) {
            assertArrayEquals(
                    stacked(file, "gate_proj", "up_proj"), bytes(pretrained, EXPERTS + "gate_up_proj"), variant);
            assertArrayEquals(stacked(file, "down_proj"), bytes(pretrained, EXPERTS + "down_proj"), variant);
        }
    }

    @Test
    void whatIsSavedPerExpertIsTheStackOfMemoryAlsoAfterItChanged() {
        Path saved = directory.resolve("saved");
        byte[] stack;
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = FamilyFixtures.load("qwen3moe/normalised")) {
            MemorySegment values = HostTensors.bytes(
                    parameter(pretrained, EXPERTS + "gate_up_proj").value());
            for (long at = 0; at < values.byteSize() / Float.BYTES; at++) {
                values.setAtIndex(ValueLayout.JAVA_FLOAT, at, at);
            }
            stack = values.toArray(ValueLayout.JAVA_BYTE);
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        Golden written = Golden.read(saved.resolve("model.safetensors"));

        assertArrayEquals(stack, stacked(written, "gate_proj", "up_proj"));
        assertEquals(file("qwen3moe/normalised").names(), written.names());
    }

    @Test
    void aFileThatIsStackedAlreadyIsReadAndSavedStacked() throws IOException {
        Golden published = file("qwen3moe/normalised");
        Path stacked = Files.createDirectories(directory.resolve("stacked"));
        writeStacked(published, stacked);
        Path saved = directory.resolve("saved");
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(stacked)) {
            assertArrayEquals(stacked(published, "gate_proj", "up_proj"), bytes(pretrained, EXPERTS + "gate_up_proj"));
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        Golden read = Golden.read(stacked.resolve("model.safetensors"));
        Golden written = Golden.read(saved.resolve("model.safetensors"));

        assertEquals(read.names(), written.names());
        assertTrue(written.has(EXPERTS + "gate_up_proj"));
        for (String name : read.names()) {
            assertArrayEquals(read.bytes(name), written.bytes(name), name);
        }
    }

    /// The fixture with its experts stacked.
    private static void writeStacked(Golden file, Path target) throws IOException {
        Files.copy(
                FamilyFixtures.directory("qwen3moe/normalised").resolve("config.json"), target.resolve("config.json"));
        List<TensorSource> tensors = new ArrayList<>();
        for (String name : file.names()) {
            if (!name.contains(".experts.")) {
                tensors.add(source(name, file.shape(name), file.bytes(name)));
            }
        }
        for (int layer : Set.of(0, 2)) {
            String experts = "model.layers.%d.mlp.experts.".formatted(layer);
            long[] gate = file.shape(experts + "0.gate_proj.weight");
            tensors.add(source(
                    experts + "gate_up_proj",
                    new long[] {COUNT, 2 * gate[0], gate[1]},
                    stack(file, experts, "gate_proj", "up_proj")));
            tensors.add(source(
                    experts + "down_proj", new long[] {COUNT, gate[1], gate[0]}, stack(file, experts, "down_proj")));
        }
        SafetensorsWriter.write(target.resolve("model.safetensors"), tensors);
    }

    private static TensorSource source(String name, long[] shape, byte[] bytes) {
        return new TensorSource(
                name, SafetensorsType.F32, Arrays.stream(shape).boxed().toList(), MemorySegment.ofArray(bytes));
    }

    private static Golden file(String variant) {
        return Golden.read(FamilyFixtures.directory(variant).resolve("model.safetensors"));
    }

    private static byte[] stacked(Golden file, String... parts) {
        return stack(file, EXPERTS, parts);
    }

    private static byte[] stack(Golden file, String experts, String... parts) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int expert = 0; expert < COUNT; expert++) {
            for (String part : parts) {
                bytes.writeBytes(file.bytes(experts + expert + "." + part + ".weight"));
            }
        }
        return bytes.toByteArray();
    }

    private static Parameter parameter(Pretrained pretrained, String name) {
        return Objects.requireNonNull(pretrained.model().parameters().get(name), name);
    }

    private static byte[] bytes(Pretrained pretrained, String name) {
        return HostTensors.bytes(parameter(pretrained, name).value()).toArray(ValueLayout.JAVA_BYTE);
    }
}
