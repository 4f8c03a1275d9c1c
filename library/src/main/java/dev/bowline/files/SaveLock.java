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

/// A file beside a directory that is being written, locked for as long as the process that writes it lives.
///
/// The system gives a lock up with its process, however that ends. So a mark that can be locked belongs to a dead one,
/// and what that was writing can go. Where a file system has no locks, nothing is removed.
final class SaveLock implements AutoCloseable {

    /// In the names of this process's marks: it must not so much as open them again, since some systems give up all
    /// locks of a process on a file when it closes the file once.
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
            // Another process may have found the mark before it was locked, and taken it for a dead one's.
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
            // A file system without locks: then nobody else gets this one either.
        }
    }

    /// Where the directory is written.
    Path aside() {
        return aside;
    }

    /// Removes what processes that are dead were writing among the children of `parent`.
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
            // Gone meanwhile, another user's, or without locks: it is not in the way of a save.
        }
    }

    /// Once the directory is in its place, or was removed.
    @Override
    public void close() {
        try (channel) {
            Files.deleteIfExists(file);
        } catch (IOException _) {
            // It is not locked any more, so the next save removes it.
        }
    }
}
