package dev.bowline.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.UUID;

/// A file for a moment, by which processes of several machines see if a directory is the same one for all of them.
///
/// @param directory as its writer names it
/// @param name of the file, which no other directory has
public record SharedMark(Path directory, String name) implements AutoCloseable {

    private static final long POLL_MILLIS = 100;

    /// Writes a mark into a directory that exists.
    public static SharedMark write(Path directory) throws IOException {
        String name = ".shared." + UUID.randomUUID();
        AtomicFile.write(directory.resolve(name), "");
        return new SharedMark(directory, name);
    }

    /// True if the file of a mark is in a directory. A network file system may show a new file late, so a file that is
    /// missing is looked for again.
    ///
    /// @param name of the mark
    /// @param millis the time to look for it
    public static boolean isIn(Path directory, String name, long millis) {
        Path file = directory.resolve(name);
        long end = System.nanoTime() + millis * 1_000_000;
        while (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            if (System.nanoTime() >= end) {
                return false;
            }
            try {
                Thread.sleep(POLL_MILLIS);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return true;
    }

    /// Removes the file.
    @Override
    public void close() {
        try {
            Files.deleteIfExists(directory.resolve(name));
        } catch (IOException _) {
            // An empty hidden file is left, which no reader of checkpoints looks at.
        }
    }
}
