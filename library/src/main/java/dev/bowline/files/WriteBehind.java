package dev.bowline.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/// Work on a file while the file is still written, on two threads: one fsyncs the written bytes, one reads them
/// back.
public final class WriteBehind implements AutoCloseable {

    /// Enough to keep a disk busy, and little compared with the unwritten bytes that a system keeps.
    private static final long FORCE_BYTES = 256L << 20;

    private final FileChannel channel;
    private final ExecutorService forcing = thread("bowline-force");
    private final ExecutorService hashing = thread("bowline-hash");
    private final List<Future<?>> running = new ArrayList<>();
    private long forced;

    /// Used by the reading thread only.
    private ByteBuffer buffer = ByteBuffer.allocate(0);

    /// @param channel open for reading too
    public WriteBehind(FileChannel channel) {
        this.channel = channel;
    }

    private static ExecutorService thread(String name) {
        return Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name(name).factory());
    }

    /// Reports that all bytes before `position` were written.
    public void written(long position) {
        if (position - forced >= FORCE_BYTES) {
            forced = position;
            running.add(forcing.submit(() -> {
                channel.force(false);
                return null;
            }));
        }
    }

    /// Reads written bytes back from the file, in the order of the calls.
    ///
    /// @param from where they were written
    /// @param length how many, all read at once
    /// @param reader receives them on a thread of its own
    public void readBack(long from, int length, Consumer<ByteBuffer> reader) {
        running.add(hashing.submit(() -> {
            if (buffer.capacity() < length) {
                buffer = ByteBuffer.allocate(length);
            }
            buffer.clear().limit(length);
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, from + buffer.position()) < 0) {
                    throw new IOException("the written bytes cannot be read back");
                }
            }
            reader.accept(buffer.flip());
            return null;
        }));
    }

    /// Waits for all work. Throws a failed fsync, which the system reports only once.
    public void await() throws IOException {
        for (Future<?> each : running) {
            try {
                each.get();
            } catch (ExecutionException e) {
                throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted while writing", e);
            }
        }
        running.clear();
    }

    /// Waits for running work, so no thread reads a file that is about to be closed.
    @Override
    public void close() {
        running.forEach(each -> each.cancel(false));
        hashing.close();
        forcing.close();
    }
}
