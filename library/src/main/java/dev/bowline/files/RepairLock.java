package dev.bowline.files;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/// The lock of a repair: one process at a time repairs a checkpoint. The system releases the lock with the
/// process.
///
/// The owner deletes the file. A process that opened the file before could then lock a deleted file, so a lock is
/// valid only if its mark is found under the name of the file.
public final class RepairLock implements AutoCloseable {

    /// Behind the mark, as Windows lets nobody read what is locked.
    private static final long LOCKED = 1L << 20;

    /// The length of a mark.
    private static final long MARK_BYTES = 36;

    private final Path file;
    private final FileChannel channel;

    private RepairLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /// @param file of the lock
    /// @param place that is repaired
    public static RepairLock take(Path file, Path place) throws IOException {
        return take(file, place, () -> {});
    }

    /// @param opened is run when the file is open and not yet locked
    public static RepairLock take(Path file, Path place, Runnable opened) throws IOException {
        while (true) {
            FileChannel channel = open(file);
            try {
                opened.run();
                if (!isLocked(channel)) {
                    throw new BowlineException(
                            "%s is being repaired by another process".formatted(place), "wait until it has ended");
                }
                if (isMarked(file, channel)) {
                    return new RepairLock(file, channel);
                }
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
            channel.close();
        }
    }

    /// Opens the lock file, or creates it. A link is not followed, and a file that is no lock is not written to:
    /// whoever may write into the directory could lead the mark into any file of the user.
    private static FileChannel open(Path file) throws IOException {
        while (true) {
            try {
                return FileChannel.open(
                        file, LinkOption.NOFOLLOW_LINKS, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            } catch (FileAlreadyExistsException _) {
                // Left by a repair that did not end, held by one that runs, or something else.
            }
            try {
                requireLock(file);
                return FileChannel.open(file, LinkOption.NOFOLLOW_LINKS, StandardOpenOption.WRITE);
            } catch (NoSuchFileException _) {
                // The holder has removed the file in the meantime.
            }
        }
    }

    private static void requireLock(Path file) throws IOException {
        BasicFileAttributes facts = Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        boolean isLock = facts.isRegularFile() && facts.size() <= MARK_BYTES && links(file) == 1;
        if (!isLock) {
            throw new BowlineException(
                    "%s should be the lock file of a repair, but it is %s"
                            .formatted(
                                    file,
                                    facts.isSymbolicLink()
                                            ? "a link"
                                            : facts.isRegularFile() ? "another file" : "not a file"),
                    "remove it, if you do not need it");
        }
    }

    /// The names of the file, where the file system counts them.
    private static int links(Path file) throws IOException {
        return file.getFileSystem().supportedFileAttributeViews().contains("unix")
                ? (Integer) Files.getAttribute(file, "unix:nlink", LinkOption.NOFOLLOW_LINKS)
                : 1;
    }

    private static boolean isMarked(Path file, FileChannel channel) throws IOException {
        byte[] mark = UUID.randomUUID().toString().getBytes(StandardCharsets.US_ASCII);
        channel.truncate(0);
        channel.write(ByteBuffer.wrap(mark), 0);
        try {
            return Arrays.equals(mark, Files.readAllBytes(file));
        } catch (NoSuchFileException _) {
            return false;
        }
    }

    private static boolean isLocked(FileChannel channel) throws IOException {
        try {
            @Nullable FileLock lock = channel.tryLock(LOCKED, 1, false);
            return lock != null;
        } catch (OverlappingFileLockException _) {
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            Files.deleteIfExists(file);
        }
    }
}
