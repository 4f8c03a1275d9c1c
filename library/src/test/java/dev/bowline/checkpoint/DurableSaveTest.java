package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.fixtures.Golden;
import dev.bowline.fixtures.disk.DiskWatch;
import dev.bowline.fixtures.disk.WatchedFileSystem;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A power cut loses what was not forced to the disk. So what a name stands for is forced before the name
/// appears, and the name of a checkpoint before LATEST says it and before anything older goes. Each file is fsynced
/// once, and nothing is renamed inside the directory that is renamed.
class DurableSaveTest {

    @TempDir
    private Path temporary;

    @Test
    void nothingIsNamedBeforeItIsOnTheDisk() throws IOException {
        ForcedDisk disk = new ForcedDisk();
        Path run = WatchedFileSystem.watch(temporary.resolve("runs").resolve("run"), disk);
        try (TensorScope _ = TensorScope.open();
                Pretrained pretrained = AutoModel.fromPretrained(modelWithFolders())) {
            DyingSave.save(pretrained, run, 1);
            DyingSave.save(pretrained, run, 2);
            DyingSave.save(pretrained, run, 2);
            CheckpointSaver.save(
                    pretrained.model(), run.resolveSibling("alone"), SaveOptions.like(pretrained.checkpoint()));
        }

        assertEquals(List.of(), disk.violations);
        assertEquals(List.of(), disk.repeated);
        assertEquals(List.of(), disk.renamedInside);
        assertEquals(4 + 3, disk.named, "directories and LATEST");
        assertTrue(Files.exists(temporary.resolve("runs/alone/more/notes/a.txt")));
    }

    private Path modelWithFolders() throws IOException {
        Path model = Files.createDirectory(temporary.resolve("model"));
        try (Stream<Path> files = Files.list(Golden.directory("gemma4", "flag_top_true_text_false"))) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Path folder = Files.createDirectories(model.resolve("more").resolve("notes"));
        Files.writeString(folder.resolve("a.txt"), "a");
        Files.writeString(folder.resolve("b.txt"), "b");
        return model;
    }

    /// Remembers what a power cut would still lose.
    private static final class ForcedDisk implements DiskWatch {

        private final List<String> violations = new ArrayList<>();

        /// The fsyncs of a path after the first, in directories that are not visible yet.
        private final List<Path> repeated = new ArrayList<>();

        /// The renames in such directories: an atomic write inside an atomic write.
        private final List<Path> renamedInside = new ArrayList<>();

        private final Set<Path> forced = new HashSet<>();
        private final Set<Path> files = new HashSet<>();
        private final Set<Path> directories = new HashSet<>();
        private final Set<Path> renames = new HashSet<>();
        private int named;

        @Override
        public void before(Change change) {
            countInside(change);
            switch (change.kind()) {
                case CREATE_FILE, CREATE_DIRECTORY -> directories.add(parent(change.path()));
                case WRITE -> files.add(change.path());
                case FORCE_FILE -> files.remove(change.path());
                case FORCE_DIRECTORY -> {
                    directories.remove(change.path());
                    renames.removeIf(name -> parent(name).equals(change.path()));
                }
                case RENAME -> rename(change);
                case DELETE -> {}
            }
        }

        private void countInside(Change change) {
            switch (change.kind()) {
                case FORCE_FILE, FORCE_DIRECTORY -> {
                    if (!appears(change.path()) && !forced.add(change.path())) {
                        repeated.add(change.path());
                    }
                }
                case RENAME -> {
                    if (!appears(parent(change.path()))) {
                        renamedInside.add(change.path());
                    }
                }
                case CREATE_FILE, CREATE_DIRECTORY, WRITE, DELETE -> {}
            }
        }

        private void rename(Change change) {
            Path from = change.path();
            Path to = change.target();
            boolean goes = !isHidden(from);
            if (!isHidden(to)) {
                named++;
                files.stream().filter(file -> file.startsWith(from)).forEach(file -> violation(change, file));
            }
            if (appears(to)) {
                directories.stream()
                        .filter(folder -> folder.startsWith(from) || isAbove(folder, parent(to)))
                        .forEach(folder -> violation(change, folder));
            }
            if (goes || to.endsWith(TrainingCheckpoints.LATEST)) {
                // Nothing older goes, and LATEST says nothing, before the names that were given are there to stay.
                renames.forEach(name -> violation(change, name));
            }
            renames.add(to);
        }

        private void violation(Change change, Path unforced) {
            violations.add("%s, but %s is not forced to the disk".formatted(change, unforced));
        }

        /// Whether whoever looks for checkpoints sees it: inside a hidden directory nobody does.
        private static boolean appears(Path path) {
            for (Path name : path) {
                if (isHidden(name)) {
                    return false;
                }
            }
            return true;
        }

        private static boolean isAbove(Path folder, Path other) {
            return other.startsWith(folder) && !other.equals(folder);
        }

        private static boolean isHidden(Path path) {
            return path.getFileName().toString().startsWith(".");
        }

        private static Path parent(Path path) {
            return Objects.requireNonNull(path.getParent());
        }
    }
}
