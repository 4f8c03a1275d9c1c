package dev.bowline.spark;

import dev.bowline.BowlineException;
import dev.bowline.recipe.DistributedSection;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.report.Quantity;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/// Fine-tunes a model on the executors of Spark: a rank in each task of a barrier stage, and the rows of a
/// `Dataset`.
///
/// The driver and all executors mount one file system, at one path, with the model, the recipe and the directory of
/// the checkpoints. `docs/guides/spark.md` has the rest.
public final class BowlineSpark {

    private BowlineSpark() {}

    /// Carries out a recipe with the rows in place of its dataset, and returns when the run is done.
    ///
    /// The rows have the columns of one of Bowline's formats, such as `messages`, or `prompt` and `completion`. The
    /// driver writes them once, in their order, to a file in the parent of the directory of the checkpoints. After
    /// the failure of a rank or of an executor the driver starts all ranks again from the newest checkpoint of this
    /// run, at most `distributed.max_restarts` times without a new one. If Spark cancels the job, the ranks finish
    /// their step and save.
    ///
    /// @param recipe file of the recipe; `dataset.path` may be absent
    /// @param ranks number of tasks, which run at the same time
    /// @param assignments `key.path=value` each, over the recipe; paths in them are absolute
    /// @throws BowlineException if the recipe, the rows or a rank are wrong, or if restarts bring no checkpoint
    /// @throws CancellationException if the job is cancelled or Spark stops
    public static SparkRunReport finetune(
            SparkSession spark, Path recipe, Dataset<Row> rows, int ranks, String... assignments) {
        SparkContext context = spark.sparkContext();
        Path file = recipe.toAbsolutePath().normalize();
        requirePlaces(context, ranks);
        Recipe known = read(file, List.of(assignments));
        Path checkpointDir = known.checkpoint().checkpointDir();
        Path rowsFile = RowsFile.of(checkpointDir);
        RowsFile.write(rows, rowsFile);
        RankJob job = new RankJob(
                "spark-" + context.applicationId(),
                file.toString(),
                rowsFile.toString(),
                checkpointDir.toString(),
                List.of(assignments));
        int maxRestarts =
                known.distributed().orElseGet(DistributedSection::usual).maxRestarts();
        return new RankDriver(context, job, ranks).run(maxRestarts);
    }

    /// Reads the recipe for its other settings: the rows are not written yet.
    private static Recipe read(Path recipe, List<String> assignments) {
        List<String> all = new ArrayList<>(assignments);
        if (Files.isRegularFile(recipe)) {
            all.add("dataset.path=" + recipe);
        }
        return RecipeFile.load(recipe, all).recipe();
    }

    private static void requirePlaces(SparkContext context, int ranks) {
        if (ranks < 1) {
            throw new IllegalArgumentException("%d ranks".formatted(ranks));
        }
        if (context.getConf().getBoolean("spark.dynamicAllocation.enabled", false)) {
            throw new BowlineException(
                    "spark.dynamicAllocation.enabled is true, and the ranks of a run start together",
                    "set it to false, and the number of executors with spark.executor.instances");
        }
        int cpus = context.getConf().getInt("spark.task.cpus", 1);
        if (context.isLocal() && ranks * cpus > context.defaultParallelism()) {
            throw new BowlineException(
                    "%s of %s each do not fit into master %s"
                            .formatted(
                                    Quantity.count(ranks, "rank"), Quantity.count(cpus, "processor"), context.master()),
                    "start Spark with master local[%d], or ask for fewer ranks".formatted(ranks * cpus));
        }
    }
}
