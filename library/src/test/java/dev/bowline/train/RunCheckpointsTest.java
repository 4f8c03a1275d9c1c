package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.bowline.BowlineException;
import dev.bowline.files.RunLock;
import dev.bowline.recipe.CheckpointSection;
import dev.bowline.recipe.CheckpointSection.LastCheckpoint;
import dev.bowline.recipe.CheckpointSection.RestoreFrom;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A checkpoint is good when a later step of the same run found a finite loss with its weights.
class RunCheckpointsTest {

    @TempDir
    private Path run = Path.of("");

    @Test
    void theNewestThatALaterStepProvedIsGood() throws IOException {
        saved(1, 2, 3);

        RunCheckpoints checkpoints = checkpoints(from(new RestoreFrom.Latest()));

        assertEquals(good(2, true), checkpoints.lastGood(4), "nobody has computed with the weights of step 3 yet");
        assertEquals(good(3, true), checkpoints.lastGood(5));
    }

    @Test
    void whatARunLeftThatWentFurtherBeforeIsNotThisRuns() throws IOException {
        saved(2, 3, 4, 5);

        RunCheckpoints checkpoints = checkpoints(from(new RestoreFrom.Directory(run.resolve("step_3"))));

        assertEquals(good(3, true), checkpoints.lastGood(8));
        assertEquals(good(2, true), checkpoints.lastGood(4));
    }

    @Test
    void theOnlyOneIsNamedAndNotCalledGood() throws IOException {
        saved(4);

        assertEquals(good(4, false), checkpoints(from(new RestoreFrom.Latest())).lastGood(5));
    }

    @Test
    void aFreshRunHasNone() {
        CheckpointSection section = new CheckpointSection(
                true,
                run.toAbsolutePath(),
                Optional.of(2),
                false,
                Optional.empty(),
                1 << 20,
                true,
                LastCheckpoint.FULL);

        assertEquals(Optional.empty(), checkpoints(section).lastGood(5));
    }

    private static RunCheckpoints checkpoints(CheckpointSection section) {
        return RunCheckpoints.of(
                section, Optional.empty(), (_, problem, fix) -> new BowlineException(problem, fix), RunRanks.ALONE);
    }

    @Test
    void aDirectoryThatMayNotBeWrittenIsRefusedByItsKey() throws IOException {
        assumeTrue(run.toFile().setWritable(false) && !Files.isWritable(run), "root may write everywhere");
        CheckpointSection section = new CheckpointSection(
                true,
                run.resolve("a/b").toAbsolutePath(),
                Optional.of(2),
                false,
                Optional.empty(),
                1 << 20,
                true,
                LastCheckpoint.FULL);

        BowlineException refused = assertThrows(BowlineException.class, () -> checkpoints(section));

        assertTrue(refused.problem().endsWith(run.toAbsolutePath() + " is read-only"), refused.problem());
    }

    private CheckpointSection fresh() {
        return new CheckpointSection(
                true,
                run.toAbsolutePath(),
                Optional.of(2),
                false,
                Optional.empty(),
                1 << 20,
                true,
                LastCheckpoint.FULL);
    }

    /// Killed before the first checkpoint, a run is started again by the same command.
    @Test
    void whatARunLeavesThatWasKilledBeforeItSavedIsNotInTheWay() throws IOException {
        for (String name : List.of("training.jsonl", "validation.jsonl", ".training.jsonl.partial", ".run.lock")) {
            Files.writeString(run.resolve(name), "");
        }
        Path part = Files.createDirectory(run.resolve(".step_3.0123.partial"));
        Files.writeString(part.resolve("model.safetensors"), "half");

        try (RunLock _ = checkpoints(fresh()).begin().orElseThrow()) {
            assertFalse(Files.exists(part), "the half-written checkpoint is still there");
        }
        assertEquals(Optional.empty(), checkpoints(from(new RestoreFrom.Auto())).resumedFrom());
    }

    @Test
    void autoGoesOnFromTheNewest() throws IOException {
        saved(1, 2);

        assertEquals(
                Optional.of(run.resolve("step_2").toAbsolutePath()),
                checkpoints(from(new RestoreFrom.Auto())).resumedFrom());
    }

    /// "Not empty, so resume" and "nothing to resume from, so start afresh" must not be said of one directory.
    @Test
    void theWayOutOfADirectoryInUseIsOneThatWorks() throws IOException {
        Path notes = Files.writeString(run.resolve("notes.txt"), "mine");

        BowlineException foreign = assertThrows(BowlineException.class, () -> checkpoints(fresh()));
        assertTrue(foreign.problem().endsWith("it holds notes.txt"), foreign.problem());
        assertFalse(foreign.fix().contains("restore_from"), foreign.fix());

        Files.delete(notes);
        saved(1);
        BowlineException used = assertThrows(BowlineException.class, () -> checkpoints(fresh()));
        assertTrue(used.fix().contains("set checkpoint.restore_from=LATEST"), used.fix());
        assertTrue(checkpoints(from(new RestoreFrom.Latest())).resumedFrom().isPresent());
    }

    @Test
    void twoRunsNeverWriteIntoOneDirectory() {
        RunCheckpoints second = checkpoints(fresh());
        try (RunLock _ = checkpoints(fresh()).begin().orElseThrow()) {
            BowlineException refused = assertThrows(BowlineException.class, second::begin);

            assertTrue(
                    refused.problem().contains("pid " + ProcessHandle.current().pid() + ") writes into " + run),
                    refused.problem());
            assertThrows(BowlineException.class, () -> checkpoints(from(new RestoreFrom.Auto())));
        }
        second.begin().orElseThrow().close();
    }

    private Optional<RunCheckpoints.Good> good(int step, boolean proven) {
        return Optional.of(new RunCheckpoints.Good(run.resolve("step_" + step), proven));
    }

    private CheckpointSection from(RestoreFrom restore) {
        return new CheckpointSection(
                true,
                run.toAbsolutePath(),
                Optional.of(2),
                false,
                Optional.of(restore),
                1 << 20,
                true,
                LastCheckpoint.FULL);
    }

    private void saved(int... steps) throws IOException {
        for (int step : steps) {
            Path directory = Files.createDirectory(run.resolve("step_" + step));
            Files.writeString(
                    directory.resolve("training_state.json"), "{\"step\": %d, \"state\": {}}".formatted(step));
        }
    }
}
