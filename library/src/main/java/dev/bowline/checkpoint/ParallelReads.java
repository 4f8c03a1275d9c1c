package dev.bowline.checkpoint;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;

/// Reads that do not touch libtorch, some at a time: one thread alone does not keep up with a fast disk, nor with
/// the system's clearing of memory that is new.
final class ParallelReads implements AutoCloseable {

    private static final int THREADS = Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 4);

    /// Small enough to share a single large tensor between the threads.
    private static final long SLICE_BYTES = 64L << 20;

    /// The work on a part of some memory.
    @FunctionalInterface
    interface SliceRead {
        /// @param from how many bytes are in front of the part
        void of(MemorySegment part, long from);
    }

    private final ExecutorService threads = Executors.newFixedThreadPool(
            THREADS, Thread.ofPlatform().daemon().name("bowline-read-", 0).factory());
    private final List<Future<?>> reads = new ArrayList<>();

    void run(Runnable read) {
        reads.add(threads.submit(read));
    }

    /// Takes `memory` apart, so that no thread has all of it.
    void run(MemorySegment memory, SliceRead read) {
        for (long done = 0; done < memory.byteSize(); done += SLICE_BYTES) {
            long from = done;
            MemorySegment part = memory.asSlice(from, Math.min(SLICE_BYTES, memory.byteSize() - from));
            run(() -> read.of(part, from));
        }
    }

    /// True if a byte of `a` differs from that of `b`, which has the same length. The compared pages of a mapped
    /// file do not stay in memory.
    static boolean differ(MemorySegment a, MemorySegment b) {
        if (a.byteSize() <= SLICE_BYTES) {
            return differAlone(a, b);
        }
        AtomicBoolean differ = new AtomicBoolean();
        try (ParallelReads reads = new ParallelReads()) {
            reads.run(a, (part, from) -> {
                if (differAlone(part, b.asSlice(from, part.byteSize()))) {
                    differ.set(true);
                }
            });
            reads.await();
        }
        return differ.get();
    }

    private static boolean differAlone(MemorySegment a, MemorySegment b) {
        boolean differ = a.mismatch(b) >= 0;
        if (b.isMapped()) {
            b.unload();
        }
        return differ;
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
