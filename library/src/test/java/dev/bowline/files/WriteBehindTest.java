package dev.bowline.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What goes on behind the writing of a file is part of it: its failures are the file's, its hash is of what the file
/// holds.
class WriteBehindTest {

    private static final long ENOUGH_TO_FORCE = 1L << 30;

    @TempDir
    private Path directory;

    /// The system tells of a failed write once, to whoever forces first; the last force would succeed.
    @Test
    void aFailureToForceIsTheWritersFailure() throws IOException {
        FileChannel channel = open();
        channel.close();
        try (WriteBehind behind = new WriteBehind(channel)) {
            behind.written(ENOUGH_TO_FORCE);
            assertThrows(ClosedChannelException.class, behind::await);
        }
    }

    @Test
    void bytesThatAreNotThereCannotBeHashed() throws IOException {
        try (FileChannel channel = open();
                WriteBehind behind = new WriteBehind(channel)) {
            channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
            behind.readBack(1, 3, _ -> {});
            assertThrows(IOException.class, behind::await);
        }
    }

    /// Not of what was meant to be written: another byte has come into the file meanwhile.
    @Test
    void theHashIsOfTheFile() throws Exception {
        try (FileChannel channel = open();
                WriteBehind behind = new WriteBehind(channel)) {
            channel.write(ByteBuffer.wrap(new byte[] {9, 1, 2, 3, 4}));
            channel.write(ByteBuffer.wrap(new byte[] {7}), 2);
            MessageDigest hash = MessageDigest.getInstance("SHA-256");
            behind.readBack(1, 2, hash::update);
            behind.readBack(3, 2, hash::update);
            behind.await();
            byte[] expected = MessageDigest.getInstance("SHA-256").digest(new byte[] {1, 7, 3, 4});
            assertEquals(HexFormat.of().formatHex(expected), HexFormat.of().formatHex(hash.digest()));
        }
    }

    private FileChannel open() throws IOException {
        return FileChannel.open(
                directory.resolve("file"),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
    }
}
