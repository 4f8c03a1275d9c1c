package dev.bowline.adapter.export;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/// The files of an export, before they are written.
///
/// @param tensors how many the files hold
/// @param bytes about how many the files need
record Exported(int tensors, long bytes, int leftOut, List<String> notes, Content content) {

    /// Writes the files.
    @FunctionalInterface
    interface Content {
        /// @param directory empty, and read by nobody yet
        void writeTo(Path directory) throws IOException;
    }

    Exported {
        notes = List.copyOf(notes);
    }
}
