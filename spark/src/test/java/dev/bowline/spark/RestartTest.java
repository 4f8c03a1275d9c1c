package dev.bowline.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.train.RunReport.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// A run of two ranks that loses a rank, and one that loses an executor, end with the bytes of the guide's job with one
/// rank, which loses nothing.
@EnabledOnOs(value = OS.LINUX, disabledReason = "ranks are on Linux only")
class RestartTest {

    private static final String LAST = "/step_12";

    @TempDir
    private Path directory;

    @Test
    void aRunThatLostARankOrAnExecutorEndsWithTheSameBytes() throws Exception {
        RunFiles files = new RunFiles(directory);
        Path recipe = files.recipe(12, 2);

        GuideProgram.run(directory, files.recipe(12, 2), files.table(), 1);
        SparkRunReport lostRank;
        try (SparkSession spark = Sessions.local()) {
            CompletableFuture<Void> kill = kill(files, "rank", "dev.bowline.cli.Bowline", "RANK=1");
            lostRank = BowlineSpark.finetune(spark, recipe, RunFiles.rows(spark), 2, files.in("rank"));
            kill.join();
        }
        SparkRunReport lostExecutor;
        try (SparkSession spark = Sessions.cluster()) {
            CompletableFuture<Void> kill = kill(files, "executor", "CoarseGrainedExecutorBackend", "");
            lostExecutor = BowlineSpark.finetune(spark, recipe, RunFiles.rows(spark), 2, files.in("executor"));
            kill.join();
        }

        String whole = files.hashes("checkpoints" + LAST);
        assertEquals(whole, files.hashes("rank" + LAST));
        assertEquals(whole, files.hashes("executor" + LAST));
        for (SparkRunReport report : List.of(lostRank, lostExecutor)) {
            assertEquals(Outcome.FINISHED, report.outcome());
            assertEquals(1, report.restarts());
            assertEquals(Optional.of(Path.of(report.checkpointDir() + LAST)), report.checkpoint());
            assertEquals(
                    12,
                    Files.readAllLines(report.checkpointDir().resolve("training.jsonl"))
                            .size());
        }
    }

    /// Kills a process as soon as the run has a checkpoint.
    private static CompletableFuture<Void> kill(RunFiles files, String run, String commandLine, String environment) {
        return CompletableFuture.runAsync(() -> {
            files.await(run + "/LATEST");
            RunFiles.process(commandLine, environment).destroyForcibly();
        });
    }
}
