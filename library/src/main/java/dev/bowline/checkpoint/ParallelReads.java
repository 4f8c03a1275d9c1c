package dev.bowline.checkpoint;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Reads that do not touch libtorch, two at a time: one thread alone does not keep up with a fast disk.
final class ParallelReads implements AutoCloseable {

    private static final int THREADS = 2;

    private final ExecutorService threads = Executors.newFixedThreadPool(
            THREADS, Thread.ofPlatform().daemon().name("bowline-read-", 0).factory());
    private final List<Future<?>> reads = new ArrayList<>();

    void run(Runnable read) {
        reads.add(threads.submit(read));
    }

    /// Returns when every read is done, or throws what one of them threw.
    void await() {
        for (Future<?> read : reads) {
            try {
                read.get();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof RuntimeException failure) {
                    throw failure;
                }
                throw new IllegalStateException("reading a checkpoint failed", e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while reading a checkpoint", e);
            }
        }
    }

    /// Waits for what is running, so that no read touches memory that is about to be freed.
    @Override
    public void close() {
        reads.forEach(read -> read.cancel(false));
        threads.close();
    }
}
