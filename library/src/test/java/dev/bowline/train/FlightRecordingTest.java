package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Load, step and save are events of Java Flight Recorder, with what a reader wants to know of each.
class FlightRecordingTest {

    @TempDir
    private Path directory = Path.of("");

    @Test
    void aRunIsRecordedAndReadBack() throws IOException {
        Path file = directory.resolve("run.jfr");
        Path run = directory.resolve("run").toAbsolutePath();
        RunReport report;
        try (Recording recording = new Recording()) {
            List.of("dev.bowline.Load", "dev.bowline.Step", "dev.bowline.Save")
                    .forEach(name -> recording.enable(name).withoutThreshold());
            recording.start();
            try (FineTuningRun training = FineTuningRun.open(RecipeFile.load(
                    Path.of("..", "examples", "demo.yaml"),
                    List.of(
                            "checkpoint.checkpoint_dir=" + run,
                            "step_scheduler.max_steps=2",
                            "step_scheduler.val_every_steps=null",
                            "step_scheduler.ckpt_every_steps=null",
                            "lr_scheduler.lr_warmup_steps=1",
                            "dataset.limit_dataset_samples=64")))) {
                report = training.run(RunListener.silent());
            }
            recording.dump(file);
        }

        List<RecordedEvent> events = RecordingFile.readAllEvents(file);
        RecordedEvent load = only(events, "dev.bowline.Load");
        assertTrue(load.getString("directory").endsWith("model"), load.toString());
        assertEquals("TIE", load.getString("headPlan"));
        assertTrue(load.getBoolean("tied") && load.getLong("tensors") > 0 && load.getLong("ownedBytes") > 0);
        List<RecordedEvent> steps = named(events, "dev.bowline.Step");
        assertEquals(
                List.of(1L, 2L),
                steps.stream().map(step -> step.getLong("step")).toList());
        StepResult last = report.lastStep().orElseThrow();
        assertEquals(last.loss(), steps.getLast().getDouble("loss"));
        assertEquals(last.gradNorm(), steps.getLast().getDouble("gradNorm"));
        assertEquals(last.tokens(), steps.getLast().getLong("tokens"));
        RecordedEvent save = only(events, "dev.bowline.Save");
        assertEquals(run.resolve("step_2").toString(), save.getString("directory"));
        assertEquals("TIED", save.getString("head"));
        assertTrue(save.getLong("bytes") > Files.size(run.resolve("step_2").resolve("model.safetensors")));
    }

    private static RecordedEvent only(List<RecordedEvent> events, String name) {
        List<RecordedEvent> found = named(events, name);
        assertEquals(1, found.size(), name);
        return found.getFirst();
    }

    private static List<RecordedEvent> named(List<RecordedEvent> events, String name) {
        return events.stream()
                .filter(event -> event.getEventType().getName().equals(name))
                .toList();
    }
}
