package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.fixtures.Golden;
import dev.bowline.json.Json;
import dev.bowline.model.TiedWeights;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightsFixture;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A recipe is carried out on the bundled model and data; stopped and resumed, it writes the same bytes.
class FineTuningRunTest {

    private final Path directory;
    private final DemoRuns demo;

    FineTuningRunTest(@TempDir Path directory) {
        this.directory = directory;
        demo = new DemoRuns(directory);
    }

    @ParameterizedTest
    @CsvSource({"float32,0,2", "bfloat16,0,3", "float32,128,5", "bfloat16,128,1", "bfloat16,128,6"})
    void aResumedRunWritesTheBytesOfTheStraightOne(String dtype, int packed, int stop) throws IOException {
        // 40 examples are 10 steps unpacked and 5 packed, so that packed runs begin another epoch.
        String[] usual = {
            "packed_sequence.packed_sequence_size=" + packed,
            "dataset.seq_length=64",
            "lr_scheduler.lr_decay_style=cosine",
            "step_scheduler.val_every_steps=2"
        };
        RunReport straight = demo.run("straight", dtype, DemoRuns.with(usual, "step_scheduler.max_steps=7"));
        demo.run("resumed", dtype, DemoRuns.with(usual, "step_scheduler.max_steps=" + stop));
        RunReport resumed = demo.run(
                "resumed", dtype, DemoRuns.with(usual, "step_scheduler.max_steps=7", "checkpoint.restore_from=LATEST"));

        assertEquals(RunReport.Outcome.FINISHED, resumed.outcome());
        for (String file : List.of("model.safetensors", "optimizer.safetensors", "config.json")) {
            assertTrue(
                    Arrays.equals(bytes(straight, file), bytes(resumed, file)),
                    file + " differs between the straight and the resumed run");
        }
        assertEquals(demo.losses("straight"), demo.losses("resumed"));
        int epochs = (int) demo.rows("straight", "training.jsonl").stream()
                .mapToLong(row -> row.requireLong("epoch"))
                .distinct()
                .count();
        assertEquals(packed > 0 ? 2 : 1, epochs);
    }

    @ParameterizedTest
    @CsvSource({"float32,int8", "bfloat16,int8", "float32,bfloat16"})
    void momentsOfEveryDtypeAreSavedAndResumedBitForBit(String dtype, String stateDtype) throws IOException {
        String[] usual = {"optimizer.state_dtype=" + stateDtype, "dataset.seq_length=64"};
        RunReport straight = demo.run("straight", dtype, DemoRuns.with(usual, "step_scheduler.max_steps=4"));
        demo.run("resumed", dtype, DemoRuns.with(usual, "step_scheduler.max_steps=2"));
        String[] goingOn = {"step_scheduler.max_steps=4", "checkpoint.restore_from=LATEST"};

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> demo.run("resumed", dtype, DemoRuns.with(goingOn, "optimizer.state_dtype=float32")));
        RunReport resumed = demo.run("resumed", dtype, DemoRuns.with(usual, goingOn));

        assertEquals(
                "the checkpoint has optimizer state with optimizer.state_dtype %s, the recipe says float32"
                        .formatted(stateDtype),
                refused.problem());
        for (String file : List.of("model.safetensors", "optimizer.safetensors")) {
            assertTrue(Arrays.equals(bytes(straight, file), bytes(resumed, file)), file + " differs");
        }
    }

    @Test
    void theTieHoldsFromTheLoadThroughSaveAndResume() throws IOException {
        demo.run("run", "bfloat16", "step_scheduler.max_steps=1");
        try (FineTuningRun resumed =
                demo.open("run", "bfloat16", "step_scheduler.max_steps=2", "checkpoint.restore_from=LATEST")) {
            var model = resumed.tuning().model();
            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            assertEquals(resumed.loadReport().ledger().groups().getFirst().hashAtLoad(), firstRunsHash());

            RunReport report = resumed.run(RunListener.silent());

            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            var tie = report.ties().groups().getFirst();
            assertEquals(List.of(model.lmHead().path()), tie.aliases());
            Path weights = report.checkpoint().orElseThrow().resolve("model.safetensors");
            assertTrue(!Golden.read(weights).names().contains("lm_head.weight"));
            assertTrue(Golden.read(weights).names().contains(tie.canonical()));
        }
    }

    private Optional<String> firstRunsHash() {
        return Json.parse(directory.resolve("run").resolve("step_1").resolve("bowline_ties.json"))
                .asObject()
                .requireArray("groups")
                .objects()
                .getFirst()
                .optionalString("hash_at_save");
    }

    @Test
    void validationIsLoggedAndTheNewestCheckpointsStay() throws IOException {
        RunReport report = demo.run(
                "run",
                "float32",
                "step_scheduler.max_steps=3",
                "step_scheduler.ckpt_every_steps=1",
                "step_scheduler.val_every_steps=2",
                "checkpoint.max_recent_checkpoints=1");

        Path run = directory.resolve("run");
        assertEquals(2, Files.readAllLines(run.resolve("validation.jsonl")).size());
        assertEquals("step_3", Files.readString(run.resolve("LATEST")).strip());
        assertTrue(Files.exists(run.resolve("step_3").resolve("tokenizer.json")));
        assertTrue(Files.notExists(run.resolve("step_1")));
        assertTrue(report.lastValidation().isPresent());
    }

    @Test
    void goingOnAtAnotherLearningRateIsNoted() {
        String rate = "optimizer.lr=2e-3";
        demo.run("run", "float32", "step_scheduler.max_steps=1", rate);
        String[] on = {"step_scheduler.max_steps=2", "checkpoint.restore_from=LATEST"};

        assertEquals(List.of(), rateNotes(DemoRuns.with(on, rate)));
        List<String> other = rateNotes(DemoRuns.with(on, "optimizer.lr=1e-5"));
        assertTrue(
                other.stream()
                        .anyMatch(note -> note.startsWith("the learning rate does not continue that of ")
                                && note.contains("\"peak\":0.002")
                                && note.contains("now it is {\"decay\":\"cosine\",\"peak\":1e-05")),
                "" + other);
    }

    private List<String> rateNotes(String[] settings) {
        try (FineTuningRun run = demo.open("run", "float32", settings)) {
            return run.notes().stream()
                    .filter(note -> note.contains("learning rate"))
                    .toList();
        }
    }

    @Test
    void theLastCheckpointMayHaveWeightsOnlyAndARunThatGoesOnFromItSaysSo() {
        List<Long> written = new ArrayList<>();
        try (FineTuningRun run = demo.open(
                "run",
                "float32",
                "step_scheduler.max_steps=2",
                "step_scheduler.ckpt_every_steps=1",
                "checkpoint.last=weights_only")) {
            run.run(new RunListener() {
                @Override
                public void stepTaken(StepResult step, long lastStep) {}

                @Override
                public void validated(ValidationResult result) {}

                @Override
                public void saving(Path to, long bytes, long of) {
                    written.add(of - bytes);
                }

                @Override
                public void saved(Path to) {}
            });
        }

        Path run = directory.resolve("run");
        assertTrue(Files.exists(run.resolve("step_1/optimizer.safetensors")));
        assertFalse(Files.exists(run.resolve("step_2/optimizer.safetensors")));
        assertEquals(2, written.stream().filter(left -> left == 0).count(), "" + written);
        assertTrue(written.getFirst() > 0, "" + written);
        try (FineTuningRun on =
                demo.open("run", "float32", "step_scheduler.max_steps=3", "checkpoint.restore_from=auto")) {
            assertEquals(2, on.tuning().stepsTaken());
            assertTrue(
                    on.notes().stream().anyMatch(note -> note.endsWith("so its moments start at zero")),
                    "" + on.notes());
        }
    }

    @Test
    void goingOnBeyondTheLastStepSaysWhyNoStepIsTaken() {
        demo.run("run", "float32", "step_scheduler.max_steps=2");

        RunReport report = demo.run("run", "float32", "step_scheduler.max_steps=1", "checkpoint.restore_from=LATEST");

        assertEquals(Optional.empty(), report.lastStep());
        String checkpoint =
                directory.resolve("run").resolve("step_2").toAbsolutePath().toString();
        assertTrue(
                report.notes().stream()
                        .anyMatch(note -> note.startsWith("no step is left to take: " + checkpoint
                                + " is at step 2, and the recipe's last step is 1")),
                "" + report.notes());
    }

    @Test
    void towersAreSavedAsTheyCameAndTheRunSaysSo() throws IOException {
        byte[] scale = {1, 2, 3, 4, 5, 6, 7, 8};
        Path model = demoModelWith(new TensorSource(
                "model.vision_tower.scale", SafetensorsType.I64, List.of(), MemorySegment.ofArray(scale)));

        RunReport report = demo.run(
                "run",
                "float32",
                "step_scheduler.max_steps=1",
                "model.pretrained_model_name_or_path=" + model.toAbsolutePath());

        assertTrue(
                report.notes().contains("frozen and saved unchanged: vision tower (tensors: 1)"),
                report.notes().toString());
        Path weights = report.checkpoint().orElseThrow().resolve("model.safetensors");
        try (SafetensorsFile saved = SafetensorsFile.open(weights)) {
            assertEquals(-1, saved.bytes("model.vision_tower.scale").mismatch(MemorySegment.ofArray(scale)));
        }
    }

    private Path demoModelWith(TensorSource more) throws IOException {
        Path demo = Path.of("..", "cli", "src", "main", "resources", "demo", "model");
        Path copy = Files.createDirectory(directory.resolve("model"));
        try (SafetensorsFile weights = SafetensorsFile.open(demo.resolve("model.safetensors"));
                Stream<Path> files = Files.list(demo)) {
            for (Path file :
                    files.filter(each -> !each.endsWith("model.safetensors")).toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
            List<TensorSource> all = new ArrayList<>(List.of(more));
            weights.entries()
                    .forEach((name, entry) ->
                            all.add(new TensorSource(name, entry.type(), entry.shape(), weights.bytes(name))));
            WeightsFixture.write(copy, all, Long.MAX_VALUE);
        }
        return copy;
    }

    private static byte[] bytes(RunReport report, String file) throws IOException {
        return Files.readAllBytes(report.checkpoint().orElseThrow().resolve(file));
    }
}
