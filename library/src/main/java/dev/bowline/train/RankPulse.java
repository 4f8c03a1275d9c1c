package dev.bowline.train;

import dev.bowline.distributed.ProcessGroup;
import java.util.Optional;

/// Tells the other ranks at intervals that the first rank is at work, so that a long piece of work of the first rank
/// alone
/// is no failure. The other ranks call [#await].
///
/// While a pulse runs, the rank calls no collective.
final class RankPulse implements AutoCloseable {

    private static final double ENDED = 1;

    private final ProcessGroup group;
    private final Thread thread;
    private Optional<RuntimeException> failure = Optional.empty();
    private boolean stopped;

    private RankPulse(ProcessGroup group, long millis) {
        this.group = group;
        thread = Thread.ofPlatform().daemon().name("bowline-pulse").unstarted(() -> run(millis));
    }

    /// Starts a pulse of the first rank.
    static RankPulse start(ProcessGroup group) {
        return start(group, Math.max(10, group.timeout().toMillis() / 4));
    }

    /// @param millis between two signs
    static RankPulse start(ProcessGroup group, long millis) {
        RankPulse pulse = new RankPulse(group, millis);
        pulse.thread.start();
        return pulse;
    }

    /// Waits until the first rank has ended its pulse.
    static void await(ProcessGroup group) {
        while (group.allReduceSum(0)[0] != ENDED) {
            // The first rank is at work.
        }
    }

    private synchronized void run(long millis) {
        try {
            while (!stopped) {
                wait(millis);
                if (!stopped) {
                    group.allReduceSum(0);
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            failure = Optional.of(e);
        }
    }

    /// @throws dev.bowline.distributed.RankFailure if another rank failed meanwhile
    @Override
    public void close() {
        synchronized (this) {
            stopped = true;
            notifyAll();
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while another rank waits", e);
        }
        if (failure.isPresent()) {
            throw failure.get();
        }
        group.allReduceSum(ENDED);
    }
}
