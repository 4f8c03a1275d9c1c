package dev.bowline.files;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Creates a file under its own name and fsyncs it once.
///
/// A failure leaves a part of the file, so the file belongs in a directory that nobody reads yet.
/// [AtomicDirectory] makes such a directory visible and makes the names in it durable. For a single file see
/// [AtomicFile].
public final class NewFile {

    /// Writes the content of a file.
    @FunctionalInterface
    public interface Content {
        /// @param channel open for writing, and for reading back
        void writeTo(FileChannel channel) throws IOException;
    }

    private NewFile() {}

    /// @param path absent
    public static void write(Path path, String text) throws IOException {
        write(path, text.getBytes(StandardCharsets.UTF_8));
    }

    /// @param path absent
    public static void write(Path path, byte[] bytes) throws IOException {
        create(path, channel -> writeFully(ByteBuffer.wrap(bytes), channel));
    }

    /// @param path absent
    /// @param bytes the length of the content, for the message of a failure
    /// @throws BowlineException if the disk fails
    public static void write(Path path, long bytes, Content content) {
        try {
            create(path, content);
        } catch (IOException e) {
            throw new BowlineException(
                    "%s was not written, which needs %d bytes: %s".formatted(path, bytes, e.getMessage()),
                    "check the disk's space and permissions",
                    e);
        }
    }

    static void create(Path path, Content content) throws IOException {
        try (FileChannel channel = FileChannel.open(
                path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.READ)) {
            content.writeTo(channel);
            channel.force(true);
        }
    }

    static void writeFully(ByteBuffer bytes, FileChannel channel) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }
}
