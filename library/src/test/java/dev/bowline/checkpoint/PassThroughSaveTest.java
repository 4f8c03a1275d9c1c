package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.checkpoint.SaveReport.Origin;
import dev.bowline.fixtures.Golden;
import dev.bowline.model.LanguageModel;
import dev.bowline.nn.Parameter;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Scalar;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What Bowline does not train comes back as it was: other files, tensors of other types, a tower's tensors.
class PassThroughSaveTest {

    @TempDir
    private Path temporary;

    @Test
    void otherFilesAreTakenAlongAsTheyAreAndWeightsAndTrainingStateAreNot() throws IOException {
        Path source = new TinyCheckpoint(temporary.resolve("source"), "dense_kv").write();
        List<String> kept =
                List.of("tokenizer.json", "chat_template.jinja", "README.md", "additional_chat_templates/tool.jinja");
        for (String name : kept) {
            Files.createDirectories(source.resolve(name).getParent());
            Files.writeString(source.resolve(name), "content of " + name + "\r\n\u00e4");
        }
        for (String name : List.of("training_state.json", "pytorch_model.bin", ".git/HEAD", "step_1/config.json")) {
            Files.createDirectories(source.resolve(name).getParent());
            Files.writeString(source.resolve(name), "not copied");
        }
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained = AutoModel.fromPretrained(source)) {
            CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
        }

        for (String name : kept) {
            assertArrayEquals(Files.readAllBytes(source.resolve(name)), Files.readAllBytes(saved.resolve(name)), name);
        }
        assertEquals(
                Set.of(
                        Path.of("tokenizer.json"),
                        Path.of("chat_template.jinja"),
                        Path.of("README.md"),
                        Path.of("additional_chat_templates", "tool.jinja"),
                        Path.of("config.json"),
                        Path.of("generation_config.json"),
                        Path.of("model.safetensors"),
                        Path.of("bowline_ties.json")),
                Set.copyOf(FilesUnder.directory(saved)));
    }

    /// What was trained is saved, and what cannot be is named.
    @Test
    void aTowerThatWasCutFromTheFileIsLeftOutAndNamed() throws IOException {
        Path source = new TinyCheckpoint(temporary.resolve("source"), "with_towers").write();
        Path weights = source.resolve("model.safetensors");
        long dataStart = SafetensorsFile.readHeader(weights).dataStart();
        Path saved = temporary.resolve("saved");
        List<String> towers;

        try (Pretrained pretrained = AutoModel.fromPretrained(source)) {
            towers = pretrained.report().passedThrough().stream()
                    .map(LoadReport.PassedThrough::key)
                    .toList();
            try (FileChannel file = FileChannel.open(weights, StandardOpenOption.WRITE)) {
                file.truncate(dataStart);
            }
            SaveReport report =
                    CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));

            assertEquals(
                    towers,
                    report.dropped().stream().map(LoadReport.Ignored::key).toList());
            assertTrue(
                    report.notes().stream()
                            .anyMatch(note -> note.startsWith("'%s' is not saved".formatted(towers.getFirst()))),
                    "" + report.notes());
        }
        try (Pretrained again = AutoModel.fromPretrained(saved)) {
            assertEquals(List.of(), again.report().passedThrough());
        }
    }

    @Test
    void aLoneTensorOfAnotherTypeComesBackFromTheFileUntilItIsTrained() throws IOException {
        String norm = "model.language_model.norm.weight";
        Path source = new TinyCheckpoint(temporary.resolve("source"), "dense_kv_bf16")
                .inFloat32(norm)
                .write();
        Path saved = temporary.resolve("saved");
        Path trained = temporary.resolve("trained");

        try (Pretrained pretrained = AutoModel.fromPretrained(source);
                var _ = TensorScope.open()) {
            assertEquals(Dtype.BFLOAT16, pretrained.report().dtype());
            SaveReport report =
                    CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
            assertTrue(report.written().stream()
                    .anyMatch(each -> each.key().equals(norm) && each.origin() == Origin.UNCHANGED));

            parameter(pretrained.model(), norm).value().detach().fill_(new Scalar(0.5));
            CheckpointSaver.save(pretrained.model(), trained, SaveOptions.like(pretrained.checkpoint()));
        }

        assertArrayEquals(
                Files.readAllBytes(source.resolve("model.safetensors")),
                Files.readAllBytes(saved.resolve("model.safetensors")));
        assertEquals(0.5f, Golden.read(trained.resolve("model.safetensors")).floats(norm)[3]);
    }

    /// Quantised scales, counters and masks of a tower, whatever their type, and scalars and empty tensors too.
    @Test
    void everyTypeOfTensorThatPassesThroughComesBackByteForByte() throws IOException {
        TinyCheckpoint made = new TinyCheckpoint(temporary.resolve("source"), "with_towers");
        Set<String> added = new TreeSet<>();
        for (SafetensorsType type : SafetensorsType.values()) {
            for (List<Long> shape : List.of(List.of(3L, 2L), List.<Long>of(), List.of(0L, 4L))) {
                int elements = (int) shape.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
                byte[] bytes = new byte[elements * type.bytes()];
                for (int i = 0; i < bytes.length; i++) {
                    bytes[i] = (byte) (type == SafetensorsType.BOOL ? i % 2 : 37 * i + 200);
                }
                String name = "model.vision_tower.extra." + type + "_" + shape.size() + "_" + elements;
                made.with(name, new TinyCheckpoint.Tensor(type, shape, bytes));
                added.add(name);
            }
        }
        Path source = made.write();
        Path saved = temporary.resolve("saved");

        try (Pretrained pretrained =
                AutoModel.fromPretrained(source, AutoModel.Options.asStored().in(Dtype.BFLOAT16))) {
            Set<String> passed = new TreeSet<>();
            pretrained.report().passedThrough().forEach(each -> passed.add(each.key()));
            assertTrue(passed.containsAll(added), passed::toString);
            SaveReport report =
                    CheckpointSaver.save(pretrained.model(), saved, SaveOptions.like(pretrained.checkpoint()));
            assertEquals(
                    passed,
                    report.written().stream()
                            .filter(each -> each.origin() == Origin.PASSED_THROUGH)
                            .map(SaveReport.Written::key)
                            .collect(Collectors.toCollection(TreeSet::new)));
        }

        try (SafetensorsFile before = SafetensorsFile.open(source.resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(saved.resolve("model.safetensors"))) {
            for (String name : added) {
                assertEquals(before.entry(name).type(), after.entry(name).type(), name);
                assertEquals(before.entry(name).shape(), after.entry(name).shape(), name);
                assertEquals(-1, before.bytes(name).mismatch(after.bytes(name)), name);
            }
        }
    }

    private static Parameter parameter(LanguageModel model, String slot) {
        return Objects.requireNonNull(model.slots().get(slot)).get();
    }
}
