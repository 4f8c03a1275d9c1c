package dev.bowline.files;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/// Writes a directory whole or not at all: under a hidden name, fsynced, then renamed.
public final class AtomicDirectory {

    @FunctionalInterface
    public interface Content {
        void writeTo(Path directory) throws IOException;
    }

    private AtomicDirectory() {}

    /// @param target absent, or an empty directory
    /// @param bytes how many `content` will write, to refuse before the first when the disk has no room
    public static void write(Path target, long bytes, Content content) {
        requireFree(target);
        Path parent = parent(target);
        saving(target, bytes, () -> {
            DurableFiles.createDirectories(parent);
            SaveLock.removeLeftovers(parent);
            try (SaveLock mark = SaveLock.beside(parent, target)) {
                writeThenMove(target, mark.aside(), bytes, aside -> {
                    content.writeTo(aside);
                    // Another process may have created files there in the meantime.
                    requireFree(target);
                    Files.deleteIfExists(target);
                });
            }
        });
    }

    /// Like [#write], for a target that may exist: the old directory is deleted after the new one has its place.
    /// The caller deletes the files of killed processes.
    public static void replace(Path target, long bytes, Content content) {
        Path parent = parent(target);
        saving(target, bytes, () -> {
            DurableFiles.createDirectories(parent);
            writeThenMove(target, PartialName.of(parent.resolve(target.getFileName())), bytes, content);
        });
    }

    /// Deletes a directory. The directory is renamed first, so a part of it is never taken for a whole one.
    public static void delete(Path directory) throws IOException {
        Path partial = PartialName.of(directory);
        DurableFiles.rename(directory, partial);
        DurableFiles.deleteRecursively(partial);
    }

    private static Path parent(Path target) {
        Path parent = target.toAbsolutePath().normalize().getParent();
        if (parent == null) {
            throw new BowlineException("%s cannot hold a checkpoint".formatted(target), "name a directory");
        }
        return parent;
    }

    private static void writeThenMove(Path target, Path aside, long bytes, Content content) throws IOException {
        Path parent = parent(target);
        try {
            requireRoom(target, parent, bytes);
            Files.createDirectory(aside);
            content.writeTo(aside);
            DurableFiles.fsyncDirectory(aside);
            moveInto(target, parent, aside);
        } catch (IOException | RuntimeException | Error e) {
            delete(aside, e);
            throw e;
        }
    }

    @FunctionalInterface
    private interface Saving {
        void run() throws IOException;
    }

    /// Adds required and available disk space to a write failure.
    private static void saving(Path target, long bytes, Saving saving) {
        try {
            saving.run();
        } catch (IOException e) {
            throw failed(target, bytes, String.valueOf(e.getMessage()), e);
        } catch (BowlineException e) {
            throw e.getCause() instanceof IOException ? failed(target, bytes, e.problem(), e) : e;
        }
    }

    private static void moveInto(Path target, Path parent, Path aside) throws IOException {
        if (Files.exists(target)) {
            DirectoryReplacement.begin(target, parent, aside);
        } else {
            DurableFiles.rename(aside, target);
            DirectoryReplacement.confirm(target, parent);
        }
    }

    /// Refuses a target with content, which would be mixed with the new content or lost.
    public static void requireFree(Path target) {
        if (!Files.exists(target)) {
            return;
        }
        if (!Files.isDirectory(target)) {
            throw new BowlineException("%s is a file".formatted(target), "name a new directory to save into");
        }
        try (Stream<Path> content = Files.list(target)) {
            List<Path> some = content.limit(1).toList();
            if (!some.isEmpty()) {
                throw new BowlineException(
                        "%s is not empty: it holds %s"
                                .formatted(target, some.getFirst().getFileName()),
                        "name a new directory, or remove that one first");
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be listed: %s".formatted(target, e.getMessage()), "check its permissions", e);
        }
    }

    private static void requireRoom(Path target, Path parent, long bytes) throws IOException {
        long room = DurableFiles.usableBytes(parent);
        if (room < bytes) {
            throw new BowlineException(
                    "saving %s needs %d bytes, but its disk has %d left".formatted(target, bytes, room),
                    "free space on that disk, or save elsewhere");
        }
    }

    private static String room(Path target) {
        try {
            Path parent = target.toAbsolutePath().normalize().resolve("..").normalize();
            return DurableFiles.usableBytes(parent) + " bytes";
        } catch (IOException _) {
            return "an unknown number of bytes";
        }
    }

    private static void delete(Path aside, Throwable reason) {
        try {
            DurableFiles.deleteRecursively(aside);
        } catch (IOException e) {
            reason.addSuppressed(new LeftBehindException(aside, e));
        }
    }

    /// A partial directory that cannot be deleted.
    private static final class LeftBehindException extends IOException {
        private final Path aside;

        LeftBehindException(Path aside, IOException cause) {
            super("%s cannot be removed".formatted(aside), cause);
            this.aside = aside;
        }
    }

    private static String leftBehind(Throwable e) {
        return Arrays.stream(e.getSuppressed())
                .filter(LeftBehindException.class::isInstance)
                .map(each -> "a part is left in %s, which the next save removes"
                        .formatted(((LeftBehindException) each).aside))
                .findFirst()
                .orElse("nothing was left behind");
    }

    private static BowlineException failed(Path target, long bytes, String why, Exception e) {
        String problem = e instanceof NoSuchFileException ? "a directory vanished: " + why : why;
        return new BowlineException(
                "%s was not saved, which needs %d bytes; its disk has %s left: %s"
                        .formatted(target, bytes, room(target), problem),
                "check the disk's space and permissions; " + leftBehind(e),
                e);
    }
}
