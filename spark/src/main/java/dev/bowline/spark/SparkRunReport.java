package dev.bowline.spark;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.train.RunReport.Outcome;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/// The result of a run on Spark.
///
/// @param outcome the end of the run
/// @param checkpointDir `checkpoint.checkpoint_dir` of the recipe, with the checkpoints and `training.jsonl`
/// @param checkpoint the last checkpoint written: a Hugging Face directory, or a PEFT adapter; empty if there is none
/// @param restarts the number of times that the driver started all ranks again
/// @param details the outcome as `finetune --json` prints it
public record SparkRunReport(
        Outcome outcome, Path checkpointDir, Optional<Path> checkpoint, int restarts, JsonObject details) {

    /// @param json the output of the first rank
    static SparkRunReport of(String json, Path checkpointDir, int restarts) {
        JsonObject details = Json.parse(json, "the outcome of rank 0").asObject();
        return new SparkRunReport(
                Outcome.valueOf(details.requireString("outcome").toUpperCase(Locale.ROOT)),
                checkpointDir,
                details.optionalString("checkpoint").map(Path::of),
                restarts,
                details);
    }
}
