package dev.bowline.formats;

import dev.hardwood.InputFile;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// A file that is read, not mapped: a file that is cut short while it is mapped would end the process.
final class ChannelFile implements InputFile {

    /// A limit that reading a valid file never reaches. A damaged file can make the decoder read without end.
    private static final long MOST_TIMES = 4;

    private static final long SHORTEST = 64;
    private static final long ANY_FILE = 1 << 14;

    private final Path path;
    private final AtomicLong bytesRead = new AtomicLong();
    private final AtomicLong reads = new AtomicLong();
    private final DecoderWatch watch;
    private @Nullable FileChannel channel;

    ChannelFile(Path path, DecoderWatch watch) {
        this.path = path;
        this.watch = watch;
    }

    @Override
    public void open() throws IOException {
        if (channel == null) {
            channel = FileChannel.open(path, StandardOpenOption.READ);
        }
    }

    @Override
    public ByteBuffer readRange(long offset, int length) throws IOException {
        watch.progress();
        FileChannel opened = opened();
        if (offset < 0 || length < 0 || offset + length > opened.size()) {
            throw new EOFException("%s has %d bytes, and its footer names bytes %d to %d"
                    .formatted(path, opened.size(), offset, offset + length));
        }
        if (bytesRead.addAndGet(length) > MOST_TIMES * opened.size() + ANY_FILE
                || reads.incrementAndGet() > opened.size() / SHORTEST + ANY_FILE) {
            throw new EOFException("the decoder reads %s again and again".formatted(path));
        }
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (opened.read(bytes, offset + bytes.position()) < 0) {
                throw new EOFException("%s ends at byte %d".formatted(path, offset + bytes.position()));
            }
            watch.progress();
        }
        return bytes.flip();
    }

    @Override
    public long length() throws IOException {
        return opened().size();
    }

    @Override
    public String name() {
        return path.toString();
    }

    @Override
    public void close() throws IOException {
        if (channel != null) {
            channel.close();
        }
    }

    private FileChannel opened() throws IOException {
        open();
        FileChannel opened = channel;
        if (opened == null) {
            throw new IllegalStateException("not open");
        }
        return opened;
    }
}
