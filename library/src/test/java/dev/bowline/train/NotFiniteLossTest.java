package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Remedy;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.safetensors.SafetensorsFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A loss that is no number ends the run, and the message says with which rows and how to go on.
class NotFiniteLossTest {

    private final Path directory;
    private final DemoRuns demo;

    NotFiniteLossTest(@TempDir Path directory) {
        this.directory = directory;
        demo = new DemoRuns(directory);
    }

    @Test
    void aLossThatIsNoNumberNamesTheRowsAndTheCommandThatGoesOn() throws IOException {
        demo.run("run", "float32", "step_scheduler.max_steps=2", "step_scheduler.ckpt_every_steps=1");
        // Step 3 sees good weights and ruins them, step 4 sees the ruin.
        String[] exploding = {
            "step_scheduler.max_steps=6",
            "step_scheduler.ckpt_every_steps=1",
            "optimizer.lr=1e38",
            "checkpoint.restore_from=LATEST",
        };

        BowlineException refused = assertThrows(BowlineException.class, () -> demo.run("run", "float32", exploding));

        assertTrue(refused.problem().startsWith("step 4: the loss is NaN"), refused.problem());
        assertTrue(refused.problem().matches("(?s).*/train\\.jsonl:\\d+, .*/train\\.jsonl:\\d+.*"), refused.problem());
        Path good = directory.resolve("run").resolve("step_2").toAbsolutePath();
        assertTrue(refused.fix().contains("the last good checkpoint is " + good), refused.fix());
        Remedy.FineTune again = (Remedy.FineTune) refused.howToFix().remedies().getFirst();
        assertEquals(DemoRuns.RECIPE.toAbsolutePath().normalize(), again.recipe());
        List<String> words = again.assignments();
        assertTrue(words.contains("checkpoint.restore_from=" + good), words::toString);
        assertTrue(words.contains("optimizer.lr=5.0E37") && !words.contains("optimizer.lr=1e38"), words::toString);
        List<String> sets = words.stream()
                .filter(word -> !word.startsWith("optimizer.lr="))
                .collect(java.util.stream.Collectors.toCollection(ArrayList::new));
        sets.add("optimizer.lr=1e-3");
        try (FineTuningRun resumed = FineTuningRun.open(RecipeFile.load(DemoRuns.RECIPE, sets))) {
            assertEquals(2, resumed.tuning().stepsTaken());
            assertEquals(
                    RunReport.Outcome.FINISHED,
                    resumed.run(RunListener.silent()).outcome());
        }
    }

    @Test
    void aCheckpointOfTheWeightsThatGaveNoNumberIsNotCalledGood() throws IOException {
        demo.run("run", "float32", "step_scheduler.max_steps=1", "optimizer.lr=1e38");

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> demo.run("run", "float32", "step_scheduler.max_steps=2", "checkpoint.restore_from=LATEST"));

        assertTrue(refused.fix().contains("holds the weights that gave this loss"), refused.fix());
    }

    @Test
    void weightsThatAreNotFiniteAreToBlameForTheFirstStep() throws IOException {
        Path source =
                RecipeFile.load(DemoRuns.RECIPE, List.of()).recipe().model().pretrainedModel();
        Path model = Files.createDirectory(directory.resolve("model"));
        try (Stream<Path> files = Files.list(source)) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Path weights = model.resolve("model.safetensors");
        String damaged = "model.language_model.norm.weight";
        try (SafetensorsFile file = SafetensorsFile.open(weights);
                FileChannel channel = FileChannel.open(weights, StandardOpenOption.WRITE)) {
            // A NaN, or two, in any dtype.
            ByteBuffer nan = ByteBuffer.allocate(4).putInt(0, 0xc07fc07f);
            channel.write(nan, file.header().dataStart() + file.entry(damaged).begin());
        }

        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> demo.run("run", "float32", "model.pretrained_model_name_or_path=" + model.toAbsolutePath()));

        assertTrue(refused.problem().startsWith("step 1: "), refused.problem());
        assertTrue(refused.problem().contains("'" + damaged + "' has values that are not finite"), refused.problem());
        assertTrue(refused.fix().contains("its weights are damaged"), refused.fix());
    }

    @Test
    void aLossThatIsNoNumberBeforeAnyCheckpointStartsAgainElsewhere() {
        BowlineException refused = assertThrows(
                BowlineException.class,
                () -> demo.run(
                        "run", "float32", "step_scheduler.max_steps=5", "optimizer.lr=1e38", "lr_scheduler.init_lr=0"));

        assertTrue(refused.problem().startsWith("step 2: "), refused.problem());
        assertTrue(refused.fix().contains("no checkpoint was saved before it"), refused.fix());
        assertTrue(
                refused.fix()
                        .contains("checkpoint.checkpoint_dir="
                                + directory.resolve("run").toAbsolutePath() + "-again"),
                refused.fix());
        Path saved = directory.resolve("run").resolve("step_1").toAbsolutePath();
        assertTrue(refused.fix().contains("the weights before step 2 are in " + saved), refused.fix());
        assertTrue(Files.exists(saved.resolve("optimizer.safetensors")), "the step before it was not saved");
    }
}
