package dev.bowline.audit.repair;

import dev.bowline.files.DirectoryExchange;
import dev.bowline.files.DurableFiles;
import dev.bowline.files.NewFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

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
        NewFile.write(file, text);
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
        if (DurableFiles.isPosix(to)) {
            observer.before(Step.COPY_PERMISSIONS, to);
            Files.setPosixFilePermissions(to, Files.getPosixFilePermissions(from));
        }
    }

    /// Makes names in a directory durable; Windows cannot open one, and needs no such step.
    void force(Path directory) throws IOException {
        if (DurableFiles.isPosix(directory)) {
            observer.before(Step.FORCE, directory);
            DurableFiles.fsyncDirectory(directory);
        }
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
        DurableFiles.rename(from, to);
    }

    /// Removes a file or a tree; links are not followed.
    void delete(Path path) throws IOException {
        DurableFiles.deleteRecursively(path, each -> observer.before(Step.DELETE, each));
    }
}
