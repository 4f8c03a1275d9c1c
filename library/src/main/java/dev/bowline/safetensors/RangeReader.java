package dev.bowline.safetensors;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Reads a tensor's bytes in order through a buffer of its own, so that memory does not grow with the file.
public final class RangeReader implements AutoCloseable {

    private final Path file;
    private final FileChannel channel;
    private final ByteBuffer buffer;
    private final long start;
    private long position;

    /// @param bufferBytes the most that [#next(int)] will be asked for
    public RangeReader(TensorRange tensor, int bufferBytes) {
        file = tensor.file();
        start = tensor.start();
        position = start;
        buffer = ByteBuffer.allocateDirect(bufferBytes).order(ByteOrder.LITTLE_ENDIAN);
        try {
            channel = FileChannel.open(file, StandardOpenOption.READ);
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    /// Continues with the byte `offset` of the tensor.
    public RangeReader at(long offset) {
        position = start + offset;
        return this;
    }

    /// The next `bytes`, valid until the next call.
    public ByteBuffer next(int bytes) {
        buffer.clear().limit(bytes);
        try {
            while (buffer.hasRemaining()) {
                int read = channel.read(buffer, position);
                if (read < 0) {
                    throw new BowlineException(
                            "%s became shorter while it was read".formatted(file),
                            "try again when nothing writes to it");
                }
                position += read;
            }
        } catch (IOException e) {
            throw unreadable(e);
        }
        return buffer.flip();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private BowlineException unreadable(IOException e) {
        return new BowlineException(
                "%s cannot be read: %s".formatted(file, e.getMessage()), "check the file and its permissions", e);
    }
}
