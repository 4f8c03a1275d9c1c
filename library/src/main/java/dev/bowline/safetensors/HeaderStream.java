package dev.bowline.safetensors;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/// A run of a file's bytes as a stream, which leaves the channel's own position alone.
final class HeaderStream extends InputStream {

    private static final int BUFFER_BYTES = 64 << 10;

    private final FileChannel channel;
    private final long end;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).limit(0);
    private long position;

    /// @param end one past the last byte
    HeaderStream(FileChannel channel, long start, long end) {
        this.channel = channel;
        this.end = end;
        position = start;
    }

    @Override
    public int read() throws IOException {
        return isEmpty() ? -1 : Byte.toUnsignedInt(buffer.get());
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (isEmpty()) {
            return -1;
        }
        int count = Math.min(length, buffer.remaining());
        buffer.get(target, offset, count);
        return count;
    }

    /// True if nothing is left, in the buffer or in the file.
    ///
    /// @throws EOFException when the file ends before the run does
    private boolean isEmpty() throws IOException {
        if (buffer.hasRemaining()) {
            return false;
        }
        if (position == end) {
            return true;
        }
        buffer.clear().limit((int) Math.min(BUFFER_BYTES, end - position));
        int read = channel.read(buffer, position);
        if (read < 0) {
            throw new EOFException();
        }
        position += read;
        buffer.flip();
        return false;
    }
}
