package dev.bowline.files;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/// Replaces a file whole: written beside it, forced to the disk, then renamed over it.
public final class AtomicFile {

    @FunctionalInterface
    public interface Content {
        /// @param channel open for writing, and for reading what was written
        void writeTo(FileChannel channel) throws IOException;
    }

    private AtomicFile() {}

    /// @param bytes how many `content` will write, to refuse early when the disk has no room for them
    public static void write(Path target, long bytes, Content content) {
        Path directory = target.toAbsolutePath().getParent();
        if (directory == null || Files.isDirectory(target)) {
            throw new BowlineException("%s is a directory".formatted(target), "name a file");
        }
        Path aside = directory.resolve(".%s.%s.partial".formatted(target.getFileName(), UUID.randomUUID()));
        try {
            requireRoom(target, directory, bytes);
            try (FileChannel channel = FileChannel.open(
                    aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.READ)) {
                content.writeTo(channel);
                DurableFiles.fsync(channel);
            }
            DurableFiles.renameOver(aside, target);
            DurableFiles.fsyncDirectory(directory);
        } catch (IOException e) {
            delete(aside, e);
            throw failed(target, directory, bytes, e);
        } catch (RuntimeException | Error e) {
            delete(aside, e);
            throw e;
        }
    }

    private static void requireRoom(Path target, Path directory, long bytes) throws IOException {
        long room = DurableFiles.usableBytes(directory);
        if (room < bytes) {
            throw new BowlineException(
                    "%s needs %d bytes, but its disk has %d left".formatted(target, bytes, room),
                    "free space on that disk, or save elsewhere");
        }
    }

    private static void delete(Path aside, Throwable reason) {
        try {
            Files.deleteIfExists(aside);
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
