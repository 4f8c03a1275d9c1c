package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.audit.TieAudit;
import dev.bowline.catalog.AutoModel;
import dev.bowline.catalog.Pretrained;
import dev.bowline.generate.GenerationSettings;
import dev.bowline.generate.TextGeneration;
import dev.bowline.json.Json;
import dev.bowline.json.JsonArray;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.model.TiedWeights;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A tokenizer may have more ids than the model has rows, as the one of all Gemma 3 models has: only a text that
/// uses such an id is refused, by the token's name and its line.
class TokensWithoutRowsTest {

    private static final Path DEMO = Path.of("..", "cli", "src", "main", "resources", "demo");

    /// As many rows as the demo's model has.
    private static final int ROWS = 1024;

    private final Path directory;
    private final DemoRuns runs;
    private final Path model;

    TokensWithoutRowsTest(@TempDir Path directory) throws IOException {
        this.directory = directory;
        runs = new DemoRuns(directory);
        model = demoWith(directory, "<image_soft_token>");
    }

    /// The padding token is the one without a row, so that padded positions are tried too.
    @Test
    void trainingIsWhatItIsWithoutTheTokens() throws IOException {
        runs.run("usual", "float32", "step_scheduler.max_steps=1");

        runs.run("more", "float32", "step_scheduler.max_steps=1", "model.pretrained_model_name_or_path=" + model);

        assertEquals(runs.losses("usual"), runs.losses("more"));
    }

    @Test
    void anExampleThatUsesOneIsRefusedAtItsLine() throws IOException {
        Path data = Files.writeString(directory.resolve("data.jsonl"), """
                {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
                {"messages": [{"role": "user", "content": "<image_soft_token>"}, {"role": "assistant", "content": "b"}]}
                """);
        List<String> sets = List.of("model.pretrained_model_name_or_path=" + model, "dataset.path=" + data);

        BowlineException trained =
                assertThrows(BowlineException.class, () -> PreparedRun.of(RecipeFile.load(DemoRuns.RECIPE, sets)));
        BowlineException explained =
                assertThrows(BowlineException.class, () -> RecipePreview.of(RecipeFile.load(DemoRuns.RECIPE, sets)));

        assertEquals(
                data + ":2: the text has the token '<image_soft_token>' with id 1024, and the model's embedding has"
                        + " 1024 rows",
                trained.problem());
        assertEquals(trained.problem(), explained.problem());
    }

    @Test
    void aResizeGivesThemRowsThatAreTrainedAndSaved() throws IOException {
        Path data = Files.writeString(directory.resolve("data.jsonl"), """
                {"messages": [{"role": "user", "content": "<image_soft_token>"}, {"role": "assistant", "content": "b"}]}
                """.repeat(4));
        List<String> sets = List.of(
                "step_scheduler.max_steps=2",
                "model.pretrained_model_name_or_path=" + model,
                "model.resize_token_embeddings=" + (ROWS + 1),
                "dataset.path=" + data);

        Path saved = runs.run("resized", "float32", sets.toArray(String[]::new))
                .checkpoint()
                .orElseThrow();

        try (Pretrained pretrained = AutoModel.fromPretrained(saved)) {
            assertEquals(ROWS + 1, pretrained.model().vocabularySize());
            assertTrue(TiedWeights.hasLocalTiedLmHead(pretrained.model()));
            assertTrue(TieAudit.of(saved).findings().isEmpty());
        }
    }

    @Test
    void aPromptThatUsesOneIsRefusedAndAnotherIsAnswered() {
        try (Tokenizer tokenizer = Tokenizer.open(model);
                Pretrained pretrained = AutoModel.fromPretrained(model);
                TextGeneration generation = new TextGeneration(pretrained.model(), tokenizer)) {
            GenerationSettings settings = GenerationSettings.greedy(1);

            BowlineException refused = assertThrows(
                    BowlineException.class, () -> generation.complete("a <image_soft_token>", settings, _ -> {}));

            assertTrue(refused.problem().startsWith("the prompt: "), refused.problem());
            assertTrue(refused.problem().contains("'<image_soft_token>' with id 1024"), refused.problem());
            assertEquals(
                    1,
                    generation
                            .complete("a", settings, _ -> {})
                            .continuation()
                            .tokens()
                            .size());
        }
    }

    /// The demo's model with a padding token that has the first id beyond its rows.
    static Path demoWith(Path directory, String token) throws IOException {
        Path copy = Files.createDirectory(directory.resolve("model"));
        try (Stream<Path> files = Files.list(DEMO.resolve("model"))) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()));
            }
        }
        Path tokenizer = copy.resolve("tokenizer.json");
        JsonObject json = Json.parse(tokenizer).asObject();
        List<JsonValue> added =
                new ArrayList<>(json.requireArray("added_tokens").values());
        added.add(added.getFirst().asObject().with("id", ROWS).with("content", token));
        Files.writeString(tokenizer, Json.pretty(json.with("added_tokens", new JsonArray(added, json.location()))));
        Path config = copy.resolve("tokenizer_config.json");
        Files.writeString(config, Json.pretty(Json.parse(config).asObject().with("pad_token", token)));
        return copy;
    }
}
