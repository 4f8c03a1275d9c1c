package dev.bowline.audit.repair;

import static dev.bowline.audit.CheckpointFixture.E;
import static dev.bowline.audit.CheckpointFixture.H;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.CheckpointFixture;
import dev.bowline.audit.CheckpointTree;
import dev.bowline.audit.TieAudit;
import dev.bowline.audit.evidence.RepairPaths;
import dev.bowline.audit.evidence.SourceFiles;
import dev.bowline.files.DirectoryExchange;
import dev.bowline.files.RepairLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Wherever a repair ends, the checkpoint is the original or the result, whole; running it again ends it.
class InterruptedRepairTest {

    /// The process is gone: nothing runs after it, no cleanup either.
    private static final class Killed extends Error {}

    @TempDir
    private Path temporary;

    private int round;

    private static CheckpointFixture duplicate() {
        return CheckpointFixture.llama("true").embedding(E).head(E).sharded();
    }

    private Path fresh(CheckpointFixture fixture) throws IOException {
        Path parent = Files.createDirectories(temporary.resolve("round" + round++));
        Path source = fixture.write(parent.resolve("model"));
        Files.createDirectories(source.resolve("onnx"));
        Files.writeString(source.resolve("onnx").resolve("notes.txt"), "of its own");
        return source;
    }

    private static RepairPlan plan(Path source) {
        return Repair.plan(source, RepairOptions.LOSSLESS);
    }

    /// Ends at the step of this number, in the middle of it when it writes a file.
    private static RepairDisk.Observer killedAt(int number) {
        int[] steps = {0};
        return (step, path) -> {
            if (steps[0]++ < number) {
                return;
            }
            if (step == RepairDisk.Step.WRITE && steps[0] == number + 1) {
                Files.writeString(path, "half of");
            }
            throw new Killed();
        };
    }

    private static int steps(Path source, DirectoryExchange exchange) {
        int[] steps = {0};
        new RepairRun(plan(source), new RepairDisk((_, _) -> steps[0]++, exchange)).inPlace();
        return steps[0];
    }

    private void killEverywhere(DirectoryExchange exchange) throws IOException {
        for (CheckpointFixture fixture : List.of(
                duplicate(),
                CheckpointFixture.llama("true").embedding(E).head(H),
                CheckpointFixture.llama("true").head(E))) {
            Path model = fresh(fixture);
            Map<String, String> before = Written.contents(model);
            int steps = steps(model, exchange);
            Map<String, String> after = Written.contents(model);
            assertTrue(steps > 8, "only %d steps".formatted(steps));
            boolean sawBefore = false;
            boolean sawAfter = false;
            for (int number = 0; number < steps; number++) {
                Path killed = fresh(fixture);
                RepairRun run = new RepairRun(plan(killed), new RepairDisk(killedAt(number), exchange));
                assertThrows(Killed.class, run::inPlace);

                if (Files.exists(killed)) {
                    Map<String, String> found = Written.contents(killed);
                    sawBefore |= found.equals(before);
                    sawAfter |= found.equals(after);
                    assertTrue(found.equals(before) || found.equals(after), "step " + number);
                } else {
                    BowlineException explained = assertThrows(BowlineException.class, () -> TieAudit.of(killed));
                    assertTrue(explained.problem().contains("a repair was interrupted"), explained.problem());
                    assertEquals(before, Written.contents(RepairPaths.at(killed).original()), "step " + number);
                }
                again(killed);
                assertEquals(after, Written.contents(killed), "step " + number);
                assertEquals(List.of(killed), SourceFiles.list(killed.resolveSibling("")));
            }
            assertTrue(sawBefore && sawAfter);
        }
    }

    private static void again(Path model) {
        Repair.putBack(model);
        Repair.applyInPlace(plan(model));
    }

    @Test
    void killedAtAnyStepOfAnExchange() throws IOException {
        killEverywhere(DirectoryExchange.ofSystem());
    }

    @Test
    void killedAtAnyStepWhereDirectoriesCannotBeExchanged() throws IOException {
        killEverywhere(DirectoryExchange.none());
    }

    /// On Linux there is no moment without a checkpoint.
    @Test
    void anExchangeIsOneStep() throws IOException {
        Path model = fresh(duplicate());
        Path other = Files.createDirectories(model.resolveSibling("other"));
        boolean isLinux = System.getProperty("os.name").startsWith("Linux");

        boolean swapped = DirectoryExchange.ofSystem().swap(model, other);

        assertEquals(isLinux, swapped);
        assertEquals(!swapped, Files.exists(model.resolve("config.json")));
        assertFalse(DirectoryExchange.none().swap(model, other));
        assertFalse(DirectoryExchange.ofSystem().swap(model, model.resolveSibling("absent")));
    }

    @Test
    void aFailureAtAnyStepLeavesNothingBehind() throws IOException {
        Path model = fresh(duplicate());
        Map<String, String> before = Written.contents(model);
        int steps = steps(model, DirectoryExchange.none());
        Map<String, String> after = Written.contents(model);
        for (int number = 0; number < steps; number++) {
            int fails = number;
            int[] count = {0};
            Path failing = fresh(duplicate());
            RepairDisk disk = new RepairDisk(
                    (_, path) -> {
                        if (count[0]++ == fails) {
                            throw new IOException("no space left for " + path.getFileName());
                        }
                    },
                    DirectoryExchange.none());

            BowlineException failed = assertThrows(
                    BowlineException.class, () -> new RepairRun(plan(failing), disk).inPlace(), "step " + number);

            assertTrue(failed.problem().contains("no space left"), failed.problem());
            boolean repaired = failed.problem().contains("is repaired, but");
            assertEquals(repaired ? after : before, Written.contents(failing), "step " + number);
            assertTrue(repaired || SourceFiles.list(failing.resolveSibling("")).equals(List.of(failing)));
        }
    }

    @Test
    void aNewDirectoryIsWholeOrAbsent() throws IOException {
        Path model = fresh(duplicate());
        Map<String, String> before = Written.contents(model);
        int[] steps = {0};
        Path whole = model.resolveSibling("whole");
        new RepairRun(plan(model), new RepairDisk((_, _) -> steps[0]++, DirectoryExchange.none())).to(whole);
        for (int number = 0; number < steps[0]; number++) {
            Path target = model.resolveSibling("target" + number);
            RepairDisk disk = new RepairDisk(killedAt(number), DirectoryExchange.none());
            assertThrows(Killed.class, () -> new RepairRun(plan(model), disk).to(target));

            assertTrue(
                    !Files.exists(target) || Written.contents(target).equals(Written.contents(whole)),
                    "step " + number);
            assertEquals(before, Written.contents(model));
            if (!Files.exists(target)) {
                Repair.apply(plan(model), target);
                assertEquals(Written.contents(whole), Written.contents(target));
            }
        }
    }

    /// The same with processes that really end.
    @Test
    void processesThatAreKilledLeaveTheOriginalOrTheResult() throws IOException, InterruptedException {
        Path model = fresh(duplicate());
        Map<String, String> before = Written.contents(model);
        int steps = steps(model, DirectoryExchange.ofSystem());
        Map<String, String> after = Written.contents(model);
        for (int number = 0; number < steps; number++) {
            Path killed = fresh(duplicate());
            Process process = new ProcessBuilder(DyingRepair.command(killed, number))
                    .redirectErrorStream(true)
                    .start();
            String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            assertEquals(DyingRepair.KILLED, process.waitFor(), said);

            Map<String, String> found = Written.contents(killed);
            assertTrue(found.equals(before) || found.equals(after), "step " + number);
            again(killed);
            assertEquals(after, Written.contents(killed), "step " + number);
            assertEquals(List.of(killed), SourceFiles.list(killed.resolveSibling("")));
        }
    }

    @Test
    void twoRepairsAtOnceAreRefused() throws IOException {
        Path model = fresh(duplicate());
        RepairPlan plan = plan(model);

        try (RepairLock _ = RepairLock.take(
                RepairPaths.at(model).lock(), RepairPaths.at(model).place())) {
            BowlineException refused = assertThrows(BowlineException.class, () -> Repair.applyInPlace(plan));
            assertTrue(refused.problem().contains("by another process"), refused.problem());
        }
        Repair.applyInPlace(plan);
    }

    /// Another repair ends, and removes the lock's file, after this one has opened it.
    @Test
    void aLockOnAFileThatIsGoneIsNotOne() throws IOException {
        RepairPaths names = RepairPaths.at(fresh(duplicate()));
        int[] opened = {0};
        Runnable another = () -> {
            if (opened[0]++ == 0) {
                takeAndRelease(names);
            }
        };

        try (RepairLock _ = RepairLock.take(names.lock(), names.place(), another)) {
            assertEquals(2, opened[0]);
            assertThrows(BowlineException.class, () -> takeAndRelease(names));
        }
        takeAndRelease(names);
        assertEquals(List.of(names.place()), SourceFiles.list(names.place().resolveSibling("")));
    }

    private static void takeAndRelease(RepairPaths names) {
        try (RepairLock _ = RepairLock.take(names.lock(), names.place())) {
            assertTrue(names.isThere());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void whatARepairLeftIsTold() throws IOException {
        Path model = fresh(duplicate());
        assertEquals(Optional.empty(), Repair.leftover(model));

        Files.createDirectory(RepairPaths.at(model).aside());

        assertEquals(Optional.of(RepairPaths.at(model).aside()), Repair.leftover(model));
        Repair.applyInPlace(plan(model));
        assertEquals(Optional.empty(), Repair.leftover(model));
    }

    @Test
    void aCheckpointThatChangesMeanwhileIsLeftAlone() throws IOException {
        Path model = fresh(duplicate());
        RepairDisk disk = new RepairDisk(
                (step, _) -> {
                    if (step == RepairDisk.Step.COPY_PERMISSIONS) {
                        Files.writeString(model.resolve("written-meanwhile.txt"), "by a training run");
                    }
                },
                DirectoryExchange.ofSystem());

        BowlineException refused =
                assertThrows(BowlineException.class, () -> new RepairRun(plan(model), disk).inPlace());

        assertTrue(refused.problem().contains("changed while its repair was made"), refused.problem());
        assertTrue(Files.exists(model.resolve("written-meanwhile.txt")));
        assertEquals(List.of(model), SourceFiles.list(model.resolveSibling("")));
    }

    /// A tree is searched for checkpoints, not for what a repair left; an original that is away is a checkpoint.
    @Test
    void whatARepairLeftIsNotACheckpointOfItsOwn() throws IOException {
        Path model = fresh(duplicate());
        RepairPaths names = RepairPaths.at(model);
        duplicate().write(names.aside());
        duplicate().write(names.original());
        Path tree = model.resolveSibling("");

        assertEquals(List.of(model), CheckpointTree.find(tree));

        new RepairDisk((_, _) -> {}, DirectoryExchange.none()).delete(model);
        assertEquals(List.of(names.original()), CheckpointTree.find(tree));
    }

    /// Whoever may write into the directory could lead the lock's mark into a file of someone else.
    @Test
    void aLinkInTheLocksPlaceIsNotWrittenThrough() throws IOException {
        Path victim = Files.writeString(temporary.resolve("victim"), "untouched");
        for (boolean symbolic : new boolean[] {true, false}) {
            Path source = fresh(duplicate());
            Path lock = source.resolveSibling(".model.bowline-lock");
            if (symbolic) {
                Files.createSymbolicLink(lock, victim);
            } else {
                Files.createLink(lock, victim);
            }

            BowlineException refused = assertThrows(BowlineException.class, () -> Repair.applyInPlace(plan(source)));

            assertTrue(refused.problem().contains("should be the lock file of a repair"), refused.problem());
            assertEquals("untouched", Files.readString(victim));
        }
    }
}
