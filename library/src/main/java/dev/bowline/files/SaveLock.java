package dev.bowline.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A lock file next to a directory that is being written. The writing process holds the lock.
///
/// The system releases the lock when the process ends, for any reason. So a lock file that can be locked belongs
/// to a process that ended, and its partial directory can be deleted. On a file system without locks nothing is
/// deleted.
final class SaveLock implements AutoCloseable {

    /// Part of the names of this process's lock files. The process must not open them again, because some systems
    /// release all locks of a process on a file when it closes the file once.
    private static final UUID PROCESS = UUID.randomUUID();

    private static final String ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    private static final Pattern NAME = Pattern.compile("\\.(.+)\\.(%1$s)\\.(%1$s)\\.saving".formatted(ID));

    private final Path file;
    private final Path aside;
    private final FileChannel channel;

    private SaveLock(Path file, Path aside, FileChannel channel) {
        this.file = file;
        this.aside = aside;
        this.channel = channel;
    }

    /// @param parent of `target`, which is there
    static SaveLock beside(Path parent, Path target) throws IOException {
        while (true) {
            UUID save = UUID.randomUUID();
            Path file = parent.resolve(".%s.%s.%s.saving".formatted(target.getFileName(), PROCESS, save));
            FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            lock(channel);
            // Another process may have found the file before it was locked, and deleted it.
            if (Files.exists(file)) {
                return new SaveLock(
                        file, PartialName.of(parent.resolve(target.getFileName()), save.toString()), channel);
            }
            channel.close();
        }
    }

    private static void lock(FileChannel channel) {
        try {
            channel.lock();
        } catch (IOException _) {
            // On a file system without locks no other process can lock this file either.
        }
    }

    /// The path under which the directory is written.
    Path aside() {
        return aside;
    }

    /// Deletes the partial directories of ended processes among the children of `parent`.
    static void removeLeftovers(Path parent) throws IOException {
        List<Path> children;
        try (Stream<Path> all = Files.list(parent)) {
            children = all.toList();
        }
        for (Path child : children) {
            Matcher name = NAME.matcher(child.getFileName().toString());
            if (name.matches() && !name.group(2).equals(PROCESS.toString())) {
                removeIfDead(child, PartialName.of(parent.resolve(name.group(1)), name.group(3)));
            }
        }
    }

    private static void removeIfDead(Path mark, Path aside) {
        try (FileChannel channel = FileChannel.open(mark, StandardOpenOption.WRITE);
                @Nullable FileLock lock = channel.tryLock()) {
            if (lock != null) {
                DurableFiles.deleteRecursively(aside);
                Files.deleteIfExists(mark);
            }
        } catch (IOException _) {
            // The file is gone, belongs to another user, or cannot be locked. It does not disturb a save.
        }
    }

    /// Call it after the directory has its name or was deleted.
    @Override
    public void close() {
        try (channel) {
            Files.deleteIfExists(file);
        } catch (IOException _) {
            // The file is not locked any more, so the next save deletes it.
        }
    }
}
