package dev.bowline.files;

import dev.bowline.BowlineException;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// The lock on a checkpoint directory: one run at a time writes into it.
///
/// The operating system holds the lock on a file in the directory and gives it up with the process, however that
/// ends. The file says which process of which host has the lock. It stays in the directory, because a lock on a
/// file that is removed protects nothing.
///
/// A file system may have no locks. The file alone decides there: a process that ends well empties it, and one of
/// this host is looked up.
public final class RunLock implements AutoCloseable {

    /// The file that is locked.
    public static final String FILE_NAME = ".run.lock";

    /// Beyond the text, so that others can read it where locks are mandatory.
    private static final long LOCKED_BYTE = 1L << 30;

    private static final int LONGEST_TEXT = 4096;

    /// Directories whose lock this process has. It must not open their files again: some systems give up all
    /// locks of a process on a file when it closes the file once.
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    /// Requests a lock.
    @FunctionalInterface
    interface Locking {
        /// @return null if another process has it
        /// @throws IOException if the file system has no locks
        @Nullable
        FileLock lock(FileChannel channel) throws IOException;
    }

    private static final Locking OF_THE_SYSTEM = channel -> channel.tryLock(LOCKED_BYTE, 1, false);

    private final Path directory;
    private final FileChannel channel;

    private RunLock(Path directory, FileChannel channel) {
        this.directory = directory;
        this.channel = channel;
    }

    /// @param directory of the run; made when it is missing
    /// @throws BowlineException if another run has it, or the directory cannot be written
    public static RunLock acquire(Path directory) {
        return acquire(directory, OF_THE_SYSTEM, LockOwner.current());
    }

    static RunLock acquire(Path directory, Locking locking, LockOwner owner) {
        try {
            DurableFiles.createDirectories(directory.toAbsolutePath());
            Path real = directory.toRealPath();
            if (!HELD.add(real)) {
                throw taken(directory, owner.toString());
            }
            try {
                RunLock lock = new RunLock(real, open(directory, locking));
                lock.write(Json.compact(owner.json()));
                return lock;
            } catch (IOException | RuntimeException e) {
                HELD.remove(real);
                throw e;
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "%s cannot be locked: %s".formatted(directory.resolve(FILE_NAME), e.getMessage()),
                    "name a directory that you may write to, and remove the file at that path",
                    e);
        }
    }

    /// Refuses a directory in which another run writes now; changes nothing.
    public static void requireFree(Path directory) {
        Path file = directory.resolve(FILE_NAME);
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        try {
            if (HELD.contains(directory.toRealPath())) {
                throw taken(directory, LockOwner.current().toString());
            }
            open(directory, OF_THE_SYSTEM).close();
        } catch (IOException _) {
            // The file cannot be opened; acquiring the lock reports the reason.
        }
    }

    private static FileChannel open(Path directory, Locking locking) throws IOException {
        Path file = directory.resolve(FILE_NAME);
        FileChannel channel = FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
        try {
            requireLock(directory, channel, locking);
            return channel;
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    private static void requireLock(Path directory, FileChannel channel, Locking locking) throws IOException {
        Optional<LockOwner> owner = owner(channel);
        boolean taken;
        try {
            taken = locking.lock(channel) == null;
        } catch (OverlappingFileLockException _) {
            taken = true;
        } catch (IOException _) {
            if (owner.isPresent() && owner.get().mayLive()) {
                throw new BowlineException(
                        "another run (%s) writes into %s, or was killed there".formatted(owner.get(), directory),
                        "wait for it or name another checkpoint.checkpoint_dir; if that run has ended, remove %s"
                                .formatted(directory.resolve(FILE_NAME)));
            }
            return;
        }
        if (taken) {
            throw taken(directory, owner.map(LockOwner::toString).orElse("of an unknown host"));
        }
    }

    private static BowlineException taken(Path directory, String owner) {
        return new BowlineException(
                "another run (%s) writes into %s".formatted(owner, directory),
                "wait until it has ended, or name another checkpoint.checkpoint_dir");
    }

    /// Empty where the last one ended well, or the text is none of ours.
    private static Optional<LockOwner> owner(FileChannel channel) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(LONGEST_TEXT);
        int read = channel.read(text, 0);
        if (read <= 0) {
            return Optional.empty();
        }
        try {
            JsonObject json = Json.parse(new String(text.array(), 0, read, StandardCharsets.UTF_8), FILE_NAME)
                    .asObject();
            return Optional.of(LockOwner.of(json));
        } catch (BowlineException _) {
            return Optional.empty();
        }
    }

    private void write(String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        channel.truncate(0);
        while (bytes.hasRemaining()) {
            channel.write(bytes, bytes.position());
        }
    }

    /// Releases the lock.
    @Override
    public void close() {
        try (channel) {
            channel.truncate(0);
        } catch (IOException _) {
            // The system gives up the lock all the same.
        }
        HELD.remove(directory);
    }
}
