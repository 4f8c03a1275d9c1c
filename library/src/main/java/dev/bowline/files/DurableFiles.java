package dev.bowline.files;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// The durable file operations that the other classes of this package are made of.
public final class DurableFiles {

    /// Runs before one file or directory is deleted. An exception keeps it and everything that is left.
    @FunctionalInterface
    public interface DeleteListener {
        void beforeDelete(Path path) throws IOException;
    }

    private DurableFiles() {}

    /// Makes the names in a directory durable. Windows cannot open a directory and does not need it.
    public static void fsyncDirectory(Path directory) throws IOException {
        if (isPosix(directory)) {
            try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    /// True if `path` is on a file system with POSIX permissions and durable directories.
    public static boolean isPosix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("posix");
    }

    /// Creates a directory and its missing parents, and fsyncs the parent of each one it creates.
    public static void createDirectories(Path directory) throws IOException {
        if (Files.isDirectory(directory)) {
            return;
        }
        Path parent = directory.getParent();
        if (parent != null) {
            createDirectories(parent);
        }
        try {
            Files.createDirectory(directory);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(directory)) {
                throw e;
            }
        }
        if (parent != null) {
            fsyncDirectory(parent);
        }
    }

    /// Renames in one step, within one file system. An existing directory at `to` is an error.
    public static void rename(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    }

    /// Renames a file in one step, over the file at `to` if there is one.
    static void renameOver(Path from, Path to) throws IOException {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /// Deletes a file or a directory tree if it exists. Symbolic links are deleted, not followed.
    public static void deleteRecursively(Path path) throws IOException {
        deleteRecursively(path, _ -> {});
    }

    /// Deletes like [#deleteRecursively(Path)], the deepest paths first.
    public static void deleteRecursively(Path path, DeleteListener listener) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> deepestFirst;
        try (Stream<Path> all = Files.walk(path)) {
            deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
        } catch (UncheckedIOException e) {
            throw Objects.requireNonNull(e.getCause());
        }
        for (Path each : deepestFirst) {
            listener.beforeDelete(each);
            Files.delete(each);
        }
    }

    /// The free space, in bytes, that this process may use on the disk of an existing directory.
    public static long usableBytes(Path directory) throws IOException {
        return Files.getFileStore(directory).getUsableSpace();
    }
}
