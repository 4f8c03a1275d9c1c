package dev.bowline.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.files.DurableFiles;
import dev.bowline.fixtures.Golden;
import dev.bowline.fixtures.disk.DiskWatch;
import dev.bowline.fixtures.disk.FailingDisk;
import dev.bowline.fixtures.disk.WatchedFileSystem;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A save that cannot be whole leaves nothing behind, and what was there stays.
class FailedSaveTest {

    @TempDir
    private Path temporary;

    @Test
    void aDirectoryThatHoldsSomethingIsRefusedAndLeftAlone() throws IOException {
        Path occupied = Files.createDirectory(temporary.resolve("occupied"));
        Files.writeString(occupied.resolve("notes.txt"), "mine");
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "dense_kv"))) {
            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> CheckpointSaver.save(
                            pretrained.model(), occupied, SaveOptions.like(pretrained.checkpoint())));

            assertTrue(refused.problem().contains("is not empty: it holds notes.txt"), refused.getMessage());
        }
        assertEquals(List.of(Path.of("notes.txt")), FilesUnder.directory(occupied));
    }

    @Test
    void aSaveThatFailsAtAnyChangeToTheDiskLeavesNothingBehind() throws IOException {
        Path out = Files.createDirectory(temporary.resolve("out"));
        int changes = 0;
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "dense_kv"))) {
            for (boolean saved = false; !saved; changes++) {
                FailingDisk disk = new FailingDisk(changes);
                Path target = WatchedFileSystem.watch(out.resolve("saved"), disk);
                try {
                    CheckpointSaver.save(pretrained.model(), target, SaveOptions.like(pretrained.checkpoint()));
                    saved = true;
                } catch (IllegalStateException _) {
                    // All that comes after the rename: it is forced to the disk, and the mark goes.
                    boolean isInPlace = disk.failedAt().target().equals(out)
                            || disk.failedAt().kind() == DiskWatch.Kind.DELETE
                                    && disk.failedAt().path().toString().endsWith(".saving");
                    assertEquals(
                            isInPlace,
                            !FilesUnder.directory(out).isEmpty(),
                            disk.failedAt().toString());
                    DurableFiles.deleteRecursively(out.resolve("saved"));
                }
            }
        }
        assertTrue(changes > 100, "only " + changes);
    }

    /// The directory is there, whole, and its name may be lost in a power cut: "nothing was left" would be wrong.
    @Test
    void aDiskThatDoesNotConfirmTheNameIsToldWithWhatIsThere() throws IOException {
        Path saved = temporary.resolve("saved");
        boolean[] renamed = new boolean[1];
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", "dense_kv"))) {
            BowlineException failed = assertThrows(
                    BowlineException.class,
                    () -> CheckpointSaver.save(
                            pretrained.model(),
                            WatchedFileSystem.watch(saved, change -> {
                                if (renamed[0] && change.kind() == DiskWatch.Kind.FORCE_DIRECTORY) {
                                    unchecked(new IOException("Input/output error"));
                                }
                                renamed[0] |= change.kind() == DiskWatch.Kind.RENAME
                                        && change.target().equals(saved);
                            }),
                            SaveOptions.like(pretrained.checkpoint())));

            assertTrue(
                    failed.problem().contains("saved is complete, but the disk did not confirm its name"),
                    failed.getMessage());
            assertTrue(failed.problem().endsWith("Input/output error"), failed.getMessage());
            assertFalse(failed.fix().contains("nothing was left"), failed.fix());
        }
        assertTrue(FilesUnder.directory(saved).contains(Path.of("model.safetensors")));
    }

    /// What a system call throws, where a [DiskWatch] declares nothing.
    @SuppressWarnings("unchecked")
    private static <E extends Exception> void unchecked(Exception failure) throws E {
        throw (E) failure;
    }

    @ParameterizedTest
    @CsvSource({
        "moe_tied,model.safetensors",
        "moe_tied,config.json",
        "dense_kv,model.safetensors",
        "dense_kv,config.json"
    })
    void whatReadsBackDifferentlyIsNotACheckpoint(String variant, String damaged) throws IOException {
        Path saved = temporary.resolve("out").resolve("saved");
        try (Pretrained pretrained = AutoModel.fromPretrained(Golden.directory("gemma4", variant))) {
            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> CheckpointSaver.save(
                            pretrained.model(),
                            WatchedFileSystem.watch(saved, change -> {
                                if (change.kind() == DiskWatch.Kind.FORCE_FILE
                                        && change.path().endsWith("reference.json")) {
                                    damage(temporary.resolve("out"), damaged); // the last file before the reading back
                                }
                            }),
                            SaveOptions.like(pretrained.checkpoint())));
            assertFalse(refused.problem().isEmpty());
        }
        assertEquals(List.of(), FilesUnder.directory(temporary.resolve("out")));
    }

    private static void damage(Path parent, String name) {
        try (Stream<Path> asides = Files.list(parent)) {
            Path file =
                    asides.filter(Files::isDirectory).findFirst().orElseThrow().resolve(name);
            byte[] content = Files.readAllBytes(file);
            if (name.endsWith(".json")) {
                String flipped = new String(content, StandardCharsets.UTF_8)
                        .replace("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false");
                Files.writeString(file, flipped);
            } else {
                content[content.length - 5] ^= 1;
                Files.write(file, content);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
