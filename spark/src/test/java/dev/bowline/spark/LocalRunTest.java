package dev.bowline.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// The driver tells what is wrong with a run, and a run that is cancelled saves.
@EnabledOnOs(value = OS.LINUX, disabledReason = "ranks are on Linux only")
class LocalRunTest {

    private static final String RANK = "dev.bowline.cli.Bowline";

    private static SparkSession spark;

    @TempDir
    private Path directory;

    @BeforeAll
    static void start() {
        spark = Sessions.local();
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    @Test
    void wrongRowsEndTheRunWithTheMessageOfARank() throws Exception {
        RunFiles files = new RunFiles(directory);
        Dataset<Row> rows = spark.sql("select 'Write 1.' as instruction, '1' as response");

        BowlineException wrong = assertThrows(
                BowlineException.class,
                () -> BowlineSpark.finetune(spark, files.recipe(2, 1), rows, 1, files.in("run")));

        assertTrue(wrong.problem().matches("(?s)rank 0 on \\S+: .*run.rows.jsonl.*"), wrong.problem());
        assertFalse(wrong.fix().isBlank());
        assertFalse(Files.readString(files.file("run/logs/rank-0.log")).contains("start 2"));
    }

    @Test
    void aCancelledJobSavesAndLeavesNoProcess() throws Exception {
        RunFiles files = new RunFiles(directory);
        CompletableFuture<Void> cancel = CompletableFuture.runAsync(() -> {
            files.await("run/training.jsonl");
            spark.sparkContext().cancelAllJobs();
        });

        assertThrows(
                CancellationException.class,
                () -> BowlineSpark.finetune(
                        spark, files.recipe(10_000, 10_000), RunFiles.rows(spark), 2, files.in("run")));

        cancel.join();
        assertTrue(Files.exists(files.file("run/LATEST")));
        assertEquals(0, RunFiles.processes(RANK));
    }

    @Test
    void ranksThatDoNotFitAreRefused() throws Exception {
        RunFiles files = new RunFiles(directory);
        Path recipe = files.recipe(2, 1);
        Dataset<Row> rows = RunFiles.rows(spark);

        BowlineException wrong =
                assertThrows(BowlineException.class, () -> BowlineSpark.finetune(spark, recipe, rows, 3));

        assertEquals("3 ranks of 1 processor each do not fit into master local[2]", wrong.problem());
    }

    @Test
    void aDatasetWithoutRowsIsRefused() throws Exception {
        RunFiles files = new RunFiles(directory);
        Path recipe = files.recipe(2, 1);
        Dataset<Row> none = RunFiles.rows(spark).limit(0);

        BowlineException wrong =
                assertThrows(BowlineException.class, () -> BowlineSpark.finetune(spark, recipe, none, 2));

        assertEquals("the Dataset has no rows", wrong.problem());
    }

    @Test
    void rowsAreWrittenInTheirOrderWithNestedColumns() throws Exception {
        Path file = directory.resolve("rows.jsonl");

        RowsFile.write(spark.sql("""
                select array(named_struct('role', 'user', 'content', 'Grüße\\n' || id)) as messages,
                    if(id = 1, null, 'x') as note
                from range(0, 3, 1, 3)"""), file);

        assertEquals("""
                {"messages":[{"role":"user","content":"Grüße\\n0"}],"note":"x"}
                {"messages":[{"role":"user","content":"Grüße\\n1"}]}
                {"messages":[{"role":"user","content":"Grüße\\n2"}],"note":"x"}
                """, Files.readString(file));
    }
}
