package dev.bowline.formats;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.xerial.snappy.Snappy;
import org.xerial.snappy.SnappyError;

/// Loads snappy's native code once, from a temporary directory that is gone again afterwards: left to itself, it leaves
/// a file behind in every process that does not run its exit hooks.
final class SnappyLibrary {

    private static final String DIRECTORY = "org.xerial.snappy.tempdir";
    private static boolean loaded;

    private SnappyLibrary() {}

    static synchronized void load() {
        if (loaded) {
            return;
        }
        if (System.getProperty(DIRECTORY) != null) {
            link();
        } else {
            linkFromTemporaryDirectory();
        }
        loaded = true;
    }

    private static void linkFromTemporaryDirectory() {
        try {
            Path directory = Files.createTempDirectory("bowline-snappy");
            System.setProperty(DIRECTORY, directory.toString());
            try {
                link();
            } finally {
                System.clearProperty(DIRECTORY);
                remove(directory);
            }
        } catch (IOException | UncheckedIOException e) {
            throw new BowlineException(
                    "the native code of snappy, which Parquet files are compressed with, cannot be unpacked: "
                            + e.getMessage(),
                    "free space in the temporary directory, or choose another: -Djava.io.tmpdir=DIR",
                    e);
        }
    }

    private static void link() {
        try {
            var _ = Snappy.getNativeLibraryVersion();
            var _ = Snappy.maxCompressedLength(1);
        } catch (SnappyError | LinkageError e) {
            throw new BowlineException(
                    "the native code of snappy, which Parquet files are compressed with, cannot be loaded: "
                            + e.getMessage(),
                    "choose a temporary directory that programs may be loaded from: -Djava.io.tmpdir=DIR",
                    e);
        }
    }

    private static void remove(Path directory) throws IOException {
        List<Path> files;
        try (Stream<Path> listed = Files.list(directory)) {
            files = listed.toList();
        }
        try {
            for (Path file : files) {
                Files.delete(file);
            }
            Files.delete(directory);
        } catch (IOException _) {
            // Windows keeps what is loaded; the exit hook of snappy removes it there.
            return;
        }
    }
}
