package dev.bowline.spark;

import dev.bowline.BowlineException;
import dev.bowline.report.Quantity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkException;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/// Runs the ranks as jobs of Spark: one job, and after a failure another one from the newest checkpoint. Spark itself
/// does not start a barrier stage again that ends a job.
final class RankDriver {

    /// Sent after the end of the job at the latest.
    private static final Duration REPORTS = Duration.ofSeconds(60);

    /// Above the time that a rank gets for saving.
    private static final Duration TO_END = Duration.ofSeconds(90);

    /// The condition of the error with which Spark ends a cancelled job.
    private static final String CANCELLED = "SPARK_JOB_CANCELLED";

    private static final Logger LOG = LoggerFactory.getLogger(BowlineSpark.class);

    private sealed interface Attempt {
        record Finished(String json) implements Attempt {}

        record Failed(RankTasks.Failure failure) implements Attempt {}
    }

    private final SparkContext context;
    private final RankJob job;
    private final int ranks;

    RankDriver(SparkContext context, RankJob job, int ranks) {
        this.context = context;
        this.job = job;
        this.ranks = ranks;
    }

    /// @param maxRestarts restarts without a new checkpoint between them
    SparkRunReport run(int maxRestarts) {
        Optional<String> atStart = job.latest();
        Optional<String> before = atStart;
        int withoutCheckpoint = 0;
        for (int attempt = 0; ; attempt++) {
            boolean isNew = !job.latest().equals(atStart);
            switch (attempt(isNew ? job.resumed() : job, attempt)) {
                case Attempt.Finished(String json) -> {
                    return SparkRunReport.of(json, job.directory(), attempt);
                }
                case Attempt.Failed(RankTasks.Failure failure) -> {
                    Optional<String> latest = job.latest();
                    withoutCheckpoint = latest.equals(before) ? withoutCheckpoint + 1 : 1;
                    before = latest;
                    switch (failure.end()) {
                        case REFUSED -> throw new BowlineException(failure.problem(), failure.fix());
                        case FINISHED, STOPPED, FAILED -> {
                            if (withoutCheckpoint > maxRestarts) {
                                throw givenUp(withoutCheckpoint - 1, failure);
                            }
                        }
                    }
                    LOG.warn(
                            "{}; starting all ranks again from {}, restart {} of at most {} without a new checkpoint",
                            failure.problem(),
                            latest.equals(atStart) ? "the start of the run" : latest.orElseThrow(),
                            withoutCheckpoint,
                            maxRestarts);
                }
            }
        }
    }

    private static BowlineException givenUp(int restarts, RankTasks.Failure failure) {
        return new BowlineException(
                "the run ended, because %s brought no new checkpoint (distributed.max_restarts); the last failure: %s"
                        .formatted(Quantity.count(restarts, "restart"), failure.problem()),
                "remove the cause, and run the same job with checkpoint.restore_from=auto");
    }

    private Attempt attempt(RankJob start, int attempt) {
        String tag = "bowline-" + UUID.randomUUID();
        RankTasks tasks = new RankTasks(tag);
        context.addSparkListener(tasks);
        context.addJobTag(tag);
        try {
            return new Attempt.Finished(collect(new RankTask(start, attempt)));
        } catch (Exception e) {
            return new Attempt.Failed(failure(e, tasks, tag));
        } finally {
            context.removeJobTag(tag);
            context.removeSparkListener(tasks);
        }
    }

    /// The output of the first rank.
    private String collect(RankTask task) {
        List<Integer> places = IntStream.range(0, ranks).boxed().toList();
        ClassTag<String> text = ClassTag$.MODULE$.apply(String.class);
        RDD<Integer> parts = JavaSparkContext.fromSparkContext(context)
                .parallelize(new ArrayList<>(places), ranks)
                .rdd();
        return JavaRDD.fromRDD(parts.barrier().mapPartitions(task, false, text), text)
                .collect()
                .getFirst();
    }

    /// Scala throws every exception without declaring it.
    private RankTasks.Failure failure(Exception thrown, RankTasks tasks, String tag) {
        try {
            if (thrown instanceof InterruptedException) {
                context.cancelJobsWithTag(tag, "the thread of the driver was interrupted");
                tasks.awaitTasks(TO_END.toMillis());
                Thread.currentThread().interrupt();
                throw cancelled(thrown);
            }
            if (isCancelled(thrown)) {
                tasks.awaitTasks(TO_END.toMillis());
                throw cancelled(thrown);
            }
            tasks.awaitJobEnd(REPORTS.toMillis());
            Optional<RankTasks.Failure> failure = tasks.failure();
            if (failure.isPresent()) {
                return failure.get();
            }
            throw new BowlineException(
                    "Spark cannot run %d ranks: %s".formatted(ranks, thrown.getMessage()),
                    "check the executors of this application: the tasks of all ranks run at the same time",
                    thrown);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw cancelled(e);
        }
    }

    private boolean isCancelled(Exception thrown) {
        return context.isStopped()
                || (thrown instanceof SparkException failed && CANCELLED.equals(failed.getCondition()));
    }

    private CancellationException cancelled(Exception thrown) {
        CancellationException cancelled = new CancellationException(
                "the Spark job of the run was cancelled; its checkpoints are in " + job.directory());
        cancelled.initCause(thrown);
        return cancelled;
    }
}
