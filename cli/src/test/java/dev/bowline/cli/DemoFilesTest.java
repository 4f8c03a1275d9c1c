package dev.bowline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The files of `demo --lora` are a run of an adapter, and the questions that are asked are not in its data.
class DemoFilesTest {

    private static final Pattern DATE = Pattern.compile("\\d\\d\\.\\d\\d\\.\\d{4}");

    @TempDir
    private Path directory = Path.of("");

    @Test
    void theRecipeTrainsAnAdapterThatTheNextCommandsUse() {
        DemoFiles files = DemoFiles.extract(directory.resolve("demo"), DemoFiles.Trained.ADAPTER);

        JsonObject run = Ran.bowline(
                        "finetune",
                        files.recipe().toString(),
                        "--json",
                        "--set",
                        "step_scheduler.max_steps=1",
                        "--set",
                        "lr_scheduler.lr_warmup_steps=0",
                        "--set",
                        "validation_dataset.limit_dataset_samples=2")
                .succeeded()
                .json();

        Path adapter = Path.of(run.requireString("checkpoint"));
        assertTrue(Files.exists(adapter.resolve("adapter_model.safetensors")));
        String commands = AdapterCommands.of(files.model(), adapter);
        assertTrue(commands.contains(" --adapter " + adapter), commands);
    }

    @Test
    void noDateThatIsAskedForIsInTheTrainingData() throws IOException {
        DemoFiles files = DemoFiles.extract(directory.resolve("demo"), DemoFiles.Trained.ADAPTER);
        Set<String> trained = DATE.matcher(Files.readString(directory.resolve("demo/train.jsonl")))
                .results()
                .map(date -> date.group())
                .collect(Collectors.toSet());

        List<DemoFiles.Question> asked = files.heldOut();

        assertEquals(43, asked.size());
        asked.forEach(question -> {
            var date = DATE.matcher(question.question());
            assertTrue(date.find());
            assertTrue(!trained.contains(date.group()), question::toString);
        });
    }
}
