package dev.bowline.train;

import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/// Short runs of the demo's recipe, each in a directory of its own.
final class DemoRuns {

    static final Path RECIPE = Path.of("..", "examples", "demo.yaml");

    private final Path directory;

    /// @param directory of all runs
    DemoRuns(Path directory) {
        this.directory = directory;
    }

    /// @param name of the run, and of its directory
    /// @param more settings of the recipe
    RunReport run(String name, String dtype, String... more) {
        try (FineTuningRun run = open(name, dtype, more)) {
            return run.run(RunListener.silent());
        }
    }

    FineTuningRun open(String name, String dtype, String... more) {
        List<String> sets = new ArrayList<>(List.of(
                "checkpoint.checkpoint_dir=" + directory.resolve(name).toAbsolutePath(),
                "model.torch_dtype=" + dtype,
                "dataset.limit_dataset_samples=40",
                "validation_dataset.limit_dataset_samples=4",
                "step_scheduler.global_batch_size=4",
                "step_scheduler.local_batch_size=2",
                "step_scheduler.val_every_steps=100",
                "step_scheduler.ckpt_every_steps=100",
                "lr_scheduler.lr_warmup_steps=1",
                "lr_scheduler.lr_decay_steps=10"));
        sets.addAll(List.of(more));
        return FineTuningRun.open(RecipeFile.load(RECIPE, sets));
    }

    List<JsonObject> rows(String name, String file) throws IOException {
        return Files.readAllLines(directory.resolve(name).resolve(file)).stream()
                .map(line -> Json.parse(line, name).asObject())
                .toList();
    }

    /// Step, loss, norm and rate of each row of training.jsonl.
    List<String> losses(String name) throws IOException {
        return rows(name, "training.jsonl").stream()
                .map(row -> row.requireLong("step") + " " + row.requireDouble("loss") + " "
                        + row.requireDouble("grad_norm") + " " + row.requireDouble("lr"))
                .toList();
    }

    static String[] with(String[] usual, String... more) {
        return Stream.concat(Arrays.stream(usual), Arrays.stream(more)).toArray(String[]::new);
    }
}
