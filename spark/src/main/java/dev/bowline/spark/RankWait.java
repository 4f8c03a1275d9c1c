package dev.bowline.spark;

import dev.bowline.cli.RankProgram;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;

/// Waits for the process of a rank, and ends the process if Spark ends the task.
final class RankWait {

    /// A rank that Spark ends finishes its step and saves, unless another rank is gone.
    private static final Duration TO_SAVE = Duration.ofSeconds(60);

    /// A rank that lost another one may be noticed first. Its task fails later, so that the driver learns the cause.
    private static final Duration FOR_THE_CAUSE = Duration.ofSeconds(3);

    private static final long POLL_MILLIS = 100;

    private final TaskContext context;
    private final Process process;

    RankWait(TaskContext context, Process process) {
        this.context = context;
        this.process = process;
    }

    /// @return the exit code of the process
    /// @throws TaskKilledException if Spark ends the task; the process has ended then
    int exitCode() {
        try {
            while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
                requireTask();
            }
            int exitCode = process.exitValue();
            if (RankProgram.lostAnother(exitCode)) {
                long end = System.nanoTime() + FOR_THE_CAUSE.toNanos();
                while (System.nanoTime() < end) {
                    requireTask();
                    Thread.sleep(POLL_MILLIS);
                }
            }
            return exitCode;
        } catch (InterruptedException _) {
            throw new TaskKilledException("interrupted");
        } finally {
            end();
        }
    }

    private void requireTask() {
        if (context.isInterrupted()) {
            throw new TaskKilledException("ended by Spark");
        }
    }

    private void end() {
        if (!process.isAlive()) {
            return;
        }
        process.destroy();
        try {
            if (!process.waitFor(TO_SAVE.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException _) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
