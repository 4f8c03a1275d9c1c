package dev.bowline.spark;

import dev.bowline.cli.RankProgram.End;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.ExceptionFailure;
import org.apache.spark.ExecutorLostFailure;
import org.apache.spark.TaskEndReason;
import org.apache.spark.TaskFailedReason;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.jspecify.annotations.Nullable;
import scala.jdk.javaapi.CollectionConverters;
import scala.jdk.javaapi.OptionConverters;

/// The failures of the tasks of one job, as Spark reports them to the driver. The exception of the job has them as text
/// only.
final class RankTasks extends SparkListener {

    private static final String TAGS = "spark.job.tags";

    /// @param end of the rank
    record Failure(End end, String problem, String fix) {
        /// A failure that Spark reports in its words.
        static Failure ofSpark(String problem) {
            return new Failure(End.FAILED, problem, "read the log of the executor");
        }
    }

    private final String tag;
    private final List<Failure> failures = new ArrayList<>();
    private final Set<Integer> stages = new HashSet<>();
    private @Nullable Integer job;
    private int running;
    private boolean ended;

    /// @param tag of the job
    RankTasks(String tag) {
        this.tag = tag;
    }

    @Override
    public synchronized void onJobStart(SparkListenerJobStart start) {
        if (List.of(String.valueOf(start.properties().getProperty(TAGS)).split(","))
                .contains(tag)) {
            job = start.jobId();
            CollectionConverters.asJava(start.stageIds()).forEach(stage -> stages.add((Integer) (Object) stage));
        }
    }

    @Override
    public synchronized void onTaskStart(SparkListenerTaskStart start) {
        if (stages.contains(start.stageId())) {
            running++;
        }
    }

    @Override
    public synchronized void onTaskEnd(SparkListenerTaskEnd end) {
        if (stages.contains(end.stageId())) {
            running--;
            failure(end.reason()).ifPresent(failures::add);
            notifyAll();
        }
    }

    @Override
    public synchronized void onJobEnd(SparkListenerJobEnd end) {
        if (job != null && end.jobId() == job) {
            ended = true;
            notifyAll();
        }
    }

    /// Tasks that Spark ends after another one failed are no failures of their own.
    private static Optional<Failure> failure(TaskEndReason reason) {
        return switch (reason) {
            case ExceptionFailure thrown ->
                Optional.of(OptionConverters.toJava(thrown.exception())
                        .filter(RankEnded.class::isInstance)
                        .map(RankEnded.class::cast)
                        .map(rank -> new Failure(rank.end(), rank.problem(), rank.fix()))
                        .orElseGet(() -> Failure.ofSpark(
                                "a task failed: %s: %s".formatted(thrown.className(), thrown.description()))));
            case ExecutorLostFailure lost -> Optional.of(Failure.ofSpark(lost.toErrorString()));
            case TaskFailedReason other
            when other.countTowardsTaskFailures() -> Optional.of(Failure.ofSpark(other.toErrorString()));
            default -> Optional.empty();
        };
    }

    /// The failure that decides, after Spark has reported the end of the job: one that another start would repeat, or
    /// the first.
    synchronized Optional<Failure> failure() {
        return failures.stream()
                .filter(each -> each.end() == End.REFUSED)
                .findFirst()
                .or(() -> failures.stream().findFirst());
    }

    /// @return false if the time is over first
    synchronized boolean awaitJobEnd(long millis) throws InterruptedException {
        long end = System.currentTimeMillis() + millis;
        for (long left = millis; !ended && left > 0; left = end - System.currentTimeMillis()) {
            wait(left);
        }
        return ended;
    }

    /// Waits until no task of the job runs, because the ranks of a job that was cancelled save first.
    ///
    /// @return false if the time is over first
    synchronized boolean awaitTasks(long millis) throws InterruptedException {
        long end = System.currentTimeMillis() + millis;
        for (long left = millis; running > 0 && left > 0; left = end - System.currentTimeMillis()) {
            wait(left);
        }
        return running <= 0;
    }
}
