package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
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

        assertTrue(refused.problem().startsWith("override checkpoint.checkpoint_dir="), refused.problem());
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
                        .startsWith(
                                "override dataset.seq_length=513: dataset.seq_length is 513, but the model has 512"),
                refused.problem());
        assertTrue(packed.problem().contains("packed_sequence_size is 1024, but the model has 512"), packed.problem());
        assertTrue(inFile.problem().startsWith(recipe + ":13:15: "), inFile.problem());
        assertTrue(Files.notExists(directory.resolve("run")));
    }

    @Test
    void whatARunGoesOnFromIsRefusedWhereItIsNamed() throws IOException {
        Path model = Files.createDirectory(directory.resolve("no-run"));

        BowlineException none = assertThrows(
                BowlineException.class, () -> demo.run("run", "float32", "checkpoint.restore_from=LATEST"));
        BowlineException other = assertThrows(
                BowlineException.class, () -> demo.run("run", "float32", "checkpoint.restore_from=" + model));

        assertTrue(none.problem().startsWith("override checkpoint.restore_from=LATEST: "), none.problem());
        assertTrue(
                other.problem().endsWith("no-run is not a training checkpoint: it has no training_state.json"),
                other.problem());
        assertTrue(other.problem().startsWith("override checkpoint.restore_from="), other.problem());
    }

    @Test
    void aColumnThatTheFirstRowDoesNotHaveIsRefusedWhereItIsNamed() throws IOException {
        String mapping = "dataset.column_mapping={question: ask, answer: reply}";
        Path wrong = Files.writeString(directory.resolve("wrong.jsonl"), "{\"q\": \"a\", \"r\": \"b\"}\n");
        Path later = Files.writeString(
                directory.resolve("later.jsonl"), "{\"ask\": \"a\", \"reply\": \"b\"}\n{\"ask\": \"a\"}\n");

        BowlineException first = assertThrows(
                BowlineException.class, () -> demo.run("run", "float32", mapping, "dataset.path=" + wrong));
        BowlineException second = assertThrows(
                BowlineException.class, () -> demo.run("run", "float32", mapping, "dataset.path=" + later));

        assertTrue(first.problem().startsWith("override " + mapping + ": "), first.problem());
        assertTrue(
                first.problem()
                        .endsWith("wrong.jsonl:1:1: the row has no field 'ask' (column_mapping.question);"
                                + " it has 'q', 'r'"),
                first.problem());
        assertTrue(second.problem().startsWith(later + ":2:1: the row has no field 'reply'"), second.problem());
    }

    @Test
    void aModelOfFewPositionsIsTrainedWithoutASequenceLength() throws IOException {
        Path recipe = Files.writeString(
                directory.resolve("short.yaml"), """
                model: {pretrained_model_name_or_path: %1$s/model}
                dataset: {path: %1$s/train.jsonl}
                step_scheduler: {global_batch_size: 8, num_epochs: 1}
                optimizer: {lr: 1e-5}
                """.formatted(Path.of("..", "cli", "src", "main", "resources", "demo")
                        .toAbsolutePath()
                        .normalize()));

        PreparedRun run = PreparedRun.of(RecipeFile.load(recipe, List.of()));

        assertEquals(512, run.recipe().dataset().seqLength());
    }

    @Test
    void aLogThatCannotBeWrittenIsToldAnotherPlaceFirst() throws IOException {
        Files.createDirectories(directory.resolve("training.jsonl"));
        MetricsLog log = new MetricsLog(directory);

        BowlineException refused = assertThrows(BowlineException.class, () -> log.goOnAfter(1));

        assertTrue(refused.fix().startsWith("point checkpoint.checkpoint_dir at a directory"), refused.fix());
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
                    refused.problem().startsWith("override freeze_config.freeze_lm_head=" + contradiction[1]),
                    refused.problem());
            assertTrue(refused.problem().endsWith("they are one parameter"), refused.problem());
        }
    }
}
