package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every setting there is can be seen with its value and its origin, and what is seen is what was read.
class EffectiveSettingsTest {

    /// Values to draw from; some draws contradict each other and are refused.
    private static final Map<String, List<String>> CHOICES = Map.ofEntries(
            Map.entry("seed", List.of("0", "9223372036854775807")),
            Map.entry("model.torch_dtype", List.of("fp32", "bf16", "auto")),
            Map.entry("model.device", List.of("cpu", "cuda:1", "auto")),
            Map.entry(
                    "dataset.format",
                    List.of(
                            "messages",
                            "sharegpt",
                            "columns",
                            "squad",
                            "hellaswag",
                            "xlam",
                            "prompt_completion",
                            "text")),
            Map.entry(
                    "dataset.column_mapping",
                    List.of(
                            "{question: 'q: é \\\"', answer: \"null\"}",
                            "{context: '1', question: a b, answer: '#c'}")),
            Map.entry("dataset.truncation", List.of("error", "skip", "cut_start", "cut_end")),
            Map.entry("dataset.seq_length", List.of("16", "4096")),
            Map.entry("dataset.mask_history", List.of("true", "false")),
            Map.entry("packed_sequence.packed_sequence_size", List.of("0", "1024", "8192")),
            Map.entry("step_scheduler.num_epochs", List.of("1", "null")),
            Map.entry("step_scheduler.val_every_steps", List.of("3", "null")),
            Map.entry("optimizer.lr", List.of("3e-4", "0.1", "1.2345678901234567e-7", "12345678")),
            Map.entry("optimizer.betas", List.of("[0, 0.5]", "[0.9, 0.99999999]")),
            Map.entry("lr_scheduler.lr_decay_style", List.of("linear", "constant")),
            Map.entry("lr_scheduler.min_lr", List.of("0", "1e-9")),
            Map.entry("clip_grad_norm.max_norm", List.of("null", "0.3", "1e10")),
            Map.entry("checkpoint.max_shard_size", List.of("1.5GiB", "1234567", "20KB", "7TB")),
            Map.entry("checkpoint.restore_from", List.of("LATEST", "auto", "null")),
            Map.entry("checkpoint.last", List.of("full", "weights_only")),
            Map.entry("loss.full_logits", List.of("true", "false")),
            Map.entry("freeze_config.freeze_norms", List.of("true", "false")));

    /// Likewise, for a recipe with an adapter.
    private static final Map<String, List<String>> ADAPTER_CHOICES = Map.of(
            "peft.r", List.of("1", "64"),
            "peft.lora_alpha", List.of("0.5", "16"),
            "peft.target_modules",
                    List.of("all-linear", "'*_proj'", "[q_proj, '*.1.*']", "'.*\\.(q|v)_proj'", "'a b: \"c\" \\d+'"),
            "peft.exclude_modules", List.of("null", "[lm_head]", "'.*0.*'"),
            "peft.rank_pattern", List.of("{'.*\\.down_proj': 4, '(q|k)_proj': 2}", "{'a: \"b\"': 1}"),
            "peft.alpha_pattern", List.of("{down_proj: 1e-3}"),
            "peft.trainable_token_indices", List.of("[9, 4]", "{embed_tokens: [4], 'x.y': [1, 2]}"),
            "peft.init_lora_weights", List.of("true", "gaussian"),
            "peft.ensure_weight_tying", List.of("true", "false"),
            "peft.tie_mode", List.of("shared", "untie", "null"));

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    @Test
    void everyKeyOfTheSchemaIsShownWhetherItIsGivenOrNot() {
        List<String> schema = RecipeSchema.RECIPE.keys().stream().map(Key::path).toList();

        for (String yaml : List.of(RecipeFolder.SHORTEST, FullRecipe.YAML)) {
            EffectiveSettings settings = folder.load(yaml).settings();

            assertEquals(
                    schema,
                    settings.settings().stream()
                            .map(EffectiveSettings.Setting::key)
                            .toList());
            // An absent section is one line.
            List<String> lines = schema.stream()
                    .map(key -> yaml.contains("validation_dataset:")
                            ? key
                            : key.replaceAll("^(validation_dataset|peft|distributed|evaluate)\\..*", "$1"))
                    .distinct()
                    .toList();
            assertEquals(
                    lines,
                    settings.rows().stream().map(EffectiveSettings.Setting::key).toList());
        }
    }

    @Test
    void theFullRecipeGivesEveryKeyButTheColumnsOfItsMessages() {
        List<String> notGiven = folder.load(FullRecipe.YAML).settings().settings().stream()
                .filter(setting -> setting.origin() instanceof Origin.Default)
                .map(EffectiveSettings.Setting::key)
                .toList();

        assertEquals(
                List.of(
                        "validation_dataset.column_mapping.context",
                        "validation_dataset.column_mapping.question",
                        "validation_dataset.column_mapping.answer"),
                notGiven);
    }

    @Test
    void anOriginIsThePlaceTheFlagOrTheReason() {
        EffectiveSettings settings =
                folder.load(RecipeFolder.SHORTEST, "seed=7").settings();

        assertEquals(
                new EffectiveSettings.Setting(
                        "optimizer.lr", Optional.of("1e-5"), new Origin.InFile(folder.path("recipe.yaml"), 9, 7)),
                setting(settings, "optimizer.lr"));
        assertEquals(
                new EffectiveSettings.Setting("seed", Optional.of("7"), new Origin.OnFlag("seed=7")),
                setting(settings, "seed"));
        assertEquals(
                new EffectiveSettings.Setting("optimizer.eps", Optional.of("1e-8"), new Origin.Default("as PyTorch")),
                setting(settings, "optimizer.eps"));
        assertEquals(
                new EffectiveSettings.Setting(
                        "validation_dataset.path",
                        Optional.empty(),
                        new Origin.Default("there is no validation_dataset")),
                setting(settings, "validation_dataset.path"));
    }

    @Test
    void theYamlOfTheSettingsIsARecipeWithTheSameRecords() {
        for (String yaml : List.of(RecipeFolder.SHORTEST, FullRecipe.YAML)) {
            assertSurvivesItsOwnYaml(folder.load(yaml));
        }
    }

    @Test
    void theYamlOfAnyRecipeIsARecipeWithTheSameRecords() {
        Random random = new Random(7);
        int loaded = 0;
        long adapters = 0;
        for (int i = 0; i < 300; i++) {
            List<String> sets = new ArrayList<>();
            if (random.nextBoolean()) {
                sets.add("validation_dataset.path=" + folder.path("heldout.jsonl"));
            }
            Map<String, List<String>> choices = new HashMap<>(CHOICES);
            if (random.nextInt(3) == 0) {
                choices.putAll(ADAPTER_CHOICES);
            }
            choices.entrySet().stream()
                    .sorted(Map.Entry.comparingByKey())
                    .filter(_ -> random.nextInt(4) == 0)
                    .map(choice -> choice.getKey() + "="
                            + choice.getValue()
                                    .get(random.nextInt(choice.getValue().size())))
                    .forEach(sets::add);
            Stream<RecipeFile> sound = soundWith(sets);
            List<RecipeFile> files = sound.toList();
            files.forEach(this::assertSurvivesItsOwnYaml);
            loaded += files.size();
            adapters += files.stream()
                    .filter(file -> file.recipe().peft().isPresent())
                    .count();
        }
        assertTrue(adapters > 20, "only " + adapters + " of 300 draws had an adapter");
        assertTrue(loaded > 80, "only " + loaded + " of 300 draws were recipes");
    }

    @Test
    void aKeyThatIsReadAndThatNoRecordTakesIsFoundOut() {
        Diagnostics diagnostics = new Diagnostics();
        YamlValue written = YamlReader.read(SourceText.ofFile(folder.recipe(RecipeFolder.SHORTEST)), diagnostics)
                .orElseThrow();
        RecipeValues values = ValuesReader.read(
                RecipeSchema.RECIPE,
                folder.path("recipe.yaml"),
                new AutoModelRecipe.Translation((YamlValue.Mapping) written, AutoModelDefaults.ofBowline(), Set.of()),
                diagnostics);
        Key<Integer> dead = new Section("model")
                .key("dead", NumberTypes.integerFrom(0), Key.Default.required(), "A key that nothing takes.");
        values.put(dead, 3, new Origin.OnFlag("model.dead=3"));

        IllegalStateException found = assertThrows(IllegalStateException.class, () -> Recipe.of(values));

        assertEquals("declared but not used: [model.dead]", found.getMessage());
    }

    @Test
    void aPathWithAnyCharacterSurvives() {
        Path odd = folder.write("a: b # \"c\" é 日 \\ '.jsonl", "{}\n");
        String yaml = RecipeFolder.SHORTEST.replace("path: train.jsonl", "path: 'a: b # \"c\" é 日 \\ ''.jsonl'");

        RecipeFile file = folder.load(yaml);

        assertEquals(odd, file.recipe().dataset().path());
        assertSurvivesItsOwnYaml(file);
    }

    private Stream<RecipeFile> soundWith(List<String> sets) {
        try {
            return Stream.of(folder.load(RecipeFolder.SHORTEST, sets.toArray(String[]::new)));
        } catch (RecipeException contradictory) {
            return Stream.of();
        }
    }

    private void assertSurvivesItsOwnYaml(RecipeFile file) {
        RecipeFile again = folder.load(file.settings().toYaml());

        assertEquals(file.recipe(), again.recipe());
        assertEquals(values(file), values(again));
    }

    private static List<Optional<String>> values(RecipeFile file) {
        return file.settings().settings().stream()
                .map(EffectiveSettings.Setting::value)
                .toList();
    }

    private static EffectiveSettings.Setting setting(EffectiveSettings settings, String key) {
        return settings.settings().stream()
                .filter(setting -> setting.key().equals(key))
                .findFirst()
                .orElseThrow();
    }
}
