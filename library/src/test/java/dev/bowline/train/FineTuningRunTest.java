package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.safetensors.SafetensorsFile;
import dev.bowline.safetensors.SafetensorsType;
import dev.bowline.safetensors.TensorSource;
import dev.bowline.safetensors.WeightsWriter;
import dev.bowline.ties.TiedWeights;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A recipe is carried out on the bundled model and data; stopped and resumed, it writes the same bytes.
class FineTuningRunTest {

    private static final Path RECIPE = Path.of("..", "examples", "demo.yaml");

    @TempDir
    private Path directory = Path.of("");

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
        RunReport straight = run("straight", dtype, with(usual, "step_scheduler.max_steps=7"));
        run("resumed", dtype, with(usual, "step_scheduler.max_steps=" + stop));
        RunReport resumed =
                run("resumed", dtype, with(usual, "step_scheduler.max_steps=7", "checkpoint.restore_from=LATEST"));

        assertEquals(RunReport.Outcome.FINISHED, resumed.outcome());
        for (String file : List.of("model.safetensors", "optimizer.safetensors", "config.json")) {
            assertTrue(
                    Arrays.equals(bytes(straight, file), bytes(resumed, file)),
                    file + " differs between the straight and the resumed run");
        }
        assertEquals(losses("straight"), losses("resumed"));
        int epochs = (int) rows("straight", "training.jsonl").stream()
                .mapToLong(row -> row.requireLong("epoch"))
                .distinct()
                .count();
        assertEquals(packed > 0 ? 2 : 1, epochs);
    }

    @Test
    void theRowsAreThoseOfAutoModel() throws IOException {
        RunReport report = run("run", "float32", "step_scheduler.max_steps=2", "step_scheduler.val_every_steps=1");

        JsonObject training = rows("run", "training.jsonl").getLast();
        assertEquals(
                List.of(
                        "step",
                        "epoch",
                        "timestamp",
                        "loss",
                        "grad_norm",
                        "lr",
                        "mem",
                        "tps",
                        "tps_per_gpu",
                        "mfu",
                        "num_tokens_per_step",
                        "num_label_tokens"),
                List.copyOf(training.keys()));
        StepResult last = report.lastStep().orElseThrow();
        assertEquals(last.tokensPerSecond(), training.requireDouble("tps"), 1e-6 * last.tokensPerSecond());
        assertEquals(last.targetTokens(), training.requireLong("num_label_tokens"));
        assertEquals(last.tokens(), training.requireLong("num_tokens_per_step"));
        assertTrue(training.requireDouble("mem") > 0.1 && training.requireDouble("mem") < 64);
        JsonObject validation = rows("run", "validation.jsonl").getLast();
        assertEquals(
                List.of("step", "epoch", "timestamp", "val_loss", "lr", "num_label_tokens", "mem"),
                List.copyOf(validation.keys()));
        assertEquals(report.lastValidation().orElseThrow().loss(), validation.requireDouble("val_loss"));
    }

    /// Each row is on the disk when the listener hears of its step.
    @Test
    void rowsAreWrittenOneByOne() {
        try (FineTuningRun run = open("run", "float32", "step_scheduler.max_steps=3")) {
            run.run(new RunListener() {
                @Override
                public void stepTaken(StepResult step, long lastStep) {
                    assertEquals(step.step(), rowsUnchecked().size());
                }

                @Override
                public void validated(ValidationResult result) {}

                @Override
                public void saved(Path directory) {}

                private List<JsonObject> rowsUnchecked() {
                    try {
                        return rows("run", "training.jsonl");
                    } catch (IOException e) {
                        throw new java.io.UncheckedIOException(e);
                    }
                }
            });
        }
    }

    @Test
    void theTieHoldsFromTheLoadThroughSaveAndResume() throws IOException {
        run("run", "bfloat16", "step_scheduler.max_steps=1");
        try (FineTuningRun resumed =
                open("run", "bfloat16", "step_scheduler.max_steps=2", "checkpoint.restore_from=LATEST")) {
            var model = resumed.tuning().model();
            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            assertEquals(resumed.loadReport().ledger().groups().getFirst().hashAtLoad(), firstRunsHash());

            RunReport report = resumed.run(RunListener.silent());

            assertTrue(TiedWeights.hasLocalTiedLmHead(model));
            var tie = report.ties().groups().getFirst();
            assertEquals(List.of(model.lmHead().path()), tie.aliases());
            Path weights = report.checkpoint().orElseThrow().resolve("model.safetensors");
            assertTrue(!dev.bowline.fixtures.Golden.read(weights).names().contains("lm_head.weight"));
            assertTrue(dev.bowline.fixtures.Golden.read(weights).names().contains(tie.canonical()));
        }
    }

    private java.util.Optional<String> firstRunsHash() {
        return Json.parse(directory.resolve("run").resolve("step_1").resolve("bowline_ties.json"))
                .asObject()
                .requireArray("groups")
                .objects()
                .getFirst()
                .optionalString("hash_at_save");
    }

    @Test
    void validationIsLoggedAndTheNewestCheckpointsStay() throws IOException {
        RunReport report = run(
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
    void aDirectoryWithAnotherRunIsNotWrittenInto() throws IOException {
        run("run", "float32", "step_scheduler.max_steps=1");

        BowlineException refused =
                assertThrows(BowlineException.class, () -> run("run", "float32", "step_scheduler.max_steps=1"));

        assertTrue(refused.problem().contains("is not empty"), refused.problem());
        assertTrue(refused.fix().contains("restore_from=LATEST"), refused.fix());
    }

    @Test
    void goingOnFromAnOlderStepDropsTheRowsThatAreTakenAgain() throws IOException {
        String[] usual = {"step_scheduler.max_steps=3", "step_scheduler.ckpt_every_steps=1"};
        run("run", "float32", usual[0], usual[1], "step_scheduler.val_every_steps=1");
        List<String> before = losses("run");
        Path log = directory.resolve("run").resolve("training.jsonl");
        Files.writeString(log, "{\"step\": 4, \"lo", StandardOpenOption.APPEND);

        String older = "checkpoint.restore_from="
                + directory.resolve("run").resolve("step_2").toAbsolutePath();
        run("run", "float32", usual[0], usual[1], "step_scheduler.val_every_steps=1", older);

        assertEquals(before, losses("run"));
        assertEquals(
                List.of(1L, 2L, 3L),
                Files.readAllLines(directory.resolve("run").resolve("validation.jsonl")).stream()
                        .map(row -> Json.parse(row, "row").asObject().requireLong("step"))
                        .toList());
    }

    @Test
    void goingOnAtAnotherLearningRateIsNoted() {
        run("run", "float32", "step_scheduler.max_steps=1");
        String[] on = {"step_scheduler.max_steps=2", "checkpoint.restore_from=LATEST"};

        try (FineTuningRun same = open("run", "float32", on);
                FineTuningRun other = open("run", "float32", with(on, "optimizer.lr=1e-5"))) {
            assertTrue(same.notes().stream().noneMatch(note -> note.contains("learning rate")), "" + same.notes());
            assertTrue(
                    other.notes().stream()
                            .anyMatch(note -> note.startsWith("the learning rate does not go on as ")
                                    && note.contains("\"peak\":0.004")
                                    && note.contains("now {\"decay\":\"cosine\",\"peak\":1e-05")),
                    "" + other.notes());
        }
    }

    @Test
    void towersAreSavedAsTheyCameAndTheRunSaysSo() throws IOException {
        byte[] scale = {1, 2, 3, 4, 5, 6, 7, 8};
        Path model = demoModelWith(new TensorSource(
                "model.vision_tower.scale", SafetensorsType.I64, List.of(), MemorySegment.ofArray(scale)));

        RunReport report = run(
                "run",
                "float32",
                "step_scheduler.max_steps=1",
                "model.pretrained_model_name_or_path=" + model.toAbsolutePath());

        assertTrue(
                report.notes().contains("frozen and saved as it is: vision tower (tensors: 1)"),
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
            WeightsWriter.write(copy, all, Long.MAX_VALUE, Set.of());
        }
        return copy;
    }

    @Test
    void aRowLongerThanTheModelIsRefusedAtItsLineBeforeAnyWeightIsRead() throws IOException {
        BowlineException refused =
                assertThrows(BowlineException.class, () -> run("run", "float32", "dataset.seq_length=513"));
        BowlineException packed = assertThrows(
                BowlineException.class, () -> run("run", "float32", "packed_sequence.packed_sequence_size=1024"));
        Path recipe = Files.writeString(
                directory.resolve("recipe.yaml"),
                Files.readString(RECIPE)
                        .replace("seq_length: 64", "seq_length: 4096")
                        .replace("../", Path.of("..").toAbsolutePath().normalize() + "/"));
        BowlineException inFile =
                assertThrows(BowlineException.class, () -> PreparedRun.of(RecipeFile.load(recipe, List.of())));

        assertTrue(
                refused.problem()
                        .startsWith("--set dataset.seq_length=513: dataset.seq_length is 513, but the model has 512"),
                refused.problem());
        assertTrue(packed.problem().contains("packed_sequence_size is 1024, but the model has 512"), packed.problem());
        assertTrue(inFile.problem().startsWith(recipe + ":13:15: "), inFile.problem());
        assertTrue(Files.notExists(directory.resolve("run")));
    }

    @Test
    void aTiedHeadCannotBeTrainedWithoutItsEmbeddingNorFrozenWithout() {
        for (String[] contradiction : new String[][] {{"true", "false"}, {"false", "true"}}) {
            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> run(
                            "run",
                            "float32",
                            "freeze_config.freeze_embeddings=" + contradiction[0],
                            "freeze_config.freeze_lm_head=" + contradiction[1]));

            assertTrue(
                    refused.problem().startsWith("--set freeze_config.freeze_lm_head=" + contradiction[1]),
                    refused.problem());
            assertTrue(refused.problem().endsWith("they are one parameter"), refused.problem());
        }
    }

    @Test
    void aLossThatIsNoNumberNamesTheRowsAndTheCommandThatGoesOn() throws IOException {
        run("run", "float32", "step_scheduler.max_steps=2", "step_scheduler.ckpt_every_steps=1");
        // Step 3 sees good weights and ruins them, step 4 sees the ruin.
        String[] exploding = {
            "step_scheduler.max_steps=6",
            "step_scheduler.ckpt_every_steps=1",
            "optimizer.lr=1e38",
            "checkpoint.restore_from=LATEST",
        };

        BowlineException refused = assertThrows(BowlineException.class, () -> run("run", "float32", exploding));

        assertTrue(refused.problem().startsWith("step 4: the loss is NaN"), refused.problem());
        assertTrue(refused.problem().matches("(?s).*/train\\.jsonl:\\d+, .*/train\\.jsonl:\\d+.*"), refused.problem());
        Path good = directory.resolve("run").resolve("step_2").toAbsolutePath();
        assertTrue(refused.fix().contains("the last good checkpoint is " + good), refused.fix());
        String command = refused.fix().lines().toList().getLast().strip();
        assertTrue(
                command.startsWith("bowline finetune " + RECIPE.toAbsolutePath().normalize() + " --set "), command);
        List<String> words = List.of(command.split(" "));
        assertTrue(words.contains("checkpoint.restore_from=" + good), command);
        assertTrue(words.contains("optimizer.lr=5.0E37") && !words.contains("optimizer.lr=1e38"), command);
        List<String> sets = words.stream()
                .filter(word -> word.contains("=") && !word.startsWith("optimizer.lr="))
                .collect(java.util.stream.Collectors.toCollection(ArrayList::new));
        sets.add("optimizer.lr=1e-3");
        try (FineTuningRun resumed = FineTuningRun.open(RecipeFile.load(RECIPE, sets))) {
            assertEquals(2, resumed.tuning().stepsTaken());
            assertEquals(
                    RunReport.Outcome.FINISHED,
                    resumed.run(RunListener.silent()).outcome());
        }
    }

    @Test
    void aCheckpointOfTheWeightsThatGaveNoNumberIsNotCalledGood() throws IOException {
        run("run", "float32", "step_scheduler.max_steps=1", "optimizer.lr=1e38");

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> run("run", "float32", "step_scheduler.max_steps=2", "checkpoint.restore_from=LATEST"));

        assertTrue(refused.fix().contains("holds the weights that gave this loss"), refused.fix());
    }

    @Test
    void aLossThatIsNoNumberBeforeAnyCheckpointStartsAgainElsewhere() {
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> run(
                        "run", "float32", "step_scheduler.max_steps=5", "optimizer.lr=1e38", "lr_scheduler.init_lr=0"));

        assertTrue(refused.problem().startsWith("step 2: "), refused.problem());
        assertTrue(refused.fix().contains("no checkpoint was saved before it"), refused.fix());
        assertTrue(
                refused.fix()
                        .contains("checkpoint.checkpoint_dir="
                                + directory.resolve("run").toAbsolutePath() + "-again"),
                refused.fix());
    }

    private static String[] with(String[] usual, String... more) {
        return java.util.stream.Stream.concat(Arrays.stream(usual), Arrays.stream(more))
                .toArray(String[]::new);
    }

    private RunReport run(String name, String dtype, String... more) {
        try (FineTuningRun run = open(name, dtype, more)) {
            return run.run(RunListener.silent());
        }
    }

    private FineTuningRun open(String name, String dtype, String... more) {
        List<String> sets = new ArrayList<>(List.of(
                "checkpoint.checkpoint_dir=" + directory.resolve(name).toAbsolutePath(),
                "model.torch_dtype=" + dtype,
                "dataset.limit_dataset_samples=40",
                "validation_dataset.limit_dataset_samples=4",
                "step_scheduler.global_batch_size=4",
                "step_scheduler.local_batch_size=2",
                "step_scheduler.val_every_steps=100",
                "step_scheduler.ckpt_every_steps=100",
                "lr_scheduler.lr_warmup_steps=1",
                "lr_scheduler.lr_decay_steps=10"));
        sets.addAll(List.of(more));
        return FineTuningRun.open(RecipeFile.load(RECIPE, sets));
    }

    private List<JsonObject> rows(String name, String file) throws IOException {
        return Files.readAllLines(directory.resolve(name).resolve(file)).stream()
                .map(line -> Json.parse(line, name).asObject())
                .toList();
    }

    private static byte[] bytes(RunReport report, String file) throws IOException {
        return Files.readAllBytes(report.checkpoint().orElseThrow().resolve(file));
    }

    private List<String> losses(String name) throws IOException {
        return rows(name, "training.jsonl").stream()
                .map(row -> row.requireLong("step") + " " + row.requireDouble("loss") + " "
                        + row.requireDouble("grad_norm") + " " + row.requireDouble("lr"))
                .toList();
    }
}
