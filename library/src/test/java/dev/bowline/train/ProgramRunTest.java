package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.data.Dataset;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.Recipe;
import dev.bowline.recipe.RecipeBuilder;
import dev.bowline.recipe.RecipeException;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.text.Conversation;
import dev.bowline.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A program that makes its recipe and its examples itself trains as a recipe file with a data file does.
class ProgramRunTest {

    private static final Path DEMO = Path.of("..", "cli", "src", "main", "resources", "demo")
            .toAbsolutePath()
            .normalize();
    private static final Path MODEL = DEMO.resolve("model");

    @TempDir
    private Path directory = Path.of("");

    /// Hears of the losses, and of nothing else.
    private static final class Losses implements RunListener {
        private final List<Double> losses = new ArrayList<>();

        @Override
        public void stepTaken(StepResult step, long lastStep) {
            losses.add(step.loss());
        }
    }

    private static RecipeBuilder sized(RecipeBuilder builder) {
        return builder.learningRate(1e-3)
                .globalBatchSize(4)
                .localBatchSize(2)
                .maxSteps(2)
                .seqLength(64);
    }

    private record Trained(List<Double> losses, Path weights) {}

    private static Trained trained(FineTuningRun run) {
        Losses heard = new Losses();
        try (run) {
            RunReport report = run.run(heard);
            return new Trained(heard.losses, report.checkpoint().orElseThrow().resolve("model.safetensors"));
        }
    }

    @Test
    void theRecipeIsThatOfAFileWithTheSameKeys() throws IOException {
        Path file = Files.writeString(directory.resolve("recipe.yaml"), """
                model: {pretrained_model_name_or_path: "%s"}
                dataset: {path: "%s", seq_length: 64}
                step_scheduler: {global_batch_size: 4, local_batch_size: 2, max_steps: 2}
                optimizer: {lr: 1e-3, betas: [0.9, 0.95]}
                checkpoint: {checkpoint_dir: "%s"}
                """.formatted(
                        MODEL, DEMO.resolve("train.jsonl"), directory.resolve("run")));

        Recipe read = RecipeFile.load(file, List.of()).recipe();
        Recipe made = sized(RecipeBuilder.of(MODEL, DEMO.resolve("train.jsonl"), directory.resolve("run")))
                .set("optimizer.betas", "[0.9, 0.95]")
                .build();

        assertEquals(
                read.toString().replace(read.source().toString(), ""),
                made.toString().replace(made.source().toString(), ""));
    }

    @Test
    void aWrongKeyIsNamedForAProgram() {
        RecipeException wrong = assertThrows(
                RecipeException.class,
                () -> sized(RecipeBuilder.of(MODEL, directory.resolve("run")))
                        .set("optimizer.learning_rate", "1")
                        .set("step_scheduler.max_steps", "many")
                        .build());

        String message = String.valueOf(wrong.getMessage());
        assertTrue(message.contains("learning_rate"), message);
        assertTrue(message.contains("step_scheduler.max_steps"), message);
        assertFalse(message.contains("--set"), message);
    }

    @Test
    void conversationsOfAProgramTrainAsThoseOfAFile() throws IOException {
        List<String> lines = Files.readAllLines(DEMO.resolve("train.jsonl")).subList(0, 8);
        Path data = Files.write(directory.resolve("train.jsonl"), lines);
        List<Conversation> conversations = lines.stream()
                .map(line -> Json.parse(line, "a line").asObject().requireArray("messages"))
                .map(messages -> Conversation.of(messages.objects()))
                .toList();
        Recipe ofFile =
                sized(RecipeBuilder.of(MODEL, data, directory.resolve("file"))).build();
        Recipe ofProgram =
                sized(RecipeBuilder.of(MODEL, directory.resolve("program"))).build();
        Dataset dataset;
        try (Tokenizer tokenizer = Tokenizer.open(MODEL)) {
            dataset = Dataset.of(conversations, tokenizer, 64);
        }

        Trained expected = trained(FineTuningRun.open(ofFile));
        Trained trained = trained(FineTuningRun.open(ofProgram, dataset));

        assertEquals(2, trained.losses().size());
        assertEquals(expected.losses(), trained.losses());
        assertEquals(-1, Files.mismatch(expected.weights(), trained.weights()));
    }

    @Test
    void aConversationThatCannotBeTrainedOnIsNamedByItsNumber() {
        JsonObject question = Conversation.message("user", "Hello?");
        Conversation whole = Conversation.of(List.of(question, Conversation.message("assistant", "Hi.")));
        try (Tokenizer tokenizer = Tokenizer.open(MODEL)) {
            BowlineException wrong = assertThrows(
                    BowlineException.class,
                    () -> Dataset.of(List.of(whole, Conversation.of(List.of(question))), tokenizer, 64));
            BowlineException none = assertThrows(BowlineException.class, () -> Dataset.of(List.of(), tokenizer, 64));

            assertTrue(wrong.problem().contains("conversation 2"), wrong.problem());
            assertTrue(none.problem().contains("the list of conversations has no"), none.problem());
        }
    }
}
