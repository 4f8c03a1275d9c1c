package dev.bowline.fuzz;

import dev.bowline.BowlineException;
import dev.bowline.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/// Whatever bytes a .safetensors file has, its header is read or refused with a message.
public final class HeaderFuzzer {

    private static final Path FILE = Scratch.directory().resolve("model.safetensors");

    private HeaderFuzzer() {}

    /// Called by Jazzer with bytes of its choice, which are a header: that its length is right need not be guessed.
    public static void fuzzerTestOneInput(byte[] header) throws IOException {
        Files.write(FILE, withLength(header));
        try {
            SafetensorsFile.readHeader(FILE);
        } catch (BowlineException refusal) {
            Scratch.requireWords(refusal);
        }
    }

    static byte[] withLength(byte[] header) {
        return ByteBuffer.allocate(Long.BYTES + header.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .array();
    }
}
