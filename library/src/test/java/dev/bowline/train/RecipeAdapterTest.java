package dev.bowline.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.AdapterSummary;
import dev.bowline.json.Json;
import dev.bowline.json.JsonObject;
import dev.bowline.recipe.RecipeException;
import dev.bowline.recipe.RecipeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The section `peft` of a recipe names the modules that PEFT adapts with the same settings, and a setting that does
/// not
/// fit the model is an error at its position.
class RecipeAdapterTest {

    private static final Path FIXTURES = Path.of("src/test/resources/fixtures");

    @TempDir
    private Path temporary;

    /// `tools/measure_adapter_sizes.py` asked PEFT.
    @Test
    void asManyValuesAreTrainedAsPeftTrains() {
        List<JsonObject> cases = Json.parse(FIXTURES.resolve("adapter_sizes.json"))
                .asObject()
                .requireArray("cases")
                .objects();

        assertFalse(cases.isEmpty());
        for (JsonObject measured : cases) {
            String peft = Json.compact(measured.requireObject("peft"));
            AdapterSummary summary = RecipeAdapter.of(recipe(measured.requireString("fixture"), "peft: " + peft))
                    .orElseThrow();

            assertEquals(measured.requireLong("trained"), summary.trainedValues(), peft);
            assertEquals(measured.requireLong("all"), summary.allValues(), peft);
        }
    }

    @Test
    void modulesOfOneKindAreTogether() {
        AdapterSummary summary = RecipeAdapter.of(
                        recipe("families/llama/tied", "peft: {r: 2, target_modules: [q_proj, down_proj]}"))
                .orElseThrow();

        assertEquals(
                List.of("model.layers.*.self_attn.q_proj", "model.layers.*.mlp.down_proj"),
                summary.kinds().stream().map(AdapterSummary.Kind::pattern).toList());
        assertEquals(6, summary.modules());
    }

    @Test
    void aRecipeWithoutTheSectionHasNoAdapter() {
        assertEquals(Optional.empty(), RecipeAdapter.of(recipe("families/llama/tied", "seed: 1")));
    }

    @Test
    void aSettingThatDoesNotFitTheModelIsAnErrorAtItsPosition() {
        assertProblem(
                "peft: {target_modules: [qproj]}",
                "8:24: peft: target_modules has 'qproj', which names nothing in the model (nearest: 'q_proj',"
                        + " 'k_proj', 'o_proj')");
        assertProblem(
                "peft: {exclude_modules: [o_prj]}",
                "8:25: peft: exclude_modules has 'o_prj', which names nothing in the model (nearest: 'o_proj', 'k_proj',"
                        + " 'q_proj')");
        assertProblem(
                "peft: {rank_pattern: {x: 4}}", "8:22: peft: rank_pattern has 'x', which names nothing in the model");
        assertProblem(
                "peft: {target_parameters: [mlp.experts.down_proj]}",
                "8:27: peft: target_parameters has 'mlp.experts.down_proj', which names nothing in the model");
        assertProblem(
                "peft: {exclude_modules: ['*_proj']}",
                "8:25: peft: the adapter changes no module: all that it names are excluded");
        assertProblem(
                "peft: {modules_to_save: [lm_hed]}",
                "8:25: peft: modules_to_save has 'lm_hed', which names nothing in the model (nearest: 'lm_head')");
        assertProblem(
                "peft: {modules_to_save: [lm_head]}",
                "8:25: peft: modules_to_save has 'lm_head', which is tied to 'model.embed_tokens': a change of one is"
                        + " either a change of both or the end of the tie");
        assertProblem(
                "peft: {trainable_token_indices: [1000]}",
                "8:33: peft: trainable_token_indices has 1000, and 'model.embed_tokens' has 96 rows");
    }

    /// `explain` shows the preview, and `finetune` runs.
    @Test
    void aRunRefusesTheSettingAsItsPreviewDoes() throws IOException {
        Path moe = withTokenizer("families/qwen3moe/normalised");
        assertRunRefuses(moe, "peft: {lora_dropout: 0.1}", "8:22: peft: 'model.layers.0.mlp.experts.gate_up_proj'");
        assertRunRefuses(moe, "peft: {use_dora: true}", "8:18: peft: 'model.layers.0.mlp.experts.gate_up_proj'");
        assertRunRefuses(
                moe,
                "peft: {modules_to_save: [k_proj], target_modules: [q_proj]}",
                "8:25: peft: modules_to_save names 'model.layers.0.self_attn.k_proj', which is quantised",
                "model.quantization=nf4");
    }

    private void assertRunRefuses(Path base, String peft, String expected, String... sets) {
        RecipeFile file = recipe(base, peft, sets);

        RecipeException preview = assertThrows(RecipeException.class, () -> RecipeAdapter.of(file));
        RecipeException run = assertThrows(RecipeException.class, () -> PreparedRun.of(file));

        assertEquals(preview.problems(), run.problems());
        String headline = run.problems().getFirst().headline();
        assertTrue(headline.contains("recipe.yaml:" + expected), headline);
    }

    private Path withTokenizer(String fixture) throws IOException {
        Path base = Files.createDirectories(temporary.resolve("base"));
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(FIXTURES.resolve(fixture).resolve(name), base.resolve(name));
        }
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(FIXTURES.resolve("tokenizers/byte_level").resolve(name), base.resolve(name));
        }
        return base;
    }

    private void assertProblem(String peft, String expected) {
        RecipeFile file = recipe("families/llama/tied", peft);

        RecipeException refused = assertThrows(RecipeException.class, () -> RecipeAdapter.of(file));

        assertEquals(
                expected,
                refused.problems().getFirst().headline().replace(file.recipe().source() + ":", ""));
    }

    private RecipeFile recipe(String fixture, String peft) {
        return recipe(FIXTURES.resolve(fixture).toAbsolutePath(), peft);
    }

    private RecipeFile recipe(Path base, String peft, String... sets) {
        try {
            Path data = Files.writeString(temporary.resolve("train.jsonl"), "{}\n");
            Path recipe = Files.writeString(temporary.resolve("recipe.yaml"), """
                    model:
                      pretrained_model_name_or_path: %s
                    dataset:
                      path: %s
                    step_scheduler: {global_batch_size: 1, max_steps: 1}
                    optimizer:
                      lr: 1e-4
                    %s
                    """.formatted(base, data, peft));
            return RecipeFile.load(recipe, List.of(sets));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
