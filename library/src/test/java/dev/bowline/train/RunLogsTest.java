package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a run writes in training.jsonl and validation.jsonl: a row a step, at once, and each step once.
class RunLogsTest {

    private final Path directory;
    private final DemoRuns demo;

    RunLogsTest(@TempDir Path directory) {
        this.directory = directory;
        demo = new DemoRuns(directory);
    }

    @Test
    void theRowsAreThoseOfAutoModel() throws IOException {
        RunReport report = demo.run("run", "float32", "step_scheduler.max_steps=2", "step_scheduler.val_every_steps=1");

        JsonObject training = demo.rows("run", "training.jsonl").getLast();
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
        JsonObject validation = demo.rows("run", "validation.jsonl").getLast();
        assertEquals(
                List.of("step", "epoch", "timestamp", "val_loss", "lr", "num_label_tokens", "mem"),
                List.copyOf(validation.keys()));
        assertEquals(report.lastValidation().orElseThrow().loss(), validation.requireDouble("val_loss"));
    }

    /// Each row is on the disk when the listener hears of its step.
    @Test
    void rowsAreWrittenOneByOne() {
        try (FineTuningRun run = demo.open("run", "float32", "step_scheduler.max_steps=3")) {
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
                        return demo.rows("run", "training.jsonl");
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            });
        }
    }

    @Test
    void goingOnFromAnOlderStepDropsTheRowsThatAreTakenAgain() throws IOException {
        String[] usual = {"step_scheduler.max_steps=3", "step_scheduler.ckpt_every_steps=1"};
        demo.run("run", "float32", usual[0], usual[1], "step_scheduler.val_every_steps=1");
        List<String> before = demo.losses("run");
        Path log = directory.resolve("run").resolve("training.jsonl");
        Files.writeString(log, "{\"step\": 4, \"lo", StandardOpenOption.APPEND);

        String older = "checkpoint.restore_from="
                + directory.resolve("run").resolve("step_2").toAbsolutePath();
        demo.run("run", "float32", usual[0], usual[1], "step_scheduler.val_every_steps=1", older);

        assertEquals(before, demo.losses("run"));
        assertEquals(
                List.of(1L, 2L, 3L),
                Files.readAllLines(directory.resolve("run").resolve("validation.jsonl")).stream()
                        .map(row -> Json.parse(row, "row").asObject().requireLong("step"))
                        .toList());
    }
}
