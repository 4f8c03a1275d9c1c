package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A run that cannot end well does not begin.
class RefusedRunsTest {

    private final Path directory;
    private final DemoRuns demo;

    RefusedRunsTest(@TempDir Path directory) {
        this.directory = directory;
        demo = new DemoRuns(directory);
    }

    @Test
    void aDirectoryWithAnotherRunIsNotWrittenInto() throws IOException {
        demo.run("run", "float32", "step_scheduler.max_steps=1");

        BowlineException refused =
                assertThrows(BowlineException.class, () -> demo.run("run", "float32", "step_scheduler.max_steps=1"));

        assertTrue(refused.problem().contains("is not empty"), refused.problem());
        assertTrue(refused.fix().contains("restore_from=LATEST"), refused.fix());
    }

    @Test
    void aRowLongerThanTheModelIsRefusedAtItsLineBeforeAnyWeightIsRead() throws IOException {
        BowlineException refused =
                assertThrows(BowlineException.class, () -> demo.run("run", "float32", "dataset.seq_length=513"));
        BowlineException packed = assertThrows(
                BowlineException.class, () -> demo.run("run", "float32", "packed_sequence.packed_sequence_size=1024"));
        Path recipe = Files.writeString(
                directory.resolve("recipe.yaml"),
                Files.readString(DemoRuns.RECIPE)
                        .replace("seq_length: 64", "seq_length: 4096")
                        .replace("../", Path.of("..").toAbsolutePath().normalize() + "/"));
        BowlineException inFile =
                assertThrows(BowlineException.class, () -> PreparedRun.of(RecipeFile.load(recipe, List.of())));

        assertTrue(
                refused.problem()
                        .startsWith("--set dataset.seq_length=513: dataset.seq_length is 513, but the model has 512"),
                refused.problem());
        assertTrue(packed.problem().contains("packed_sequence_size is 1024, but the model has 512"), packed.problem());
        assertTrue(inFile.problem().startsWith(recipe + ":13:15: "), inFile.problem());
        assertTrue(Files.notExists(directory.resolve("run")));
    }

    @Test
    void aTiedHeadCannotBeTrainedWithoutItsEmbeddingNorFrozenWithout() {
        for (String[] contradiction : new String[][] {{"true", "false"}, {"false", "true"}}) {
            BowlineException refused = assertThrows(
                    BowlineException.class,
                    () -> demo.run(
                            "run",
                            "float32",
                            "freeze_config.freeze_embeddings=" + contradiction[0],
                            "freeze_config.freeze_lm_head=" + contradiction[1]));

            assertTrue(
                    refused.problem().startsWith("--set freeze_config.freeze_lm_head=" + contradiction[1]),
                    refused.problem());
            assertTrue(refused.problem().endsWith("they are one parameter"), refused.problem());
        }
    }
}
