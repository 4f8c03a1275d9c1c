package dev.bowline.safetensors;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;

/// Reads tensors of equally many rows in step, each byte once, a few rows at a time.
///
/// Large tensors are read in as many parts as there are processors, at most four, each on a thread of its own: one
/// thread that reads and looks at what it has read is slower than the page cache.
final class RowPass {

    /// Looks at the rows of one part, in order.
    @FunctionalInterface
    interface Visitor {

        /// @param rows the same rows of every tensor, valid until this returns
        /// @param first the number of the first of them
        /// @return false when no part needs more rows
        boolean accept(List<ByteBuffer> rows, long first);
    }

    private static final int CHUNK_BYTES = 256 << 10;
    private static final long PART_BYTES = 32L << 20;
    private static final int MOST_PARTS = 4;

    private final List<TensorRange> tensors;
    private final List<Integer> rowBytes;
    private final long rows;
    private final AtomicBoolean ended = new AtomicBoolean();
    private final AtomicReference<RuntimeException> failure = new AtomicReference<>();

    private RowPass(List<TensorRange> tensors, List<Integer> rowBytes, long rows) {
        this.tensors = tensors;
        this.rowBytes = rowBytes;
        this.rows = rows;
    }

    /// Reads `rows` rows from the first.
    ///
    /// @param rowBytes how long a row of each tensor is
    /// @param visitor makes one for each part; called in the parts' order, before anything is read
    /// @return the visitors, in the parts' order
    static <V extends Visitor> List<V> over(
            List<TensorRange> tensors, List<Integer> rowBytes, long rows, Supplier<V> visitor) {
        return new RowPass(tensors, rowBytes, rows).run(visitor);
    }

    private <V extends Visitor> List<V> run(Supplier<V> visitor) {
        long parts = Math.clamp(
                rows * rowBytes.getFirst() / PART_BYTES,
                1,
                Math.min(MOST_PARTS, Runtime.getRuntime().availableProcessors()));
        List<V> visitors = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            visitors.add(visitor.get());
        }
        List<Thread> threads = new ArrayList<>();
        for (int part = 1; part < parts; part++) {
            V other = visitors.get(part);
            long from = rows * part / parts;
            long to = rows * (part + 1) / parts;
            threads.add(
                    Thread.ofPlatform().daemon().name("bowline-rows-" + part).start(() -> read(other, from, to)));
        }
        read(visitors.getFirst(), 0, rows / parts);
        threads.forEach(this::await);
        RuntimeException failed = failure.get();
        if (failed != null) {
            throw failed;
        }
        return visitors;
    }

    private void await(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            ended.set(true);
            Thread.currentThread().interrupt();
            throw new IllegalStateException(
                    "interrupted while reading " + tensors.getFirst().file(), e);
        }
    }

    private void read(Visitor visitor, long from, long to) {
        int longest = rowBytes.stream().mapToInt(Integer::intValue).max().orElse(1);
        int rowsAtOnce = Math.max(1, CHUNK_BYTES / longest);
        List<RangeReader> readers = new ArrayList<>();
        try {
            for (int i = 0; i < tensors.size(); i++) {
                readers.add(new RangeReader(tensors.get(i), rowsAtOnce * rowBytes.get(i)).at(from * rowBytes.get(i)));
            }
            for (long row = from; row < to && !ended.get(); row += rowsAtOnce) {
                int count = (int) Math.min(rowsAtOnce, to - row);
                List<ByteBuffer> chunk = new ArrayList<>(readers.size());
                for (int i = 0; i < readers.size(); i++) {
                    chunk.add(readers.get(i).next(count * rowBytes.get(i)));
                }
                if (!visitor.accept(chunk, row)) {
                    ended.set(true);
                }
            }
        } catch (RuntimeException e) {
            ended.set(true);
            failure.compareAndSet(null, e);
        } finally {
            readers.forEach(RangeReader::close);
        }
    }
}
