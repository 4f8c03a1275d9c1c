package dev.bowline.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;

/// Identifies the state of a file without reading its content.
///
/// @param key of the file itself, whatever its name; empty where the file system has none
record FileStamp(long bytes, FileTime modified, Optional<Object> key) {

    /// The difference between the file at a path now and before.
    enum Change {
        NONE,
        /// The file was modified: a process that has it open or mapped sees other bytes, or none.
        REWRITTEN,
        /// Removed, or another file has its name: who has it open or mapped still sees the bytes of before.
        REPLACED
    }

    static FileStamp of(Path file) throws IOException {
        return of(Files.readAttributes(file, BasicFileAttributes.class));
    }

    static FileStamp of(BasicFileAttributes attributes) {
        return new FileStamp(
                attributes.size(), attributes.lastModifiedTime(), Optional.ofNullable(attributes.fileKey()));
    }

    Change changeOf(Path file) {
        try {
            FileStamp now = of(file);
            if (now.equals(this)) {
                return Change.NONE;
            }
            return key.isPresent() && !key.equals(now.key) ? Change.REPLACED : Change.REWRITTEN;
        } catch (IOException _) {
            return Change.REPLACED;
        }
    }
}
