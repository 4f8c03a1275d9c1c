package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.files.DurableFiles;
import dev.bowline.fixtures.Golden;
import dev.bowline.fixtures.disk.DiskWatch;
import dev.bowline.fixtures.disk.DyingDisk;
import dev.bowline.fixtures.disk.WatchedFileSystem;
import dev.bowline.model.LanguageModel;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Wherever a process dies while it saves, it leaves whole checkpoints, a LATEST that names one of them, and
/// nothing that the next save does not clear away.
class KilledSaveTest {

    /// The fewest tensors: every change to the disk is a case.
    private static final Path MODEL = Golden.directory("gemma4", "flag_top_true_text_false");

    /// The changes that make a name visible or durable.
    private static final Set<DiskWatch.Kind> NAMES = EnumSet.of(DiskWatch.Kind.RENAME, DiskWatch.Kind.FORCE_DIRECTORY);

    @TempDir
    private Path temporary;

    private final Pretrained pretrained = AutoModel.fromPretrained(MODEL);
    private final TensorScope scope = TensorScope.open();

    @AfterEach
    void free() {
        scope.close();
        pretrained.close();
    }

    /// What is being saved when the process dies: the next step, or a step that is there already.
    enum Saving {
        NEXT_STEP(2),
        SAME_STEP(1);

        private final int step;

        Saving(int step) {
            this.step = step;
        }
    }

    /// Real processes are slow: one ends before every change of a name and every fsync of a directory, or, with
    /// `-Dbowline.kill=every`, before every change.
    @ParameterizedTest
    @EnumSource
    void aProcessThatEndsLeavesAWholeRunAndTheDiskThatADyingDiskLeaves(Saving saving) throws Exception {
        Path begun = begun(temporary.resolve("begun"));
        Path disk = temporary.resolve("disk");
        boolean every = "every".equals(System.getProperty("bowline.kill"));
        List<DiskWatch.Kind> changes = changes(saving, copy(begun, disk));
        int ended = 0;
        for (int after = 0; after < changes.size(); after++) {
            if (every || NAMES.contains(changes.get(after))) {
                Path run = copy(begun, disk);

                Process process = start("halt", run, Integer.toString(saving.step), Integer.toString(after));

                assertEquals(DyingSave.HALTED, process.waitFor(), "after " + after);
                String when = "ended after %d changes of %d".formatted(after, changes.size());
                DyingDisk dying = new DyingDisk(after, DyingDisk.LastWrite.NOTHING);
                Path other = copy(begun, temporary.resolve("other"));
                assertThrows(DyingDisk.Died.class, () -> save(saving, other, dying));
                assertEquals(content(other), content(run), when);
                assertWhole(run, saving, when);
                ended++;
            }
        }
        assertTrue(ended >= 6, "only %d of %d".formatted(ended, changes.size()));
    }

    /// Before every change, and in the middle of it where it is a write.
    @ParameterizedTest
    @EnumSource
    void whereverTheDiskDiesItHoldsAWholeRun(Saving saving) throws Exception {
        Path begun = begun(temporary.resolve("begun"));
        Path disk = temporary.resolve("disk");
        boolean saved = false;
        int after = 0;
        for (; !saved; after++) {
            Path run = copy(begun, disk);
            try {
                save(saving, run, new DyingDisk(after, DyingDisk.LastWrite.HALF));
                saved = true;
            } catch (DyingDisk.Died died) {
                assertWhole(run, saving, died.toString());
            }
        }
        assertTrue(after > 60, "only %d changes".formatted(after));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDirectoryIsACheckpointOnlyWhenAllOfItIsThere(boolean there) throws IOException {
        Path out = temporary.resolve("out");
        Path target = out.resolve("checkpoint");
        boolean saved = false;
        int whole = 0;
        for (int after = 0; !saved; after++) {
            DurableFiles.deleteRecursively(out);
            Files.createDirectories(there ? target : out);
            try {
                CheckpointSaver.save(
                        pretrained.model(),
                        WatchedFileSystem.watch(target, new DyingDisk(after, DyingDisk.LastWrite.HALF)),
                        SaveOptions.like(pretrained.checkpoint()));
                saved = true;
            } catch (DyingDisk.Died died) {
                if (Files.exists(target.resolve("config.json"))) {
                    whole++;
                    AutoModel.fromPretrained(target).close();
                } else {
                    assertThrows(BowlineException.class, () -> Checkpoint.open(target), died.toString());
                }
                assertEquals(List.of(), visible(out, "checkpoint"), died.toString());
            }
        }
        assertEquals(2, whole, "only forcing the rename to the disk and removing the mark come after it");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aProcessThatIsKilledAtAnyMoment(long seed) throws Exception {
        Path run = begun(temporary.resolve("run"));
        Process saving = start("forever", run);
        try (var out = saving.inputReader()) {
            assertEquals("saving", out.readLine());
            Thread.sleep(new Random(seed).nextInt(400));
            saving.destroyForcibly();
            assertTrue(saving.waitFor(10, TimeUnit.SECONDS));
        }

        List<TrainingCheckpoints.Saved> left = TrainingCheckpoints.in(run, 1).list();
        int last = left.getLast().step();
        assertTrue(named(run) == last || named(run) == last - 1, "LATEST names %d of %d".formatted(named(run), last));
        left.forEach(saved -> requireLoads(saved, saved.step()));
        assertGoesOn(run, "killed at any moment");
    }

    /// A process is stopped in the middle of its save, while this one saves beside it; then it is killed.
    @Test
    void theNextSaveRemovesWhatADeadProcessWasWritingAndNothingOfALivingOne() throws Exception {
        Path out = Files.createDirectory(temporary.resolve("out"));
        Files.createDirectory(out.resolve(".mine.partial"));
        Process saving = start("wait", out.resolve("theirs"));
        try (var told = saving.inputReader()) {
            assertEquals("waiting", told.readLine());
            List<String> theirs = hidden(out);
            assertEquals(3, theirs.size(), theirs::toString); // also what is none of ours

            saveBeside(out, "first");
            assertEquals(theirs, hidden(out), "a living process was disturbed");
        } finally {
            saving.destroyForcibly();
            assertTrue(saving.waitFor(10, TimeUnit.SECONDS));
        }

        saveBeside(out, "second");

        assertEquals(List.of(".mine.partial"), hidden(out));
        assertEquals(List.of(), visible(out, "first", "second"));
    }

    /// Two threads of one process: the lock of the one must not go with what the other looks at.
    @Test
    void aSaveInTheMiddleOfAnotherLeavesItAlone() throws IOException {
        Path out = Files.createDirectory(temporary.resolve("out"));
        boolean[] nested = {false};
        Path outer = WatchedFileSystem.watch(out.resolve("outer"), change -> {
            if (change.kind() == DiskWatch.Kind.CREATE_FILE && change.path().endsWith("config.json") && !nested[0]) {
                nested[0] = true;
                saveBeside(out, "inner");
            }
        });

        CheckpointSaver.save(pretrained.model(), outer, SaveOptions.like(pretrained.checkpoint()));

        assertTrue(nested[0]);
        assertEquals(List.of(), hidden(out));
        assertEquals(List.of(), visible(out, "inner", "outer"));
    }

    private void saveBeside(Path out, String name) {
        CheckpointSaver.save(pretrained.model(), out.resolve(name), SaveOptions.like(pretrained.checkpoint()));
    }

    private static List<String> hidden(Path directory) throws IOException {
        try (Stream<Path> names = Files.list(directory)) {
            return names.map(path -> path.getFileName().toString())
                    .filter(name -> name.startsWith("."))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void aHalfWrittenLatestIsClearedAway() throws Exception {
        Path run = begun(temporary.resolve("run"));
        Files.writeString(run.resolve(".LATEST.0123.partial"), "step_");

        assertWhole(run, Saving.NEXT_STEP, "");
    }

    private Path begun(Path run) {
        DyingSave.save(pretrained, run, 1);
        return run;
    }

    private List<DiskWatch.Kind> changes(Saving saving, Path run) {
        List<DiskWatch.Kind> changes = new ArrayList<>();
        DyingSave.save(pretrained, WatchedFileSystem.watch(run, change -> changes.add(change.kind())), saving.step);
        return changes;
    }

    /// Every file's bytes, by a path in which random names are one.
    private static SortedMap<String, String> content(Path run) throws IOException {
        SortedMap<String, String> content = new TreeMap<>();
        try (Stream<Path> all = Files.walk(run)) {
            for (Path path : all.toList()) {
                String name =
                        run.relativize(path).toString().replaceAll("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "#");
                content.put(name, Files.isDirectory(path) ? "" : HexFormat.of().formatHex(Files.readAllBytes(path)));
            }
        }
        return content;
    }

    /// Replaces a step by one with another training state, so that old and new can be told apart.
    private void save(Saving saving, Path run, DyingDisk disk) {
        DyingSave.save(pretrained, WatchedFileSystem.watch(run, disk), saving.step, DyingSave.MOMENT);
    }

    private static Process start(String what, Path run, String... more) throws IOException {
        List<String> command =
                DyingSave.command(Stream.concat(Stream.of(what, MODEL.toString(), run.toString()), Stream.of(more))
                        .toArray(String[]::new));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static int named(Path run) throws IOException {
        String latest =
                Files.readString(run.resolve(TrainingCheckpoints.LATEST)).strip();
        return Integer.parseInt(latest.substring("step_".length()));
    }

    /// What a run that goes on finds: LATEST names a whole checkpoint, the one before or the new one, and
    /// whatever else is called a checkpoint is whole too.
    private void assertWhole(Path run, Saving saving, String when) throws IOException {
        TrainingCheckpoints checkpoints = TrainingCheckpoints.in(run, 1);
        Path latest = checkpoints.latest().orElseThrow();
        assertEquals(run.resolve("step_" + named(run)), latest, when);
        TreeSet<String> known = new TreeSet<>();
        for (TrainingCheckpoints.Saved saved : checkpoints.list()) {
            assertTrue(saved.step() == 1 || saved.step() == saving.step, when);
            requireLoads(saved, 1, 2);
            known.add(saved.directory().getFileName().toString());
        }
        known.add(TrainingCheckpoints.LATEST);
        assertEquals(List.of(), visible(run, known.toArray(String[]::new)), when);
        assertGoesOn(run, when);
    }

    /// Goes on from LATEST to two more steps, after which nothing is left of what was being written.
    private static void assertGoesOn(Path run, String when) throws IOException {
        TrainingCheckpoints checkpoints = TrainingCheckpoints.in(run, 1);
        int next = checkpoints.list().getLast().step() + 1;
        try (Pretrained resumed = AutoModel.fromPretrained(checkpoints.latest().orElseThrow())) {
            DyingSave.save(resumed, run, next);
            DyingSave.save(resumed, run, next + 1);
        }
        assertEquals(List.of(), hidden(run), when);
        assertEquals(run.resolve("step_" + (next + 1)), checkpoints.latest().orElseThrow(), when);
    }

    /// @param moments what the training state may hold
    private static void requireLoads(TrainingCheckpoints.Saved saved, float... moments) {
        try (TensorScope _ = TensorScope.open();
                TrainingCheckpoint opened = TrainingCheckpoint.open(saved.directory());
                LanguageModel model = AutoModel.fromConfig(opened.checkpoint().config())) {
            CheckpointLoader.load(opened.checkpoint(), model);
            assertEquals(saved.step(), opened.step());
            float moment = Objects.requireNonNull(opened.state(model).tensors().get(DyingSave.EMBEDDING + ".exp_avg"))
                    .select(0, 0)
                    .item_float();
            boolean expected = false;
            for (float each : moments) {
                expected |= moment == each;
            }
            assertTrue(expected, "%s holds the state %s".formatted(saved.directory(), moment));
        }
    }

    /// The names in `directory` that are not hidden, but for those expected.
    private static List<String> visible(Path directory, String... expected) throws IOException {
        List<String> known = List.of(expected);
        try (Stream<Path> names = Files.list(directory)) {
            return names.map(path -> path.getFileName().toString())
                    .filter(name -> !name.startsWith(".") && !known.contains(name))
                    .toList();
        }
    }

    /// A copy of `from` in the place of whatever is at `to`.
    private static Path copy(Path from, Path to) throws IOException {
        DurableFiles.deleteRecursively(to);
        try (Stream<Path> all = Files.walk(from)) {
            for (Path path : all.toList()) {
                Files.copy(path, to.resolve(from.relativize(path)));
            }
        }
        return to;
    }
}
