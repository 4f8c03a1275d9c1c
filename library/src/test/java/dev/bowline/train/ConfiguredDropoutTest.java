package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.catalog.AutoModel;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.model.LanguageModel;
import dev.bowline.model.decoder.FamilyFixtures;
import dev.bowline.nn.Sequences;
import dev.bowline.recipe.RecipeFile;
import dev.bowline.tensor.Dtype;
import dev.bowline.tensor.HostTensors;
import dev.bowline.tensor.TensorScope;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A config.json with a dropout computes as without it, but is trained only by a recipe that says to leave the dropout
/// out: transformers would apply it in training.
class ConfiguredDropoutTest {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource({"llama/tied, attention_dropout", "phi3/longrope_su, resid_pdrop"})
    void inferenceIsTheSame(String variant, String key) {
        JsonObject config = FamilyFixtures.config(variant);

        assertArrayEquals(logits(config), logits(config.with(key, 0.25)));
    }

    @Test
    void trainingIsRefusedUntilTheRecipeLeavesItOut() throws IOException {
        Path recipe = recipe();

        BowlineException refused =
                assertThrows(BowlineException.class, () -> RecipeMemory.of(RecipeFile.load(recipe, List.of())));
        BowlineException another = assertThrows(
                BowlineException.class, () -> RecipeFile.load(recipe, List.of("model.attention_dropout=0.1")));

        assertTrue(
                refused.problem()
                        .endsWith("config.json asks for attention_dropout 0.25, and Bowline trains without dropout"),
                refused.problem());
        assertEquals("set model.attention_dropout to 0.0 in the recipe to train without it", refused.fix());
        assertTrue(another.problem().contains("a number that is 0"), another.problem());
        assertTrue(RecipeMemory.of(RecipeFile.load(recipe, List.of("model.attention_dropout=0.0")))
                        .estimate()
                        .total()
                > 0);
    }

    /// The demo's, for its model with a dropout.
    private Path recipe() throws IOException {
        Path demo = Path.of("..", "cli", "src", "main", "resources", "demo")
                .toAbsolutePath()
                .normalize();
        Path model = Files.createDirectory(directory.resolve("model"));
        for (String name : List.of("model.safetensors", "tokenizer.json", "tokenizer_config.json")) {
            Files.createSymbolicLink(model.resolve(name), demo.resolve("model").resolve(name));
        }
        JsonObject config =
                Json.parse(demo.resolve("model").resolve("config.json")).asObject();
        JsonObject text = config.requireObject("text_config").with("attention_dropout", 0.25);
        Files.writeString(model.resolve("config.json"), Json.pretty(config.with("text_config", text)));
        return Files.writeString(directory.resolve("recipe.yaml"), """
                model: {pretrained_model_name_or_path: model}
                dataset: {path: %s/train.jsonl}
                step_scheduler: {global_batch_size: 8, num_epochs: 1}
                optimizer: {lr: 1e-5}
                """.formatted(demo));
    }

    private static float[] logits(JsonObject config) {
        try (LanguageModel model = AutoModel.fromConfig(config);
                var _ = TensorScope.open()) {
            model.initializeWeights(Dtype.FLOAT32, 3);
            return HostTensors.bytes(
                            model.logits(HostTensors.of(new long[] {5, 9, 11, 3}, 1, 4), Sequences.causal(1, 4)))
                    .toArray(ValueLayout.JAVA_FLOAT);
        }
    }
}
