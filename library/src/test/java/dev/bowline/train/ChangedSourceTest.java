package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.safetensors.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whatever becomes of the model's files while a run trains, no trained step is lost and no changed weight is trained
/// on.
class ChangedSourceTest {

    private final Path model;
    private final DemoRuns demo;

    ChangedSourceTest(@TempDir Path directory) {
        model = directory.resolve("model");
        demo = new DemoRuns(directory);
    }

    @BeforeEach
    void aModelOfItsOwn() throws IOException {
        Path original = Path.of("..", "cli", "src", "main", "resources", "demo", "model");
        Files.createDirectory(model);
        try (Stream<Path> files = Files.list(original)) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
    }

    private interface Change {
        void run() throws IOException;
    }

    /// Trains two steps, with a change after the first, and saves the second.
    private RunReport run(Change change, String... more) {
        String[] usual = {"model.pretrained_model_name_or_path=" + model.toAbsolutePath(), "step_scheduler.max_steps=2"
        };
        try (FineTuningRun run = demo.open("run", "bfloat16", DemoRuns.with(usual, more))) {
            return run.run(new RunListener() {
                @Override
                public void stepTaken(StepResult step, long lastStep) {
                    if (step.step() == 1) {
                        try {
                            change.run();
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    }
                }

                @Override
                public void validated(ValidationResult result) {}

                @Override
                public void saved(Path directory) {}
            });
        }
    }

    private void cutWeights() throws IOException {
        try (FileChannel file = FileChannel.open(model.resolve("model.safetensors"), StandardOpenOption.WRITE)) {
            file.truncate(100);
        }
    }

    @Test
    void filesThatGoOrChangeAreInTheCheckpointAsTheyWereLoaded() throws IOException {
        byte[] tokenizer = Files.readAllBytes(model.resolve("tokenizer.json"));
        byte[] config = Files.readAllBytes(model.resolve("config.json"));
        Files.writeString(model.resolve("notes.txt"), "before");

        RunReport report = run(() -> {
            Files.delete(model.resolve("tokenizer.json"));
            Files.delete(model.resolve("config.json"));
            Files.writeString(model.resolve("notes.txt"), "after");
            cutWeights();
        });

        Path saved = report.checkpoint().orElseThrow();
        assertArrayEquals(tokenizer, Files.readAllBytes(saved.resolve("tokenizer.json")));
        assertArrayEquals(config, Files.readAllBytes(saved.resolve("config.json")));
        assertEquals("before", Files.readString(saved.resolve("notes.txt")));
        for (String name : List.of("tokenizer.json", "notes.txt")) {
            assertTrue(
                    report.notes().stream()
                            .anyMatch(note -> note.startsWith(
                                    model.resolve(name).toAbsolutePath() + " changed after the model was loaded")),
                    "" + report.notes());
        }
        assertEquals(List.of(), report.updates(), "compared with a file that was cut");
        assertEquals(2, report.lastStep().orElseThrow().step());
    }

    @Test
    void smallFrozenWeightsAreThoseThatWereLoaded() {
        byte[] before = embedding(model);

        RunReport report = run(this::cutWeights, "freeze_config.freeze_embeddings=true");

        assertEquals(2, report.lastStep().orElseThrow().step());
        assertArrayEquals(before, embedding(report.checkpoint().orElseThrow()));
    }

    private static byte[] embedding(Path directory) {
        try (SafetensorsFile file = SafetensorsFile.open(directory.resolve("model.safetensors"))) {
            return file.bytes("model.language_model.embed_tokens.weight").toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /// A weight that is too large to be copied is neither trained on nor saved once its file was written to.
    @Test
    void aMappedWeightThatWasWrittenToIsRefused() throws IOException {
        AutoModel.Options frozen = AutoModel.Options.asStored()
                .freezing(each -> each.inputEmbedding().get().freeze());
        try (Pretrained pretrained = AutoModel.fromPretrained(model, frozen)) {
            List<String> mapped = FrozenCopies.copy(pretrained, 1000);
            assertEquals(List.of("model.language_model.embed_tokens.weight"), mapped);
            pretrained.checkpoint().requireNotRewritten(mapped);

            cutWeights();

            BowlineException refused = assertThrows(
                    BowlineException.class, () -> pretrained.checkpoint().requireNotRewritten(mapped));
            assertTrue(
                    refused.problem().startsWith(model.resolve("model.safetensors") + " was written to"),
                    refused.problem());
        }
    }

    /// As a download does: the run keeps the file that it opened.
    @Test
    void anotherFileUnderTheNameChangesNothing() throws IOException {
        Path weights = model.resolve("model.safetensors");
        byte[] before = embedding(model);

        RunReport report = run(
                () -> {
                    Path other = Files.write(model.resolve("new"), new byte[100]);
                    Files.setLastModifiedTime(other, FileTime.fromMillis(0));
                    Files.move(other, weights, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
                },
                "freeze_config.freeze_embeddings=true");

        assertEquals(2, report.lastStep().orElseThrow().step());
        assertArrayEquals(before, embedding(report.checkpoint().orElseThrow()));
        assertFalse(report.updates().isEmpty());
    }
}
