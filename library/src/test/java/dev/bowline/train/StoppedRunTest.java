package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A run that ends has saved every step it took, however it ends.
class StoppedRunTest {

    private final Path run;
    private final DemoRuns demo;

    StoppedRunTest(@TempDir Path directory) {
        run = directory.resolve("run");
        demo = new DemoRuns(directory);
    }

    /// Does something after a step or after a validation.
    private record Reacting(Runnable afterStep, Runnable afterValidation) implements RunListener {
        @Override
        public void stepTaken(StepResult step, long lastStep) {
            afterStep.run();
        }

        @Override
        public void validated(ValidationResult result) {
            afterValidation.run();
        }

        @Override
        public void saved(Path directory) {}
    }

    @Test
    void aStopInAValidationSavesTheStep() {
        try (FineTuningRun stopped =
                demo.open("run", "float32", "step_scheduler.max_steps=9", "step_scheduler.val_every_steps=1")) {
            RunReport report = stopped.run(new Reacting(() -> {}, stopped::requestStop));

            assertEquals(RunReport.Outcome.STOPPED, report.outcome());
            assertEquals(Optional.of(run.resolve("step_1").toAbsolutePath()), report.checkpoint());
        }
        assertTrue(Files.exists(run.resolve("step_1/optimizer.safetensors")));
    }

    @Test
    void aStopBeforeAValidationSavesWithoutIt() {
        try (FineTuningRun stopped =
                demo.open("run", "float32", "step_scheduler.max_steps=1", "step_scheduler.val_every_steps=1")) {
            RunReport report = stopped.run(new Reacting(stopped::requestStop, () -> {}));

            assertEquals(RunReport.Outcome.FINISHED, report.outcome());
            assertTrue(report.checkpoint().isPresent());
            assertEquals(Optional.empty(), report.lastValidation());
            assertTrue(
                    report.notes().stream().anyMatch(note -> note.contains("held-out loss after step 1")),
                    "" + report.notes());
        }
        assertFalse(Files.exists(run.resolve("validation.jsonl")));
    }

    @Test
    void aStopBeforeTheFirstStepSavesNothing() {
        try (FineTuningRun stopped = demo.open("run", "float32")) {
            stopped.requestStop();
            RunReport report = stopped.run(RunListener.silent());

            assertEquals(RunReport.Outcome.STOPPED, report.outcome());
            assertEquals(Optional.empty(), report.lastStep());
            assertEquals(Optional.empty(), report.checkpoint());
        }
    }

    /// Such as a metrics file on a full disk.
    @Test
    void aFailureBetweenStepsSavesTheStepsBeforeItAndRemovesNoCheckpoint() throws IOException {
        String[] usual = {"step_scheduler.ckpt_every_steps=1", "checkpoint.max_recent_checkpoints=1"};
        demo.run("run", "float32", DemoRuns.with(usual, "step_scheduler.max_steps=1"));
        String[] on = {
            "step_scheduler.max_steps=9", "checkpoint.restore_from=LATEST", "checkpoint.max_recent_checkpoints=1"
        };
        RuntimeException failure = new BowlineException("the metrics cannot be written", "free some space");
        try (FineTuningRun failing = demo.open("run", "float32", on)) {
            RuntimeException thrown = assertThrows(
                    RuntimeException.class,
                    () -> failing.run(new Reacting(
                            () -> {
                                throw failure;
                            },
                            () -> {})));

            assertEquals(failure, thrown);
        }
        assertEquals("step_2", Files.readString(run.resolve("LATEST")).strip());
        assertTrue(Files.exists(run.resolve("step_1/optimizer.safetensors")));
        assertTrue(Files.exists(run.resolve("step_2/optimizer.safetensors")));
    }
}
