package dev.bowline.audit;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// Every change that a repair makes to the disk, each told to an observer before it is made.
final class RepairDisk {

    /// A kind of change.
    enum Step {
        CREATE_DIRECTORY,
        WRITE,
        LINK,
        COPY_PERMISSIONS,
        FORCE,
        EXCHANGE,
        RENAME,
        DELETE
    }

    /// Is told of a change before it is made; what it throws ends the repair there.
    @FunctionalInterface
    interface Observer {
        void before(Step step, Path path) throws IOException;
    }

    /// Writes one file by other means.
    @FunctionalInterface
    interface Write {
        void run() throws IOException;
    }

    private final Observer observer;
    private final DirectoryExchange exchange;

    RepairDisk(Observer observer, DirectoryExchange exchange) {
        this.observer = observer;
        this.exchange = exchange;
    }

    static RepairDisk unobserved() {
        return new RepairDisk((_, _) -> {}, DirectoryExchange.ofSystem());
    }

    void createDirectory(Path directory) throws IOException {
        observer.before(Step.CREATE_DIRECTORY, directory);
        Files.createDirectory(directory);
    }

    /// @param write makes `file` durable itself
    void write(Path file, Write write) throws IOException {
        observer.before(Step.WRITE, file);
        write.run();
    }

    void write(Path file, String text) throws IOException {
        observer.before(Step.WRITE, file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
    }

    /// A hard link where the file system allows one, else a copy.
    void link(Path from, Path to) throws IOException {
        observer.before(Step.LINK, to);
        try {
            Files.createLink(to, from);
        } catch (IOException | UnsupportedOperationException _) {
            Files.copy(from, to, StandardCopyOption.COPY_ATTRIBUTES);
        }
    }

    void symbolicLink(Path link, Path target) throws IOException {
        observer.before(Step.LINK, link);
        Files.createSymbolicLink(link, target);
    }

    void copyPermissions(Path from, Path to) throws IOException {
        if (isPosix(to)) {
            observer.before(Step.COPY_PERMISSIONS, to);
            Files.setPosixFilePermissions(to, Files.getPosixFilePermissions(from));
        }
    }

    /// Makes names in a directory durable; Windows cannot open one, and needs no such step.
    void force(Path directory) throws IOException {
        if (isPosix(directory)) {
            observer.before(Step.FORCE, directory);
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    private static boolean isPosix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }

    /// Swaps two directories in one step.
    ///
    /// @return false, with nothing done, where the system or the file system cannot
    boolean exchange(Path a, Path b) throws IOException {
        observer.before(Step.EXCHANGE, b);
        return exchange.swap(a, b);
    }

    void rename(Path from, Path to) throws IOException {
        observer.before(Step.RENAME, to);
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    /// Removes a file or a tree; links are not followed.
    void delete(Path path) throws IOException {
        if (!Files.exists(path, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> deepestFirst;
        try (Stream<Path> files = Files.walk(path)) {
            deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
        } catch (UncheckedIOException e) {
            // What a directory's own iteration throws when the disk fails.
            throw Objects.requireNonNull(e.getCause());
        }
        for (Path file : deepestFirst) {
            observer.before(Step.DELETE, file);
            Files.delete(file);
        }
    }
}
