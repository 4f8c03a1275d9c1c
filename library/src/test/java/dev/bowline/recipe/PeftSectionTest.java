package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.AdapterFiles;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.json.Json;
import dev.bowline.json.JsonNull;
import dev.bowline.quantization.Quantization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The section `peft` is PEFT's LoraConfig, under AutoModel's names and under PEFT's.
class PeftSectionTest {

    private static final String RECIPE = RecipeFolder.SHORTEST + "peft:\n";

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    @Test
    void aRecipeWithoutTheSectionTrainsTheWeights() {
        assertEquals(
                Optional.empty(), folder.load(RecipeFolder.SHORTEST).recipe().peft());
    }

    @Test
    void theDefaultsArePefts() {
        assertEquals(
                LoraConfig.of(8, 8, new ModulePatterns.AllLinear()),
                folder.load(RecipeFolder.SHORTEST + "peft: {}\n")
                        .recipe()
                        .peft()
                        .orElseThrow()
                        .lora());
    }

    @Test
    void everyDefaultSaysWhoseItIs() {
        List<EffectiveSettings.Setting> settings =
                folder.load(RECIPE + "  r: 4\n").settings().settings();

        assertEquals(
                Map.of(
                        "peft.dim", "4: recipe.yaml:11:6",
                        "peft.alpha", "8: default: as PEFT; AutoModel has 32",
                        "peft.dropout_position", "pre: default: as PEFT; AutoModel has post"),
                settings.stream()
                        .filter(setting -> setting.key().matches("peft\\.(dim|alpha|dropout_position)"))
                        .collect(Collectors.toMap(
                                EffectiveSettings.Setting::key,
                                setting -> setting.value().orElseThrow() + ": "
                                        + setting.origin().toString().replace(folder.path("") + "/", ""))));
    }

    @Test
    void theSpellingsOfPeftAreTheSameKeys() {
        LoraConfig theirs = lora("""
                  r: 4
                  lora_alpha: 16
                  lora_dropout: 0.25
                  init_lora_weights: gaussian
                  ensure_weight_tying: true
                  target_modules: [q_proj, v_proj]
                  trainable_token_indices: [3, 1]
                """);

        assertEquals(theirs, lora("""
                  dim: 4
                  alpha: 16
                  dropout: 0.25
                  lora_A_init: gaussian
                  tie_mode: shared
                  target_modules: [q_proj, v_proj]
                  trainable_token_indices: {embed_tokens: [3, 1]}
                """));
        assertEquals(LoraConfig.TieMode.SHARED, theirs.tieMode());
        assertEquals(
                LoraConfig.LoraAInit.KAIMING,
                lora("  init_lora_weights: true\n").loraAInit());
        assertEquals(
                LoraConfig.LoraAInit.KAIMING, lora("  lora_A_init: uniform\n").loraAInit());
    }

    @Test
    void aFileOfPeftIsASection() throws IOException {
        List<Path> adapters;
        try (Stream<Path> found = Files.walk(Path.of("src/test/resources/fixtures/adapters"))) {
            adapters = found.filter(path -> path.endsWith("adapter_config.json"))
                    .filter(path -> Files.exists(path.resolveSibling("adapter_model.safetensors")))
                    .filter(path -> Json.parse(path)
                            .asObject()
                            .get("layers_to_transform")
                            .filter(layers -> !(layers instanceof JsonNull))
                            .isEmpty())
                    .toList();
        }

        assertTrue(adapters.size() > 20, adapters::toString);
        for (Path adapter : adapters) {
            try (AdapterFiles files = AdapterFiles.open(adapter.resolveSibling(""))) {
                assertEquals(
                        files.config(),
                        folder.load(RecipeFolder.SHORTEST + "peft: " + Json.compact(files.json()) + "\n")
                                .recipe()
                                .peft()
                                .orElseThrow()
                                .lora(),
                        adapter.toString());
            }
        }
    }

    @Test
    void aTextIsARegularExpressionIfItLooksLikeOne() {
        assertEquals(new ModulePatterns.Named(List.of("*_proj")), targets("'*_proj'"));
        assertEquals(new ModulePatterns.Named(List.of("q_proj")), targets("q_proj"));
        assertEquals(new ModulePatterns.Named(List.of("model.layers.0.*")), targets("model.layers.0.*"));
        assertEquals(new ModulePatterns.Regex(".*\\.(q|v)_proj"), targets("'.*\\.(q|v)_proj'"));
        assertEquals(new ModulePatterns.Regex(".*_proj"), targets("'.*_proj'"));
        assertEquals(new ModulePatterns.AllLinear(), targets("all-linear"));
        assertEquals(new ModulePatterns.AllLinear(), targets("['*']"));
    }

    @Test
    void expertsAloneAreATarget() {
        assertEquals(
                ModulePatterns.NONE,
                lora("  target_parameters: [mlp.experts.down_proj]\n").targetModules());
    }

    @Test
    void twoSpellingsMayAgree() {
        assertEquals(4, lora("  dim: 4\n  r: 4\n").r());
        assertEquals(
                LoraConfig.TieMode.SHARED,
                lora("  tie_mode: shared\n  ensure_weight_tying: true\n").tieMode());
        assertEquals(
                LoraConfig.TieMode.UNTIE,
                lora("  tie_mode: untie\n  ensure_weight_tying: false\n").tieMode());
        assertEquals(
                new ModulePatterns.AllLinear(),
                lora("  match_all_linear: true\n  target_modules: all-linear\n").targetModules());
    }

    @Test
    void twoSpellingsThatDifferNameBothLines() {
        assertProblem(
                "  dim: 4\n  r: 8\n",
                "12:3: peft.dim is given twice with different values, as dim and as r;"
                        + " the first is 4 at 11:8 | keep dim");
        assertProblem(
                "  init_lora_weights: true\n  lora_A_init: xavier\n",
                "12:3: peft.lora_A_init is given twice with different values, as lora_A_init and as init_lora_weights;"
                        + " the first is kaiming at 11:22 | keep lora_A_init");
        assertProblem(
                "  tie_mode: untie\n  ensure_weight_tying: true\n",
                "12:24: peft.ensure_weight_tying: true contradicts tie_mode: untie at 11:13"
                        + " | remove one of the two");
        assertProblem(
                "  target_modules: [q_proj]\n  match_all_linear: true\n",
                "11:19: peft.target_modules: [q_proj] contradicts match_all_linear: true at 12:21"
                        + " | remove one of the two");
    }

    @Test
    void valuesOutOfRangeAreRefused() {
        assertProblem(
                "  r: 0\n", "11:6: peft.dim: expected an integer of at least 1, found the number 0 | write 1 or more");
        assertProblem(
                "  alpha: 0\n",
                "11:10: peft.alpha: expected a number above 0, found the number 0"
                        + " | write a number above 0, such as 16");
        assertProblem(
                "  dropout: 1.0\n",
                "11:12: peft.dropout: expected a number of at least 0 and below 1, found the number 1.0"
                        + " | write a number of at least 0 and below 1, such as 0.05");
        assertProblem(
                "  lora_A_init: pissa\n",
                "11:16: peft.lora_A_init: expected one of kaiming, uniform, true, xavier, gaussian, found the text"
                        + " 'pissa' | write true, gaussian, xavier or uniform; Bowline makes no initial values from"
                        + " the weights or from data");
        assertProblem(
                "  lora_A_init: xaver\n",
                "11:16: peft.lora_A_init: expected one of kaiming, uniform, true, xavier, gaussian, found the"
                        + " text 'xaver' | did you mean 'xavier'?");
        assertProblem(
                "  rank_pattern: {down_proj: 0}\n",
                "11:29: peft.rank_pattern.down_proj: expected an integer of at least 1, found the number 0"
                        + " | write 1 or more");
        assertProblem(
                "  trainable_token_indices: [4, 4]\n",
                "11:32: peft.trainable_token_indices[1]: expected an integer of at least 0, found the number 4"
                        + " | remove the second 4");
    }

    @Test
    void patternsThatCannotBeReadAreRefused() {
        assertProblem(
                "  target_modules: '.*(q'\n",
                "11:19: peft.target_modules: expected all-linear, a list of names, or a regular expression, found the"
                        + " text '.*(q' | correct the regular expression: Unclosed group at index 4");
        assertProblem(
                "  target_modules: [q_proj, '.*_proj']\n",
                "11:28: peft.target_modules[1]: expected a name, found the text '.*_proj' | use * for any characters of"
                        + " the full name, or write one regular expression as a text and not as a list");
        assertProblem(
                "  rank_pattern: {'(a': 4}\n",
                "11:18: peft.rank_pattern: expected a regular expression, found the text '(a'"
                        + " | correct the regular expression: Unclosed group at index 2");
        assertProblem(
                "  target_modules: [all-linear, lm_head]\n",
                "11:19: peft.target_modules: expected all-linear, a list of names, or a regular expression, found a"
                        + " list of 2 | write all-linear alone; it has every linear");
    }

    @Test
    void aSectionThatTrainsNothingIsRefused() {
        assertProblem(
                "  target_modules: []\n",
                "11:19: peft: target_modules is empty, so nothing is trained | write target_modules: all-linear, or"
                        + " remove the section to train the weights");
    }

    @Test
    void expertsTakeNeitherDoraNorDropout() {
        String experts = "  target_parameters: [mlp.experts.down_proj]\n";

        assertTrue(folder.problem(RECIPE + experts + "  use_dora: true\n")
                .startsWith("12:13: peft.use_dora: DoRA of experts is not supported"));
        assertTrue(folder.problem(RECIPE + experts + "  lora_dropout: 0.1\n")
                .startsWith("12:17: peft.dropout: dropout of experts is not supported"));
    }

    @Test
    void theEmbeddingUnderAnAdapterIsResized() {
        String resized = RECIPE.replace("_path: model\n", "_path: model\n  resize_token_embeddings: 40\n");

        assertEquals(
                Optional.of(40),
                folder.load(resized + "  modules_to_save: [embed_tokens]\n  tie_mode: shared\n")
                        .recipe()
                        .model()
                        .resizeTokenEmbeddings());
    }

    @Test
    void theWeightsUnderAnAdapterAreFrozen() {
        assertEquals(
                new FreezeConfig(true, true, true, false, true, true, true, Optional.of(true)),
                folder.load(RECIPE + "  dim: 8\n").recipe().freezeConfig());
        assertEquals(
                "11:18: freeze_config.freeze_router has no effect with peft, which trains an adapter and freezes the"
                        + " weights | remove one of the two",
                folder.problem(RecipeFolder.SHORTEST + "freeze_config:\n  freeze_router: false\npeft: {}\n"));
        assertEquals(
                List.of("peft freezes the weights"),
                folder
                        .load(RecipeFolder.SHORTEST
                                + "freeze_config:\n  freeze_router: false\npeft: {_target_: peft.LoraConfig}\n")
                        .notes()
                        .stream()
                        .filter(note -> note.key().equals("freeze_config.freeze_router"))
                        .map(note -> note.text().substring(note.text().indexOf(": ") + 2))
                        .toList());
    }

    @Test
    void theQuantizationIsOfAFrozenBase() {
        String quantized = RECIPE.replace("_path: model\n", "_path: model\n  quantization: nf4\n");

        assertEquals(
                Optional.of(Quantization.NF4),
                folder.load(quantized + "  dim: 8\n").recipe().model().quantization());
        assertEquals(
                "3:17: model.quantization is nf4, and quantised weights are not trained | add a section peft, which"
                        + " trains an adapter, or remove it",
                folder.problem(quantized.replace("peft:\n", "")));
    }

    private LoraConfig lora(String keys) {
        return folder.load(RECIPE + keys).recipe().peft().orElseThrow().lora();
    }

    private ModulePatterns targets(String yaml) {
        return lora("  target_modules: " + yaml + "\n").targetModules();
    }

    private void assertProblem(String keys, String expected) {
        assertEquals(expected, folder.problem(RECIPE + keys));
    }
}
