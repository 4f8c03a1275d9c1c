package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
        String command = refused.fix().lines().toList().getLast().strip();
        assertTrue(
                command.startsWith(
                        "bowline finetune " + DemoRuns.RECIPE.toAbsolutePath().normalize() + " --set "),
                command);
        List<String> words = List.of(command.split(" "));
        assertTrue(words.contains("checkpoint.restore_from=" + good), command);
        assertTrue(words.contains("optimizer.lr=5.0E37") && !words.contains("optimizer.lr=1e38"), command);
        List<String> sets = words.stream()
                .filter(word -> word.contains("=") && !word.startsWith("optimizer.lr="))
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
    }
}
