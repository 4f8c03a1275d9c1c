package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.JsonObject;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `evaluate --adapter` scores the base without the adapter.
class EvaluateCommandTest {

    private static final Path MODEL = Path.of("src", "main", "resources", "demo", "model");
    private static final Path ROWS = Path.of("src", "main", "resources", "demo", "lora", "heldout.jsonl");

    @TempDir
    private Path directory;

    @Test
    void theModelAnswersWithoutAndWithEachAdapter() {
        Path run = directory.resolve("run").toAbsolutePath();
        Ran.bowline(
                        "finetune",
                        Path.of("..", "examples", "demo-lora.yaml").toString(),
                        "--set",
                        "step_scheduler.max_steps=1",
                        "--set",
                        "lr_scheduler.lr_warmup_steps=0",
                        "--set",
                        "validation_dataset.limit_dataset_samples=1",
                        "--set",
                        "checkpoint.checkpoint_dir=" + run)
                .succeeded();

        double base = perplexities().getFirst();
        String adapter = run.resolve("step_1").toString();
        List<Double> both = perplexities("--adapter", "a=" + adapter, "--adapter", "b=" + adapter);

        assertEquals(base, both.getFirst());
        assertTrue(both.get(1) < base, "the adapter has an effect: " + both);
        assertEquals(both.get(1), both.get(2));
    }

    private static List<Double> perplexities(String... more) {
        Stream<String> arguments = Stream.of(
                "evaluate",
                MODEL.toString(),
                "--data",
                ROWS.toString(),
                "--limit",
                "1",
                "--max-new-tokens",
                "1",
                "--metrics",
                "perplexity",
                "--json");
        JsonObject json = Ran.bowline(Stream.concat(arguments, Stream.of(more)).toArray(String[]::new))
                .succeeded()
                .json();
        return json.requireArray("models").objects().stream()
                .map(model -> model.requireArray("scores").objects().getFirst().requireDouble("mean"))
                .toList();
    }
}
