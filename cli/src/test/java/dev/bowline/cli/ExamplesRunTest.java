package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Every recipe of examples/ trains and leaves a checkpoint that answers. Two steps each: as they stand they take
/// minutes.
class ExamplesRunTest {

    private static final Path EXAMPLES = Path.of("..", "examples");

    @TempDir
    private Path directory = Path.of("");

    @ParameterizedTest
    @ValueSource(
            strings = {"demo.yaml", "demo-packed-bf16.yaml", "demo-frozen.yaml", "demo-lora.yaml", "automodel.yaml"})
    void anExampleLeavesACheckpointThatLoads(String recipe) {
        String checkpoint = Ran.bowline(
                        "finetune",
                        EXAMPLES.resolve(recipe).toString(),
                        "--json",
                        "--set",
                        "step_scheduler.max_steps=2",
                        "--set",
                        "lr_scheduler.lr_warmup_steps=1",
                        "--set",
                        "checkpoint.checkpoint_dir=" + directory.resolve("run").toAbsolutePath())
                .succeeded()
                .json()
                .requireString("checkpoint");

        assertEquals("step_2", Path.of(checkpoint).getFileName().toString());
        String answer = Ran.bowline("generate", checkpoint, "--prompt", "Hi", "--max-new-tokens", "2", "--json")
                .succeeded()
                .out();
        assertFalse(answer.isBlank());
    }
}
