package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.BowlineException;
import dev.bowline.Fix;
import dev.bowline.Remedy;
import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.data.ExampleFormat;
import dev.bowline.data.Truncation;
import dev.bowline.evaluate.EvaluationMetric;
import dev.bowline.json.JsonObject;
import dev.bowline.json.JsonValue;
import dev.bowline.nn.ActivationCheckpointing;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.Hyperparameters;
import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.Schedule;
import dev.bowline.optim.StateDtype;
import dev.bowline.quantization.Quantization;
import dev.bowline.tensor.Device;
import dev.bowline.tensor.DeviceChoice;
import dev.bowline.tensor.Dtype;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedMap;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What is written in a recipe is what stands in its records.
class RecipeFileTest {

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    @Test
    void anExampleMayBeAsLongAsTheModelWhereNobodySays() {
        folder.write("model/config.json", "{\"text_config\": {\"max_position_embeddings\": 512}}");
        RecipeFile bounded = folder.load(RecipeFolder.SHORTEST);
        RecipeFile packed = folder.load(RecipeFolder.SHORTEST, "packed_sequence.packed_sequence_size=64");
        folder.write("model/config.json", "{\"max_position_embeddings\": 131072}");
        RecipeFile unbounded = folder.load(RecipeFolder.SHORTEST);

        assertEquals(512, bounded.recipe().dataset().seqLength());
        assertEquals(
                "default: the model has 512 positions (max_position_embeddings in its config.json)",
                origin(bounded, "dataset.seq_length"));
        assertEquals(64, packed.recipe().dataset().seqLength());
        assertEquals("default: packed_sequence_size", origin(packed, "dataset.seq_length"));
        assertEquals(2048, unbounded.recipe().dataset().seqLength());
        assertEquals(
                "default: no packing, and the model has no fewer positions", origin(unbounded, "dataset.seq_length"));
    }

    private static String origin(RecipeFile file, String key) {
        return file.settings().settings().stream()
                .filter(setting -> setting.key().equals(key))
                .map(setting -> setting.origin().toString())
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aChatTemplateMayStandInTheRecipe() {
        String jinja = "{% for m in messages %}{{ m.role }}: \"{{ m.content }}\"\\n{% endfor %}";
        String yaml = RecipeFolder.SHORTEST.replace(
                "  path: train.jsonl", "  path: train.jsonl\n  chat_template: |-\n    " + jinja);

        RecipeFile file = folder.load(yaml);

        Optional<ChatTemplateSection.Template> inline = Optional.of(new ChatTemplateSection.Template.Inline(jinja));
        assertEquals(inline, file.recipe().dataset().chatTemplate().template());
        assertEquals(
                inline,
                folder.load(file.settings().toYaml())
                        .recipe()
                        .dataset()
                        .chatTemplate()
                        .template());
    }

    @Test
    void everyKeyReachesItsRecord() {
        Recipe recipe = folder.load(FullRecipe.YAML).recipe();

        assertEquals(
                new Recipe(
                        folder.path("recipe.yaml"),
                        new ModelSection(
                                folder.path("model"),
                                Optional.of(Dtype.BFLOAT16),
                                new DeviceChoice.Exactly(Device.CPU),
                                Optional.of(Quantization.NF4),
                                Optional.empty(),
                                Set.of("attention_dropout", "resid_pdrop")),
                        new DatasetSection(
                                folder.path("train.jsonl"),
                                Optional.of("train[:90%]"),
                                new ExampleFormat.Columns(Optional.of("passage"), "ask", "reply"),
                                128,
                                Truncation.CUT_START,
                                Optional.of(100),
                                new ChatTemplateSection(
                                        Optional.of(new ChatTemplateSection.Template.InFile(folder.path("chat.jinja"))),
                                        JsonObject.of()
                                                .with("enable_thinking", true)
                                                .with("tone", "dry")
                                                .with(
                                                        "budgets",
                                                        JsonValue.of(List.of(JsonValue.of(1), JsonValue.of(0.5)))),
                                        Optional.of(LocalDate.of(2026, 1, 31)),
                                        true,
                                        true),
                                true,
                                true,
                                false),
                        Optional.of(new DatasetSection(
                                folder.path("heldout.jsonl"),
                                Optional.of("validation"),
                                new ExampleFormat.Messages(),
                                64,
                                Truncation.SKIP,
                                Optional.of(10),
                                new ChatTemplateSection(
                                        Optional.of(new ChatTemplateSection.Template.Named("tool_use")),
                                        JsonObject.of(),
                                        Optional.empty(),
                                        false,
                                        false),
                                false,
                                false,
                                false)),
                        new PackedSequence(256),
                        new StepScheduler(8, 2, Optional.of(30), Optional.of(3), Optional.of(10), Optional.of(5)),
                        new OptimizerSection(
                                OptimizerName.ADAMW,
                                2e-4,
                                new Hyperparameters(0.8, 0.95, 1e-6, 0.1, Decayed.EVERYTHING, StateDtype.INT8)),
                        new LrScheduler(Schedule.Decay.COSINE, Optional.of(3), Optional.of(25), 1e-5, 1e-6, true),
                        Optional.of(0.5),
                        new CheckpointSection(
                                true,
                                folder.path("runs"),
                                Optional.of(4),
                                true,
                                Optional.of(new CheckpointSection.RestoreFrom.Latest()),
                                2L << 30,
                                false,
                                CheckpointSection.LastCheckpoint.WEIGHTS_ONLY),
                        new FreezeConfig(true, true, true, false, true, true, true, Optional.of(true)),
                        Optional.of(new PeftSection(adapter())),
                        new LossSection.Chunked(64),
                        Optional.of(new DistributedSection(
                                DistributedSection.Strategy.FSDP,
                                2,
                                Optional.of(DistributedSection.Summation.FAST),
                                Duration.ofSeconds(90),
                                0)),
                        Optional.of(new EvaluateSection(
                                Optional.of(50),
                                Optional.of(folder.path("heldout.jsonl")),
                                Optional.of("test"),
                                20,
                                64,
                                List.of(
                                        EvaluationMetric.EXACT_MATCH,
                                        EvaluationMetric.REGEX,
                                        EvaluationMetric.PERPLEXITY),
                                Optional.of("[0-9]+"),
                                2,
                                Optional.of(EvaluationMetric.EXACT_MATCH),
                                OptionalInt.of(3),
                                0.01,
                                0.25)),
                        new LoggingSection(
                                false,
                                true,
                                Optional.of(new LoggingSection.Mlflow(
                                        Optional.of(URI.create("https://mlflow.example:5000")),
                                        Optional.of("support"),
                                        Optional.of("first-try")))),
                        ActivationCheckpointing.PER_LAYER,
                        7),
                recipe);
    }

    private static LoraConfig adapter() {
        SequencedMap<String, Long> ranks = new LinkedHashMap<>();
        ranks.put("down_proj", 4L);
        ranks.put("(q|k)_proj", 2L);
        return new LoraConfig(
                16,
                24.5,
                0.1,
                LoraConfig.DropoutPosition.POST,
                LoraConfig.Scaling.RSLORA,
                LoraConfig.Variant.DORA,
                LoraConfig.LoraAInit.GAUSSIAN,
                new ModulePatterns.Named(List.of("*_proj", "k_proj")),
                new ModulePatterns.Regex(".*\\.1\\..*"),
                List.of(),
                List.of("lm_head"),
                ranks,
                new LinkedHashMap<>(Map.of("down_proj", 0.5)),
                new LinkedHashMap<>(Map.of("embed_tokens", List.of(5L, 3L))),
                LoraConfig.TieMode.UNTIE);
    }

    @Test
    void theShortestRecipeHasTheDocumentedDefaults() {
        Recipe recipe = folder.load(RecipeFolder.SHORTEST).recipe();

        assertEquals(
                new Recipe(
                        folder.path("recipe.yaml"),
                        new ModelSection(
                                folder.path("model"),
                                Optional.empty(),
                                new DeviceChoice.Auto(),
                                Optional.empty(),
                                Optional.empty(),
                                Set.of()),
                        new DatasetSection(
                                folder.path("train.jsonl"),
                                Optional.empty(),
                                new ExampleFormat.Auto(),
                                2048,
                                Truncation.ERROR,
                                Optional.empty(),
                                ChatTemplateSection.USUAL,
                                true,
                                false,
                                true),
                        Optional.empty(),
                        new PackedSequence(0),
                        new StepScheduler(8, 1, Optional.of(10), Optional.empty(), Optional.empty(), Optional.empty()),
                        new OptimizerSection(
                                OptimizerName.ADAMW,
                                1e-5,
                                new Hyperparameters(0.9, 0.999, 1e-8, 0.01, Decayed.MATRICES, StateDtype.FLOAT32)),
                        new LrScheduler(Schedule.Decay.CONSTANT, Optional.of(0), Optional.empty(), 0, 0, false),
                        Optional.of(1.0),
                        new CheckpointSection(
                                true,
                                folder.path("checkpoints"),
                                Optional.of(2),
                                false,
                                Optional.empty(),
                                5_000_000_000L,
                                true,
                                CheckpointSection.LastCheckpoint.FULL),
                        new FreezeConfig(false, true, true, false, false, false, false),
                        Optional.empty(),
                        new LossSection.Chunked(512),
                        Optional.empty(),
                        Optional.empty(),
                        new LoggingSection(true, false, Optional.empty()),
                        ActivationCheckpointing.OFF,
                        42),
                recipe);
    }

    @Test
    void validationReadsItsExamplesAsTrainingDoes() {
        String training = """
                seq_length: 100, truncation: skip, chat_template: chat.jinja, mask_history: true,
                    limit_dataset_samples: 5, column_mapping: {question: q, answer: a}""";

        Recipe recipe = folder.load(RecipeFolder.SHORTEST.replace(
                                "dataset:\n  path: train.jsonl\n", "dataset: {path: train.jsonl, " + training + "}\n")
                        + "validation_dataset: {path: heldout.jsonl}\n")
                .recipe();

        DatasetSection validation = recipe.validationDataset().orElseThrow();
        assertEquals(new ExampleFormat.Columns(Optional.empty(), "q", "a"), validation.format());
        assertEquals(recipe.dataset().format(), validation.format());
        assertEquals(100, validation.seqLength());
        assertEquals(Truncation.SKIP, validation.truncation());
        assertEquals(recipe.dataset().chatTemplate(), validation.chatTemplate());
        assertTrue(validation.maskHistory());
        assertEquals(Optional.empty(), validation.limit());
        assertEquals(List.of(true, false), List.of(recipe.dataset().shuffle(), validation.shuffle()));
        assertTrue(recipe.checkpoint().keepBest());
    }

    @Test
    void aPackedRowBoundsTheLengthOfAnExample() {
        Recipe recipe = folder.shortestWith("packed_sequence.packed_sequence_size=512");

        assertEquals(512, recipe.dataset().seqLength());
        assertTrue(recipe.packedSequence().isOn());
    }

    @Test
    void aPathIsRelativeToTheRecipeAndInAFlagToTheCurrentDirectory() {
        Path here = Path.of("").toAbsolutePath();

        Recipe recipe = folder.shortestWith("checkpoint.checkpoint_dir=runs/a/../b");

        assertEquals(folder.path("train.jsonl"), recipe.dataset().path());
        assertEquals(here.resolve("runs/b"), recipe.checkpoint().checkpointDir());
    }

    @Test
    void numbersAreReadAsYamlWritesThem() {
        for (String lr : List.of("1e-5", "1E-5", "1.0e-5", "+0.00001", ".00001", "10e-6", "1.e-5")) {
            assertEquals(
                    1e-5, folder.shortestWith("optimizer.lr=" + lr).optimizer().lr(), lr);
        }
        assertEquals(
                1,
                folder.shortestWith("clip_grad_norm.max_norm=1").clipGradNorm().orElseThrow());
        assertEquals(
                Optional.empty(),
                folder.shortestWith("clip_grad_norm.max_norm=null").clipGradNorm());
        assertEquals(
                Optional.empty(),
                folder.shortestWith("clip_grad_norm.max_norm=").clipGradNorm());
        assertEquals(
                Long.MAX_VALUE, folder.shortestWith("seed=9223372036854775807").seed());
    }

    @Test
    void aShardSizeHasDecimalAndBinaryUnits() {
        record Size(String text, long bytes) {}
        for (Size size : List.of(
                new Size("5GB", 5_000_000_000L),
                new Size("5 GB", 5_000_000_000L),
                new Size("1.5GiB", 3L << 29),
                new Size("64KB", 64_000),
                new Size("64KiB", 65_536),
                new Size("200MB", 200_000_000),
                new Size("1000000", 1_000_000))) {
            assertEquals(
                    size.bytes(),
                    folder.shortestWith("checkpoint.max_shard_size=" + size.text())
                            .checkpoint()
                            .maxShardBytes(),
                    size.text());
        }
    }

    @Test
    void everyNameOfADtypeIsKnown() {
        for (String name : List.of("bf16", "bfloat16", "torch.bfloat16")) {
            assertEquals(
                    Optional.of(Dtype.BFLOAT16),
                    folder.shortestWith("model.torch_dtype=" + name).model().torchDtype());
        }
        for (String name : List.of("fp32", "float32", "torch.float32")) {
            assertEquals(
                    Optional.of(Dtype.FLOAT32),
                    folder.shortestWith("model.torch_dtype=" + name).model().torchDtype());
        }
    }

    @Test
    void everySpellingOfADeviceIsKnown() {
        for (String spelling : List.of("auto", "cpu", "cuda:0", "cuda:3")) {
            assertEquals(
                    spelling,
                    folder.shortestWith("model.device=" + spelling)
                            .model()
                            .device()
                            .toString());
        }
        assertEquals(
                "cuda:0",
                folder.shortestWith("model.device=cuda").model().device().toString());
    }

    @Test
    void autoModelsNameOfADatasetIsAnAlias() {
        String aliased = RecipeFolder.SHORTEST.replace("path: train", "path_or_dataset_id: train");

        assertEquals(
                folder.path("train.jsonl"),
                folder.load(aliased).recipe().dataset().path());
    }

    @Test
    void fullLogitsAreALossOfTheirOwn() {
        assertEquals(
                new LossSection.FullLogits(),
                folder.shortestWith("loss.full_logits=true").loss());
    }

    @Test
    void eachComponentIsFrozenByItself() {
        assertEquals(new FreezeConfig(true, true, true, false, false, false, false), freezing("freeze_embeddings"));
        assertEquals(new FreezeConfig(false, true, true, false, true, false, false), freezing("freeze_router"));
        assertEquals(new FreezeConfig(false, true, true, false, false, true, false), freezing("freeze_experts"));
        assertEquals(new FreezeConfig(false, true, true, false, false, false, true), freezing("freeze_norms"));
        assertEquals(
                new FreezeConfig(false, true, true, false, false, false, false, Optional.of(true)),
                freezing("freeze_lm_head"));
    }

    private FreezeConfig freezing(String key) {
        return folder.shortestWith("freeze_config." + key + "=true").freezeConfig();
    }

    @Test
    void aRunGoesOnFromADirectory() {
        Recipe recipe = folder.load(RecipeFolder.SHORTEST + "checkpoint: {restore_from: runs/step_5}\n")
                .recipe();

        assertEquals(
                Optional.of(new CheckpointSection.RestoreFrom.Directory(folder.path("runs/step_5"))),
                recipe.checkpoint().restoreFrom());
    }

    @Test
    void aFileThatIsNotThereIsAnErrorOfTheCommandAndNotOfTheRecipe() {
        BowlineException missing =
                assertThrows(BowlineException.class, () -> RecipeFile.load(folder.path("absent.yaml"), List.of()));
        BowlineException directory =
                assertThrows(BowlineException.class, () -> RecipeFile.load(folder.path("model"), List.of()));

        assertTrue(missing.problem().contains("absent.yaml"), missing.problem());
        assertTrue(directory.problem().contains("is a directory"), directory.problem());
    }

    @Test
    void aRecordBuiltByHandCannotContradictItself() {
        assertThrows(
                IllegalArgumentException.class,
                () -> new StepScheduler(8, 3, Optional.of(1), Optional.empty(), Optional.empty(), Optional.empty()));
        assertThrows(IllegalArgumentException.class, () -> new PackedSequence(1));
        assertThrows(
                IllegalArgumentException.class,
                () -> new LrScheduler(Schedule.Decay.COSINE, Optional.of(9), Optional.of(8), 0, 0, false));
        assertThrows(
                IllegalArgumentException.class, () -> new FreezeConfig(false, true, true, true, false, false, false));
    }

    @Test
    void aRunToRepeatKeepsEveryOverrideThatIsNotReplaced() {
        RecipeFile file = folder.load(RecipeFolder.SHORTEST, "seed=7", "checkpoint.restore_from=LATEST");

        Fix again = file.again("checkpoint.restore_from=/run/step_2");

        assertEquals(
                Fix.of(new Remedy.FineTune(
                        folder.path("recipe.yaml"), List.of("seed=7", "checkpoint.restore_from=/run/step_2"))),
                again);
    }
}
