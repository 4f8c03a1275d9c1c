package dev.bowline.cli;

import dev.bowline.BowlineException;
import dev.bowline.checkpoint.TrainingCheckpoints;
import dev.bowline.cli.RankProcesses.End;
import dev.bowline.cli.RankProcesses.Patience;
import dev.bowline.distributed.Node;
import dev.bowline.distributed.Rendezvous;
import dev.bowline.platform.NativeProcess;
import dev.bowline.report.Quantity;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Runs the ranks of one machine: starts them, and after the failure of a rank starts all of them again from the last
/// checkpoint.
///
/// This process loads no native library. Every rank receives the signals to this process.
final class Supervisor {

    /// The number of the supervisor's process, for its ranks.
    static final String PROCESS_VARIABLE = "BOWLINE_SUPERVISOR";

    /// @param command of each rank
    /// @param checkpointDir directory of the checkpoints
    /// @param logs of the ranks
    /// @param maxRestarts restarts without a new checkpoint between them
    /// @param patience with the other ranks after a failure
    record Job(Node node, RankCommand command, Path checkpointDir, RankLogs logs, int maxRestarts, Patience patience) {}

    /// Resumes from the checkpoint that the ranks saved before a failure.
    private static final String RESUME = "checkpoint.restore_from=LATEST";

    /// The wait before a restart on several machines, whose ranks do not end at the same moment; doubled each time.
    private static final Duration BETWEEN_MACHINES = Duration.ofSeconds(2);

    private final Console console;
    private final Job job;
    private final CountDownLatch stop = new CountDownLatch(1);
    private volatile Optional<RankProcesses> running = Optional.empty();

    Supervisor(Console console, Job job) {
        this.console = console;
        this.job = job;
    }

    /// Returns when the run has ended.
    ///
    /// @return the exit code of this process
    int run() {
        try (Interruption.Registration _ = Interruption.handledBy(_ -> stop())) {
            introduce();
            Optional<String> atStart = latest();
            Optional<String> before = atStart;
            int restarts = 0;
            for (int attempt = 0; ; attempt++) {
                boolean isNew = !latest().equals(atStart);
                switch (attempt(attempt, isNew ? List.of(RESUME) : List.of())) {
                    case Attempt.Finished _ -> {
                        return ExitCode.SUCCESS;
                    }
                    case Attempt.Stopped(int exitCode) -> {
                        return Interruption.first()
                                .map(Interruption.Cause::exitCode)
                                .orElse(exitCode);
                    }
                    case Attempt.Refused(End end) -> {
                        if (!isShown(end)) {
                            tell(end);
                        }
                        return end.exitCode();
                    }
                    case Attempt.Failed(End end) -> {
                        tell(end);
                        restarts = latest().equals(before) ? restarts + 1 : 1;
                        before = latest();
                        if (restarts > job.maxRestarts || !waited(restarts)) {
                            return givenUp(restarts);
                        }
                        console.note(again(restarts, atStart));
                    }
                }
            }
        }
    }

    private void introduce() {
        Node node = job.node;
        int first = node.rank() * node.processes();
        String ranks = node.processes() == 1
                ? "rank %d".formatted(first)
                : "ranks %d to %d".formatted(first, first + node.processes() - 1);
        String others = node.processes() == 1
                ? ""
                : "; ranks above %d write to %s"
                        .formatted(first, job.logs.file(first + 1).resolveSibling("rank-N.log"));
        console.note("starting %s of %d%s".formatted(ranks, node.worldSize(), others));
    }

    private Attempt attempt(int attempt, List<String> assignments) {
        Node node = job.node;
        int port = node.count() == 1 ? freePort() : node.masterPort();
        List<ProcessBuilder> builders = new ArrayList<>();
        for (int local = 0; local < node.processes(); local++) {
            builders.add(rank(node.place(local, port, attempt), assignments));
        }
        RankProcesses ranks = RankProcesses.start(builders, node.rank() * node.processes());
        running = Optional.of(ranks);
        if (isStopping()) {
            ranks.terminate();
        }
        try (RankOutput _ = RankOutput.of(ranks.first(), console)) {
            return Attempt.of(ranks.await(job.patience));
        } finally {
            running = Optional.empty();
        }
    }

    private ProcessBuilder rank(Rendezvous place, List<String> assignments) {
        ProcessBuilder process = new ProcessBuilder(job.command.words(assignments));
        Map<String, String> environment = process.environment();
        environment.putAll(place.environment());
        environment.put(LaunchOptions.LOCAL_WORLD_SIZE, Integer.toString(job.node.processes()));
        environment.put(PROCESS_VARIABLE, Long.toString(ProcessHandle.current().pid()));
        environment.putIfAbsent(
                "OMP_NUM_THREADS", Integer.toString(Math.max(1, NativeProcess.cores() / job.node.processes())));
        job.logs.attach(process, place);
        return process;
    }

    private void stop() {
        stop.countDown();
        running.ifPresent(RankProcesses::terminate);
    }

    private boolean isStopping() {
        return stop.getCount() == 0;
    }

    /// Waits before a restart.
    ///
    /// @return false if a signal asked the run to stop
    private boolean waited(int restart) {
        if (job.node.count() == 1) {
            return !isStopping();
        }
        try {
            return !stop.await(BETWEEN_MACHINES.toMillis() << Math.min(restart - 1, 4), TimeUnit.MILLISECONDS);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /// A rank that wrote its failure says more than its exit code.
    private void tell(End end) {
        boolean isShown = isShown(end);
        Optional<String> message = isShown ? Optional.empty() : job.logs.takeMessage(end.rank());
        String rank = "rank " + end.rank();
        // The message of a lost rank names the rank itself.
        console.note(message.map(told -> told.startsWith(rank) ? told : rank + ": " + told)
                .orElseGet(() -> rank + " " + how(end.exitCode())));
        if (!isShown) {
            console.note("  its output is in " + job.logs.file(end.rank()));
        }
    }

    /// True for the first rank, whose messages are on the console.
    private boolean isShown(End end) {
        return end.rank() == job.node.rank() * job.node.processes();
    }

    static String how(int exitCode) {
        return switch (exitCode) {
            case ExitCode.RANK_FAILURE -> "lost another rank";
            case 128 + 6 -> "crashed with SIGABRT";
            case 128 + 7 -> "crashed with SIGBUS";
            case 128 + 9 -> "was killed with SIGKILL, as the kernel does when memory is short";
            case 128 + 11 -> "crashed with SIGSEGV";
            default -> "ended with exit code " + exitCode;
        };
    }

    private String again(int restart, Optional<String> atStart) {
        Optional<String> latest = latest();
        String from = latest.equals(atStart) ? "as the run began" : "from " + latest.orElseThrow();
        return "starting all ranks again %s, restart %d of at most %d without a new checkpoint"
                .formatted(from, restart, job.maxRestarts);
    }

    private int givenUp(int restarts) {
        if (!isStopping()) {
            console.note("error: the run ends, because %s brought no new checkpoint (distributed.max_restarts)"
                    .formatted(Quantity.count(restarts - 1, "restart")));
            console.note("  fix: remove the cause, and run the same command with --set checkpoint.restore_from=auto");
        }
        return ExitCode.RANK_FAILURE;
    }

    /// The text that names the checkpoint to resume from, if there is one.
    private Optional<String> latest() {
        try {
            return Optional.of(Files.readString(job.checkpointDir.resolve(TrainingCheckpoints.LATEST))
                    .strip());
        } catch (IOException _) {
            return Optional.empty();
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new BowlineException(
                    "no port is free on this machine: " + e.getMessage(), "end programs that hold ports", e);
        }
    }
}
