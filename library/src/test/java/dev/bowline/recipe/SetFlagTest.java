package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.bowline.optim.Schedule;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A `--set` replaces what the file says, is read by the same rules, and is named in what is wrong with it.
class SetFlagTest {

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    @Test
    void aFlagReplacesAddsAndTheLaterHolds() {
        Recipe recipe = folder.shortestWith(
                "optimizer.lr=1e-3",
                "lr_scheduler.lr_decay_style=cosine",
                "optimizer.betas=[0.5, 0.6]",
                "optimizer.lr=2e-3");

        assertEquals(2e-3, recipe.optimizer().lr());
        assertEquals(Schedule.Decay.COSINE, recipe.lrScheduler().decayStyle());
        assertEquals(0.5, recipe.optimizer().hyperparameters().beta1());
        assertEquals(0.6, recipe.optimizer().hyperparameters().beta2());
        assertEquals(8, recipe.stepScheduler().globalBatchSize());
    }

    @Test
    void aFlagCanReplaceAWholeSection() {
        Recipe recipe = folder.shortestWith("step_scheduler={global_batch_size: 4, num_epochs: 2}");

        assertEquals(
                new StepScheduler(4, 1, Optional.empty(), Optional.of(2), Optional.empty(), Optional.empty()),
                recipe.stepScheduler());
    }

    @Test
    void aFlagReplacesTheKeyUnderItsOtherName() {
        Recipe recipe = folder.shortestWith("dataset.path_or_dataset_id=" + folder.path("heldout.jsonl"));

        assertEquals(folder.path("heldout.jsonl"), recipe.dataset().path());
    }

    @Test
    void aFlagMendsWhatIsWrongInTheFile() {
        String wrong = RecipeFolder.SHORTEST.replace("1e-5", "fast");

        assertEquals(
                1e-4,
                folder.load(wrong, "optimizer.lr=1e-4").recipe().optimizer().lr());
    }

    @Test
    void whatIsWrongWithAFlagNamesIt() {
        assertProblem("lr", "expected key.path=value | such as: set optimizer.lr=1e-5");
        assertProblem("a..b=1", "expected key.path=value | such as: set optimizer.lr=1e-5");
        assertProblem("optimizer.lrr=1", "unknown key 'lrr' in optimizer | did you mean 'lr'?");
        assertProblem(
                "optimizer.eps=0",
                "optimizer.eps: expected a number above 0, found the number 0 | write a number above 0, such as 1e-8");
        assertProblem(
                "seed.value=3", "seed: expected an integer of at least 0, found a mapping | write one, such as 42");
        assertProblem(
                "peft.dim=0", "peft.dim: expected an integer of at least 1, found the number 0 | write 1 or more");
        assertProblem(
                "optimizer.betas=[0.9",
                "this is not YAML: expected ',' or ']', but got <stream end>"
                        + " | correct the line, or the end of the one before it");
    }

    private void assertProblem(String set, String expected) {
        assertEquals("override " + set + ": " + expected, folder.problem(RecipeFolder.SHORTEST, set));
    }
}
