package dev.bowline;

import java.nio.file.Files;
import java.nio.file.Path;

/// A file that is one. A pipe would be waited for without an end and a device has no end, so whoever reads a file whole
/// or by its size asks here first.
public final class RegularFile {

    private RegularFile() {}

    /// Refuses what is there and is no regular file. A link to a regular file is one; a file that is not there is for
    /// the caller to miss.
    public static void require(Path path) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new BowlineException(
                    "%s is %s, not a file"
                            .formatted(path, Files.isDirectory(path) ? "a directory" : "a pipe or a device"),
                    "put a regular file there");
        }
    }

    /// Tells whether an optional file is there, and refuses what is there and is no regular file.
    ///
    /// @return false where nothing is there
    public static boolean isPresent(Path path) {
        require(path);
        return Files.exists(path);
    }
}
