package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.files.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// A page that a command writes.
final class HtmlFile {

    private HtmlFile() {}

    /// Writes the page over an existing one, whole or not at all. A pipe or a device gets the page directly.
    static void write(Path file, String page) {
        try {
            if (Files.exists(file) && !Files.isRegularFile(file) && !Files.isDirectory(file)) {
                Files.writeString(file, page);
            } else {
                AtomicFile.write(file, page);
            }
        } catch (IOException e) {
            throw new BowlineException(
                    "%s was not written: %s".formatted(file, e.getMessage()),
                    "check the directory and its permissions",
                    e);
        }
    }
}
