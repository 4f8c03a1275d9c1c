package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.json.JsonObject;
import dev.bowline.platform.ProcessMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/// Every field of a row is the result's own.
class MetricsLogTest {

    @TempDir
    private Path directory = Path.of("");

    @Test
    void aRowOfTrainingHasWhatTheStepMeasured() throws IOException {
        List<StepResult> steps = List.of(
                new StepResult(3, 1, 2.25, 0.75, 1e-3, 100, 60, 0.5), new StepResult(4, 2, 1.5, 0.25, 5e-4, 90, 50, 2));
        MetricsLog log = new MetricsLog(directory);

        steps.forEach(step -> log.stepTaken(step, steps.size()));

        List<JsonObject> rows = rows("training.jsonl");
        assertEquals(steps.size(), rows.size());
        for (int i = 0; i < steps.size(); i++) {
            StepResult step = steps.get(i);
            JsonObject row = rows.get(i);
            assertAll(
                    () -> assertEquals(step.step(), row.requireLong("step")),
                    () -> assertEquals(step.epoch(), row.requireLong("epoch")),
                    isOfNow(row),
                    () -> assertEquals(step.loss(), row.requireDouble("loss")),
                    () -> assertEquals(step.gradNorm(), row.requireDouble("grad_norm")),
                    () -> assertEquals(step.learningRate(), row.requireDouble("lr")),
                    () -> assertEquals(step.tokens() / step.seconds(), row.requireDouble("tps")),
                    () -> assertEquals(step.tokens() / step.seconds(), row.requireDouble("tps_per_gpu")),
                    () -> assertEquals(JsonNull.class, row.require("mfu").getClass()),
                    () -> assertEquals(step.tokens(), row.requireLong("num_tokens_per_step")),
                    () -> assertEquals(step.targetTokens(), row.requireLong("num_label_tokens")));
        }
    }

    @Test
    void aRowOfValidationHasWhatItMeasured() throws IOException {
        List<ValidationResult> results =
                List.of(new ValidationResult(3, 1, 2.25, 1e-3, 60), new ValidationResult(6, 2, 1.5, 5e-4, 61));
        MetricsLog log = new MetricsLog(directory);

        results.forEach(log::validated);

        List<JsonObject> rows = rows("validation.jsonl");
        assertEquals(results.size(), rows.size());
        for (int i = 0; i < results.size(); i++) {
            ValidationResult result = results.get(i);
            JsonObject row = rows.get(i);
            assertAll(
                    () -> assertEquals(result.step(), row.requireLong("step")),
                    () -> assertEquals(result.epoch(), row.requireLong("epoch")),
                    isOfNow(row),
                    () -> assertEquals(result.loss(), row.requireDouble("val_loss")),
                    () -> assertEquals(result.learningRate(), row.requireDouble("lr")),
                    () -> assertEquals(result.targetTokens(), row.requireLong("num_label_tokens")));
        }
    }

    /// Memory outside the heap, which no collection gives back, touched between two rows.
    @Test
    void memIsWhatTheProcessHasInGib() throws IOException {
        assumeTrue(ProcessMemory.resident().isPresent(), "this system does not say what memory a process has");
        MetricsLog log = new MetricsLog(directory);
        log.validated(new ValidationResult(1, 0, 1, 1, 1));
        try (Arena arena = Arena.ofConfined()) {
            arena.allocate(256L << 20).fill((byte) 1);

            log.validated(new ValidationResult(2, 0, 1, 1, 1));
        }

        List<JsonObject> rows = rows("validation.jsonl");
        assertEquals(0.25, rows.getLast().requireDouble("mem") - rows.getFirst().requireDouble("mem"), 0.1);
    }

    private static Executable isOfNow(JsonObject row) {
        return () -> {
            Instant written = Instant.parse(row.requireString("timestamp"));
            Duration age = Duration.between(written, Instant.now());
            assertTrue(!age.isNegative() && age.compareTo(Duration.ofHours(1)) < 0, written.toString());
        };
    }

    private List<JsonObject> rows(String file) throws IOException {
        return Files.readAllLines(directory.resolve(file)).stream()
                .map(line -> Json.parse(line, file).asObject())
                .toList();
    }
}
