package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.recipe.RecipeException;
import dev.bowline.tracking.RecordedMlflow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A run with `logging.mlflow` reports the figures of its logs to a server, and trains the same without one.
class MlflowLogTest {

    private final Path directory;
    private final DemoRuns demo;

    MlflowLogTest(@TempDir Path directory) {
        this.directory = directory;
        demo = new DemoRuns(directory);
    }

    private RunReport run(String uri, String... more) {
        return demo.run("run", "float32", DemoRuns.with(usual(uri), more));
    }

    private static String[] usual(String uri) {
        return new String[] {
            "step_scheduler.max_steps=2",
            "step_scheduler.val_every_steps=2",
            "logging.mlflow.run_name=mine",
            "logging.mlflow.tracking_uri=" + uri
        };
    }

    @Test
    void theServerHasTheFiguresOfTheLogs() throws IOException {
        try (RecordedMlflow server = RecordedMlflow.start(0)) {
            RunReport report = run(server.uri().toString());

            assertEquals(
                    List.of(),
                    report.notes().stream()
                            .filter(note -> note.contains("MLflow"))
                            .toList());
            List<String> expected = new ArrayList<>();
            demo.rows("run", "training.jsonl").forEach(row -> {
                for (String name : List.of("loss", "grad_norm", "lr", "num_label_tokens")) {
                    expected.add("%s %d %s".formatted(name, row.requireLong("step"), row.requireDouble(name)));
                }
            });
            expected.add("val_loss 2 "
                    + demo.rows("run", "validation.jsonl").getFirst().requireDouble("val_loss"));
            assertTrue(server.metrics().containsAll(expected), () -> server.metrics() + " lack some of " + expected);
            assertEquals("mine", server.calls("runs/create").getFirst().body().requireString("run_name"));
            assertEquals("FINISHED", server.calls().getLast().body().requireString("status"));
        }
    }

    @Test
    void aResumedRunContinuesTheRunOfTheServer() throws IOException {
        try (RecordedMlflow server = RecordedMlflow.start(0)) {
            run(server.uri().toString());
            run(server.uri().toString(), "step_scheduler.max_steps=3", "checkpoint.restore_from=LATEST");

            assertEquals(1, server.calls("runs/create").size());
            assertEquals(
                    List.of("FINISHED", "RUNNING", "FINISHED"),
                    server.calls("runs/update").stream()
                            .map(call -> call.body().requireString("status"))
                            .toList());
            List<String> losses = server.metrics().stream()
                    .filter(metric -> metric.startsWith("loss "))
                    .map(metric -> metric.split(" ")[1])
                    .toList();
            assertEquals(List.of("1", "2", "3"), losses);
        }
    }

    @Test
    void aRunWithoutItsServerEndsAsUsualWithANote() throws IOException {
        RunReport report = run("http://127.0.0.1:1");

        assertEquals(2, report.lastStep().orElseThrow().step());
        List<String> notes =
                report.notes().stream().filter(note -> note.contains("MLflow")).toList();
        assertTrue(notes.getLast().startsWith("warning: MLflow at http://127.0.0.1:1 does not have all figures"));
    }

    @Test
    void anAddressWithAPasswordIsRefusedBeforeAnythingIsWritten() throws IOException {
        RecipeException refused = assertThrows(RecipeException.class, () -> run("http://ada:hunter2@localhost:5000"));

        assertTrue(String.valueOf(refused.getMessage()).contains("MLFLOW_TRACKING_PASSWORD"), refused::getMessage);
        try (Stream<Path> files = Files.walk(directory)) {
            assertEquals(1, files.count());
        }
        assertFalse(Files.exists(directory.resolve("run")));
    }
}
