package dev.bowline.formats;

import org.jspecify.annotations.Nullable;

/// Interrupts a thread that waits for a decoder which has stalled: a damaged page can make it wait for ever.
///
/// A decoder has stalled when it neither reads from the file nor hands out a row while the watch ticks [#TICKS] times.
/// A
/// process that is suspended does not tick.
final class DecoderWatch implements AutoCloseable {

    static final int TICKS = 8;

    private final Thread clock =
            Thread.ofPlatform().daemon().name("parquet-watch").unstarted(this::tick);
    private final int tickMilliseconds;
    private @Nullable Thread waiting;
    private long progress;
    private boolean stalled;
    private boolean closed;

    DecoderWatch(int tickMilliseconds) {
        this.tickMilliseconds = tickMilliseconds;
        clock.start();
    }

    /// The calling thread is about to wait for the decoder.
    synchronized void begin() {
        waiting = Thread.currentThread();
        progress++;
    }

    /// The calling thread waits no more. An interrupt of this watch is not left behind.
    ///
    /// @return whether the watch interrupted it
    synchronized boolean end() {
        waiting = null;
        if (stalled) {
            Thread.interrupted();
        }
        return stalled;
    }

    /// The decoder has read something.
    synchronized void progress() {
        progress++;
    }

    private void tick() {
        long seen = -1;
        int ticks = 0;
        try {
            while (true) {
                synchronized (this) {
                    if (closed) {
                        return;
                    }
                    ticks = waiting != null && progress == seen ? ticks + 1 : 0;
                    seen = progress;
                    if (ticks >= TICKS && waiting != null) {
                        stalled = true;
                        waiting.interrupt();
                        return;
                    }
                }
                Thread.sleep(tickMilliseconds);
            }
        } catch (InterruptedException _) {
            // Closed.
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        clock.interrupt();
    }
}
