package dev.bowline.audit.repair;

import static dev.bowline.audit.CheckpointFixture.E;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.bowline.audit.CheckpointFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A repair in place leaves links, permissions and neighbours as they were.
class RepairedFilesTest {

    private static final RepairOptions LOSSLESS = RepairOptions.LOSSLESS;

    @TempDir
    private Path temporary;

    @Test
    void nothingIsLeftBesideTheTarget() throws IOException {
        Path source = CheckpointFixture.llama("true").embedding(E).head(E).write(temporary.resolve("source"));
        Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        try (Stream<Path> beside = Files.list(temporary)) {
            assertEquals(List.of(source), beside.toList());
        }
    }

    @Test
    void linksToDirectoriesStayLinks() throws IOException {
        Path source = CheckpointFixture.llama("true").embedding(E).head(E).write(temporary.resolve("source"));
        Files.createDirectories(source.resolve("checkpoint-5"));
        Files.createSymbolicLink(source.resolve("latest"), Path.of("checkpoint-5"));
        Files.createSymbolicLink(source.resolve("again"), source);

        Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(Path.of("checkpoint-5"), Files.readSymbolicLink(source.resolve("latest")));
        assertEquals(source, Files.readSymbolicLink(source.resolve("again")));
    }

    @Test
    void whatIsWrittenAnewKeepsItsPermissions() throws IOException {
        Path source = CheckpointFixture.llama("").embedding(E).head(E).write(temporary.resolve("source"));
        Path config = source.resolve("config.json");
        assumeTrue(
                Files.getFileStore(source).supportsFileAttributeView("posix"),
                "a file system without POSIX permissions has none to keep");
        Set<PosixFilePermission> secret = PosixFilePermissions.fromString("rw-------");
        Files.setPosixFilePermissions(config, secret);
        Files.setPosixFilePermissions(source, PosixFilePermissions.fromString("rwx------"));

        Repair.applyInPlace(Repair.plan(source, LOSSLESS));

        assertEquals(secret, Files.getPosixFilePermissions(config));
        assertEquals(PosixFilePermissions.fromString("rwx------"), Files.getPosixFilePermissions(source));
    }
}
