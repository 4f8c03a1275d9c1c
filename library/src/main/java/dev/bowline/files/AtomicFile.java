package dev.bowline.files;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// Writes a file whole or not at all: under a hidden name, fsynced, then renamed over the target. A failure
/// leaves the target unchanged.
public final class AtomicFile {

    private AtomicFile() {}

    /// Writes a large file.
    ///
    /// @param bytes the length of the content. A disk with less free space is refused before the first byte.
    /// @throws BowlineException if the disk fails
    public static void write(Path target, long bytes, NewFile.Content content) {
        Path directory = directory(target);
        try {
            requireSpace(target, directory, bytes);
            replace(directory.resolve(target.getFileName()), directory, content);
        } catch (IOException e) {
            throw failed(target, directory, bytes, e);
        }
    }

    /// Writes a file whose length is not known.
    public static void write(Path target, NewFile.Content content) throws IOException {
        Path directory = directory(target);
        replace(directory.resolve(target.getFileName()), directory, content);
    }

    /// Writes a small file.
    public static void write(Path target, String text) throws IOException {
        Path directory = directory(target);
        replace(
                directory.resolve(target.getFileName()),
                directory,
                channel -> NewFile.writeFully(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), channel));
    }

    private static Path directory(Path target) {
        Path directory = target.toAbsolutePath().getParent();
        if (directory == null || Files.isDirectory(target)) {
            throw new BowlineException("%s is a directory".formatted(target), "name a file");
        }
        return directory;
    }

    private static void replace(Path target, Path directory, NewFile.Content content) throws IOException {
        Path partial = PartialName.of(target);
        try {
            NewFile.create(partial, content);
            DurableFiles.renameOver(partial, target);
            DurableFiles.fsyncDirectory(directory);
        } catch (IOException | RuntimeException | Error e) {
            delete(partial, e);
            throw e;
        }
    }

    private static void requireSpace(Path target, Path directory, long bytes) throws IOException {
        long free = DurableFiles.usableBytes(directory);
        if (free < bytes) {
            throw new BowlineException(
                    "%s needs %d bytes, but its disk has %d left".formatted(target, bytes, free),
                    "free space on that disk, or save elsewhere");
        }
    }

    private static void delete(Path partial, Throwable reason) {
        try {
            Files.deleteIfExists(partial);
        } catch (IOException e) {
            reason.addSuppressed(e);
        }
    }

    private static BowlineException failed(Path target, Path directory, long bytes, IOException e) {
        if (e instanceof NoSuchFileException && !Files.isDirectory(directory)) {
            return new BowlineException(
                    "%s cannot be written: there is no directory %s".formatted(target, directory),
                    "create the directory",
                    e);
        }
        return new BowlineException(
                "%s was not written, which needs %d bytes: %s".formatted(target, bytes, e.getMessage()),
                "check the disk's space and permissions; what was at that path before is untouched",
                e);
    }
}
