package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.recipe.RecipeFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A recipe is carried out on the bundled model and data: it learns, validates, logs and saves.
class FineTuningRunTest {

    @TempDir
    private Path directory = Path.of("");

    @Test
    void aRecipeTrainsValidatesAndSaves() throws Exception {
        Path recipe = Path.of("..", "examples", "demo.yaml");
        List<String> sets = List.of(
                "checkpoint.checkpoint_dir=" + directory.resolve("out").toAbsolutePath(),
                "step_scheduler.max_steps=12",
                "lr_scheduler.lr_warmup_steps=2",
                "step_scheduler.val_every_steps=6");
        try (FineTuningRun run =
                FineTuningRun.open(RecipeFile.load(recipe, sets).recipe())) {
            RunReport report = run.run(RunListener.silent());

            assertEquals(RunReport.Outcome.FINISHED, report.outcome());
            Path saved = report.checkpoint().orElseThrow();
            assertTrue(Files.exists(saved.resolve("model.safetensors")));
            List<String> training = Files.readAllLines(directory.resolve("out").resolve("training.jsonl"));
            List<String> validation =
                    Files.readAllLines(directory.resolve("out").resolve("validation.jsonl"));
            assertEquals(12, training.size());
            assertEquals(2, validation.size());
            assertTrue(training.getFirst().contains("\"grad_norm\""), training.getFirst());
        }
    }
}
