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

/// What follows the writing of a file on threads of its own, so that neither the disk nor a second processor waits for
/// the end of it: what was written is forced to the disk, and hashed as the file gives it back.
public final class WriteBehind implements AutoCloseable {

    /// Enough for a disk to be busy with, and little beside what the system keeps unwritten anyway.
    private static final long FORCE_BYTES = 256L << 20;

    private final FileChannel channel;
    private final ExecutorService forcing = thread("bowline-force");
    private final ExecutorService hashing = thread("bowline-hash");
    private final List<Future<?>> running = new ArrayList<>();
    private long forced;

    /// Of the hashing thread alone.
    private ByteBuffer buffer = ByteBuffer.allocate(0);

    /// @param channel open for reading too
    public WriteBehind(FileChannel channel) {
        this.channel = channel;
    }

    private static ExecutorService thread(String name) {
        return Executors.newSingleThreadExecutor(
                Thread.ofPlatform().daemon().name(name).factory());
    }

    /// Everything in front of `position` has been written.
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
                    throw new IOException("what was written cannot be read back");
                }
            }
            reader.accept(buffer.flip());
            return null;
        }));
    }

    /// Returns when all of it is done. A failure to force is thrown here and would not be told again by the system.
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

    /// Waits for what is running, so that nothing reads a file that is about to be closed.
    @Override
    public void close() {
        running.forEach(each -> each.cancel(false));
        hashing.close();
        forcing.close();
    }
}
