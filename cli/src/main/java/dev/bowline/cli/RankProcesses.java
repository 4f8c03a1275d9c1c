package dev.bowline.cli;

import dev.bowline.BowlineException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/// The processes of one start of the ranks of a machine, until the last one has ended.
///
/// After the first failure the others get time to end by themselves, because they notice it and say so; then SIGTERM,
/// and then SIGKILL. A rank that a signal stopped has not failed, and the others may still be saving.
final class RankProcesses {

    /// The times between the first failure and the two signals.
    ///
    /// @param untilTerm after the failure
    /// @param untilKill after SIGTERM
    record Patience(Duration untilTerm, Duration untilKill) {
        static final Patience USUAL = new Patience(Duration.ofSeconds(3), Duration.ofSeconds(10));
    }

    /// The end of one process.
    ///
    /// @param rank in the world
    /// @param exitCode of the process; 128 and the number of the signal that ended it
    /// @param by the side that ended the process
    record End(int rank, int exitCode, By by) {

        boolean isFailure() {
            return exitCode != ExitCode.SUCCESS && !isStop();
        }

        /// True if a signal asked the rank to stop.
        boolean isStop() {
            return Interruption.Cause.ofExitCode(exitCode).isPresent();
        }
    }

    enum By {
        ITSELF,
        SUPERVISOR
    }

    private record Running(int rank, Process process) {}

    private final List<Running> running = new ArrayList<>();
    private final BlockingQueue<Running> ended = new LinkedBlockingQueue<>();

    private RankProcesses() {}

    /// @param builders of the processes, by rank
    /// @param firstRank rank of the first process
    /// @throws BowlineException if one does not start; those before it are ended
    static RankProcesses start(List<ProcessBuilder> builders, int firstRank) {
        RankProcesses ranks = new RankProcesses();
        for (ProcessBuilder builder : builders) {
            int rank = firstRank + ranks.running.size();
            try {
                Running started = new Running(rank, builder.start());
                ranks.running.add(started);
                started.process().onExit().thenAccept(_ -> ranks.ended.add(started));
            } catch (IOException e) {
                ranks.kill();
                throw new BowlineException(
                        "rank %d does not start: %s".formatted(rank, e.getMessage()),
                        "check the limits on processes and files of this user",
                        e);
            }
        }
        return ranks;
    }

    /// The process of the lowest rank.
    Process first() {
        return running.getFirst().process();
    }

    /// Sends SIGTERM to every process that runs.
    void terminate() {
        running.forEach(each -> each.process().destroy());
    }

    /// Waits until every process has ended.
    ///
    /// @return the ends, in their order
    List<End> await(Patience patience) {
        List<End> ends = new ArrayList<>();
        try {
            while (ends.size() < running.size() && ends.stream().noneMatch(End::isFailure)) {
                add(ended.take(), By.ITSELF, ends);
                if (ends.getLast().isStop()) {
                    // The others stop with it, unless they still wait for it to join.
                    terminate();
                }
            }
            awaitFor(patience.untilTerm(), By.ITSELF, ends);
            terminate();
            awaitFor(patience.untilKill(), By.SUPERVISOR, ends);
            kill();
            while (ends.size() < running.size()) {
                add(ended.take(), By.SUPERVISOR, ends);
            }
            return ends;
        } catch (InterruptedException e) {
            kill();
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while ranks run", e);
        }
    }

    private void awaitFor(Duration time, By by, List<End> ends) throws InterruptedException {
        long deadline = System.nanoTime() + time.toNanos();
        while (ends.size() < running.size()) {
            Optional<Running> next =
                    Optional.ofNullable(ended.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS));
            if (next.isEmpty()) {
                return;
            }
            add(next.get(), by, ends);
        }
    }

    private static void add(Running each, By by, List<End> ends) {
        ends.add(new End(each.rank(), each.process().exitValue(), by));
    }

    private void kill() {
        running.forEach(each -> each.process().destroyForcibly());
    }
}
