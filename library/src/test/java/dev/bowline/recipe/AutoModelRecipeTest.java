package dev.bowline.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.bowline.adapter.format.LoraConfig;
import dev.bowline.adapter.format.ModulePatterns;
import dev.bowline.data.ExampleFormat;
import dev.bowline.data.Truncation;
import dev.bowline.optim.Decayed;
import dev.bowline.optim.Hyperparameters;
import dev.bowline.optim.OptimizerName;
import dev.bowline.optim.Schedule;
import dev.bowline.optim.StateDtype;
import dev.bowline.quantization.Quantization;
import dev.bowline.recipe.DistributedSection.Strategy;
import dev.bowline.tensor.Dtype;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A recipe of NeMo AutoModel is read without edits: what it says of the training is kept, what cannot change a
/// number is noted, and what Bowline does not have is refused by name.
class AutoModelRecipeTest {

    private static final String RECIPE = """
            recipe: TrainFinetuneRecipeForNextTokenPrediction
            step_scheduler:
              global_batch_size: 16
              local_batch_size: 2
              max_steps: 200
              gc_every_steps: 5
              val_every_steps: 40
            dist_env: {backend: nccl, timeout_minutes: 3}
            rng:
              _target_: nemo_automodel.components.training.rng.StatefulRNG
              seed: 77
              ranked: true
            model:
              _target_: nemo_automodel.NeMoAutoModelForCausalLM.from_pretrained
              pretrained_model_name_or_path: model
              torch_dtype: bf16
              attn_implementation: sdpa
              trust_remote_code: false
              text_config: {use_cache: false}
              backend:
                _target_: nemo_automodel.components.models.common.BackendConfig
                attn: te
                fake_balanced_gate: false
            compile: {enabled: false, backend: null}
            distributed: {strategy: fsdp2, tp_size: 2, cp_size: 1, pipeline: {pp_schedule: 1f1b}}
            loss_fn: {_target_: nemo_automodel.components.loss.masked_ce.MaskedCrossEntropy}
            dataset:
              _target_: nemo_automodel.components.datasets.llm.squad.make_squad_dataset
              dataset_name: train.jsonl
              split: train[:500]
              seq_length: 512
              truncation: true
              padding: max_length
            packed_sequence: {packed_sequence_size: 0}
            dataloader:
              _target_: torchdata.stateful_dataloader.StatefulDataLoader
              collate_fn:
                _target_: nemo_automodel.components.datasets.utils.default_collater
                pad_seq_len_divisible: 16
              shuffle: false
            optimizer:
              _target_: torch.optim.AdamW
              lr: 2e-5
              betas: [0.9, 0.95]
              foreach: false
            lr_scheduler: {lr_decay_style: cosine}
            checkpoint: {checkpoint_dir: runs/new, model_save_format: torch_save, save_consolidated: false}
            ci: {time: 00:20:00, anything: {at: all}}
            """;

    private static final String PEFT = """
            peft:
              _target_: nemo_automodel.components._peft.lora.PeftConfig
            """;

    @TempDir
    private Path temporary;

    private RecipeFolder folder;

    @BeforeEach
    void makeFolder() {
        folder = new RecipeFolder(temporary);
    }

    @Test
    void whatItSaysOfTheTrainingIsRead() {
        Recipe recipe = folder.load(RECIPE).recipe();

        assertEquals(Optional.of(Dtype.BFLOAT16), recipe.model().torchDtype());
        assertEquals(new ExampleFormat.Squad(), recipe.dataset().format());
        assertEquals(folder.path("train.jsonl"), recipe.dataset().path());
        assertEquals(Optional.of("train[:500]"), recipe.dataset().split());
        assertEquals(Truncation.CUT_END, recipe.dataset().truncation());
        assertEquals(512, recipe.dataset().seqLength());
        assertEquals(false, recipe.dataset().shuffle());
        assertEquals(OptimizerName.ADAMW, recipe.optimizer().name());
        assertEquals(0.95, recipe.optimizer().hyperparameters().beta2());
        assertEquals(Optional.empty(), recipe.validationDataset());
    }

    /// In AutoModel's source no fine-tuning recipe reads `rng`, `StepSchedulerConfig` has 10 epochs and a
    /// checkpoint every 100 steps, `torch.optim.AdamW` decays every parameter by 0.01, and `LRSchedulerConfig`
    /// warms up over `min(1000, steps // 10)` from a tenth of the rate and ends at a hundredth.
    @Test
    void whereItSaysNothingTheDefaultsOfAutoModelHold() {
        RecipeFile file = folder.load(RECIPE);
        Recipe recipe = file.recipe();

        assertEquals(42, recipe.seed());
        assertEquals(Optional.of(10), recipe.stepScheduler().numEpochs());
        assertEquals(Optional.of(100), recipe.stepScheduler().ckptEverySteps());
        assertEquals(
                new OptimizerSection(
                        OptimizerName.ADAMW,
                        2e-5,
                        new Hyperparameters(0.9, 0.95, 1e-8, 0.01, Decayed.EVERYTHING, StateDtype.FLOAT32)),
                recipe.optimizer());
        assertEquals(
                new LrScheduler(Schedule.Decay.COSINE, Optional.empty(), Optional.empty(), 2e-7, 2e-6, true),
                recipe.lrScheduler());
        assertEquals(Optional.empty(), recipe.checkpoint().maxRecentCheckpoints());
        assertEquals("AutoModel's default: a tenth of the run's steps, at most 1000", origin(file, "lr_warmup_steps"));
        assertEquals("AutoModel's default: a hundredth of optimizer.lr", origin(file, "min_lr"));
        assertEquals("AutoModel's default: a tenth of optimizer.lr", origin(file, "init_lr"));
    }

    @Test
    void withoutASchedulerTheRateIsConstantAsInAutoModel() {
        RecipeFile file = folder.load(RECIPE.replace("lr_scheduler: {lr_decay_style: cosine}\n", ""));

        assertEquals(
                new LrScheduler(Schedule.Decay.CONSTANT, Optional.of(0), Optional.empty(), 0, 0, false),
                file.recipe().lrScheduler());
        assertEquals(
                "AutoModel's default: without an lr_scheduler the rate does not change",
                origin(file, "lr_decay_style"));
    }

    @Test
    void aStrategyOfAutoModelIsReadUnderAllItsNamesAndAsksForNoRanks() {
        for (String keys : List.of(
                "strategy: fsdp2, ep_size: 8, dp_size: none",
                "strategy: megatron_fsdp, ep_size: 8, zero_dp_strategy: 3",
                "_target_: nemo_automodel.components.distributed.fsdp2.FSDP2Manager, ep_size: 8",
                "_target_: MegatronFSDPManager, strategy: fsdp2, ep_size: 8",
                "ep_size: 8")) {
            DistributedSection read = distributed("distributed: {%s}".formatted(keys));

            assertEquals(
                    new DistributedSection(Strategy.FSDP, 8, Optional.empty(), Duration.ofMinutes(10), 3), read, keys);
            assertFalse(read.holdsForOneProcess());
            assertEquals(DistributedSection.Summation.FIXED, read.summation());
        }
        DistributedSection ddp = distributed("distributed: {_target_: DDPManager, ep_size: none, summation: fixed}");
        assertEquals(
                new DistributedSection(
                        Strategy.DDP, 1, Optional.of(DistributedSection.Summation.FIXED), Duration.ofMinutes(10), 3),
                ddp);
        assertTrue(ddp.holdsForOneProcess());
    }

    private DistributedSection distributed(String line) {
        return folder.load(RECIPE.replaceFirst("(?m)^distributed:.*$", line))
                .recipe()
                .distributed()
                .orElseThrow();
    }

    @Test
    void aRecipeOfOnesOwnKeepsTheDefaultsOfBowlineAndMayHaveKeysOfAutoModel() {
        RecipeFile file = folder.load(RecipeFolder.SHORTEST + "dist_env: {backend: nccl}\n");

        assertEquals(Optional.empty(), file.recipe().stepScheduler().numEpochs());
        assertEquals(
                Decayed.MATRICES, file.recipe().optimizer().hyperparameters().decayed());
        assertEquals(
                List.of("dist_env.backend has no effect: ranks on processors communicate with Gloo"),
                file.notes().stream().map(RecipeFile.Note::text).toList());
    }

    @Test
    void theExplainedRecipeIsTheSameRecipeWithoutAutoModel() {
        RecipeFile file = folder.load(RECIPE);

        RecipeFile again = folder.load(file.settings().toYaml());

        assertEquals(file.recipe(), again.recipe());
        assertEquals(List.of(), again.notes());
    }

    @Test
    void whatHasNoEffectIsNotedAtItsPlace() {
        List<String> notes = notes(folder.load(RECIPE));

        assertTrue(
                notes.contains(
                        "11:3: rng.seed has no effect: AutoModel's recipes read the top-level seed and not this one"),
                notes::toString);
        assertTrue(
                notes.contains("7:20: step_scheduler.val_every_steps has no effect: there is no validation_dataset"),
                notes::toString);
        assertTrue(notes.contains("32:15: dataset.truncation: read as truncation: cut_end"), notes::toString);
        assertTrue(notes.contains("40:12: dataloader.shuffle: read as dataset.shuffle: false"), notes::toString);
        assertTrue(
                notes.contains(
                        "45:3: optimizer.foreach has no effect: the optimizer is always fused, with 32-bit master"
                                + " weights; optimizer.state_dtype decides about moments"),
                notes::toString);
        assertTrue(notes.contains("48:1: ci has no effect: it configures AutoModel itself"), notes::toString);
    }

    @Test
    void whatBowlineDoesNotHaveIsRefusedByName() {
        assertRefused("peft: {_target_: peft.IA3Config}", "peft._target_: an adapter other than LoRA");
        assertRefused("peft: {peft_scheme: dora}", "peft.peft_scheme: an adapter other than LoRA");
        assertRefused("peft: {lora_dtype: bfloat16}", "peft.lora_dtype: a dtype of the adapter's own");
        assertRefused("fp8: {enabled: true}", "fp8: fp8 training");
        assertRefused("qat: {enabled: true}", "qat: quantization-aware training");
        assertRefused("neftune: {noise_alpha: 5}", "neftune: NEFTune");
        assertEquals(
                "42:3: optimizer._target_: Muon is not supported",
                refusal(RECIPE.replace("torch.optim.AdamW", "dion.Muon")));
        assertTrue(refusal(RECIPE.replace("fake_balanced_gate: false", "fake_balanced_gate: true"))
                .contains("model.backend.fake_balanced_gate: a gate that sends tokens to experts evenly"));
        assertTrue(refusal(RECIPE.replace("llm.squad.make_squad_dataset", "vlm.datasets.make_medpix_dataset"))
                .endsWith("dataset._target_: training on images is not supported"));
    }

    /// AutoModel's `PeftConfig` has dim 8, alpha 32, dropout after lora_B and Xavier's initial values, and adapts
    /// `*_proj` where a recipe chooses no modules.
    @Test
    void itsAdapterHasItsDefaults() {
        assertEquals(
                new LoraConfig(
                        8,
                        32,
                        0,
                        LoraConfig.DropoutPosition.POST,
                        LoraConfig.Scaling.LORA,
                        LoraConfig.Variant.LORA,
                        LoraConfig.LoraAInit.XAVIER,
                        new ModulePatterns.Named(List.of("*_proj")),
                        ModulePatterns.NONE,
                        List.of(),
                        List.of(),
                        new LinkedHashMap<>(),
                        new LinkedHashMap<>(),
                        new LinkedHashMap<>(),
                        LoraConfig.TieMode.UNCHOSEN),
                adapter(""));
        assertEquals(
                new ModulePatterns.AllLinear(),
                adapter("match_all_linear: True").targetModules());
        LoraConfig excluding = adapter("exclude_modules: ['*lm_head*']");
        assertEquals(new ModulePatterns.AllLinear(), excluding.targetModules());
        assertEquals(new ModulePatterns.Named(List.of("*lm_head*")), excluding.excludeModules());
    }

    private LoraConfig adapter(String keys) {
        return folder.load(RECIPE + PEFT + "  " + keys + "\n")
                .recipe()
                .peft()
                .orElseThrow()
                .lora();
    }

    @Test
    void itsQuantizationIsThatOfTheModel() {
        String bits = PEFT + """
                quantization:
                  load_in_4bit: %s
                  load_in_8bit: %s
                  bnb_4bit_compute_dtype: bfloat16
                  bnb_4bit_use_double_quant: True
                  bnb_4bit_quant_type: nf4
                  bnb_4bit_quant_storage: bfloat16
                """;

        assertEquals(Optional.of(Quantization.NF4), quantization(bits.formatted("True", "False")));
        assertEquals(Optional.of(Quantization.INT8), quantization(bits.formatted("False", "True")));
        assertEquals(Optional.empty(), quantization(bits.formatted("False", "False")));
        String four = RECIPE + bits.formatted("True", "False");
        assertEquals(
                "56:3: quantization.bnb_4bit_quant_type: 4-bit floating point (fp4) is not supported",
                refusal(four.replace("nf4", "fp4")));
        assertEquals(
                "55:3: quantization.bnb_4bit_use_double_quant: nf4 with scales that are not quantised is not supported",
                refusal(four.replace("double_quant: True", "double_quant: False")));
    }

    private Optional<Quantization> quantization(String keys) {
        return folder.load(RECIPE + keys).recipe().model().quantization();
    }

    /// AutoModel gives experts the rank `dim // n_activated_experts`.
    @Test
    void theRankOfExpertsIsDividedByTheExpertsOfAToken() {
        String scaled = RECIPE + PEFT + "  target_modules: ['*']\n  dim: 20\n  moe_rank_scaling: true\n";

        assertEquals(
                Map.of(),
                folder.load(scaled).recipe().peft().orElseThrow().lora().rankPattern());

        folder.write("model/config.json", "{\"num_experts_per_tok\": 8}");
        LoraConfig lora = folder.load(scaled).recipe().peft().orElseThrow().lora();

        assertEquals(2, lora.rank("model.layers.0.mlp.experts.gate_up_proj"));
        assertEquals(20, lora.rank("model.layers.0.self_attn.q_proj"));
        assertEquals(
                "53:21: peft.moe_rank_scaling: dim 4 divided by the 8 experts of a token is less than 1",
                refusal(scaled.replace("dim: 20", "dim: 4")));
    }

    @Test
    void aChoiceOfAllLinearsNotesThatTheHeadIsLeftOut() {
        String left = "which leaves out the head; AutoModel adapts the head too";
        String all = RECIPE + PEFT;

        assertEquals(
                List.of("51:21: peft.match_all_linear: read as all-linear, " + left),
                headNotes(all + "  match_all_linear: True\n"));
        assertEquals(
                List.of("51:19: peft.target_modules: read as all-linear, " + left),
                headNotes(all + "  target_modules: ['*']\n"));
        assertEquals(
                List.of("51:20: peft.exclude_modules: read as all-linear, " + left),
                headNotes(all + "  exclude_modules: ['*vision*']\n"));
        assertEquals(List.of(), headNotes(all + "  exclude_modules: ['*lm_head*']\n"));
        assertEquals(List.of(), headNotes(all + "  target_modules: '*_proj'\n"));
    }

    private List<String> headNotes(String yaml) {
        return folder.load(yaml).notes().stream()
                .map(note -> note.line().replace(folder.path("recipe.yaml") + ":", ""))
                .filter(note -> note.contains("the head"))
                .toList();
    }

    @Test
    void adamIsAdamWOnlyWithoutWeightDecay() {
        String adam = RECIPE.replace("torch.optim.AdamW", "torch.optim.Adam");

        assertEquals(0, folder.load(adam).recipe().optimizer().hyperparameters().weightDecay());
        assertEquals(
                0,
                folder.load(adam.replace("foreach: false", "weight_decay: 0.0"))
                        .recipe()
                        .optimizer()
                        .hyperparameters()
                        .weightDecay());
        assertEquals(
                "45:17: optimizer.weight_decay: weight decay on the gradient, as Adam has it, is not supported",
                refusal(adam.replace("foreach: false", "weight_decay: 0.01")));
    }

    @Test
    void aClassThatIsNotKnownIsRefusedAndNeverLookedUp() {
        String unknown = RECIPE.replace("torch.optim.AdamW", "torch.optim.Adamw");
        String foreign = RECIPE.replace(
                "nemo_automodel.components.loss.masked_ce.MaskedCrossEntropy", "os.path.MaskedCrossEntropy");

        assertTrue(
                folder.problem(unknown)
                        .endsWith("optimizer._target_ names 'torch.optim.Adamw', and a recipe is data: only classes"
                                + " that Bowline knows are read | did you mean 'torch.optim.AdamW'?"),
                folder.problem(unknown));
        assertTrue(folder.problem(foreign).contains("names 'os.path.MaskedCrossEntropy'"), folder.problem(foreign));
    }

    @Test
    void aMisspeltKeyIsAnErrorWithTheNearestName() {
        assertEquals(
                "18:3: unknown key 'trust_remote_cod' in model | did you mean 'trust_remote_code'?",
                folder.problem(RECIPE.replace("trust_remote_code:", "trust_remote_cod:")));
        assertEquals(
                "8:1: unknown key 'dist_evn' | did you mean 'dist_env'?",
                folder.problem(RECIPE.replace("dist_env:", "dist_evn:")));
        assertEquals(
                "5:3: unknown key 'name' in dataset | did you mean 'optimizer.name'? Check the indentation",
                folder.problem(RecipeFolder.SHORTEST.replace("path: train.jsonl", "path: train.jsonl\n  name: x")));
        assertEquals(
                "8:27: unknown key 'timeout_minute' in dist_env | did you mean 'timeout_minutes'?",
                folder.problem(RECIPE.replace("timeout_minutes:", "timeout_minute:")));
    }

    @Test
    void aNameOnTheHubIsToldTheCommandThatMakesTheFile() {
        String hub = RECIPE.replace("dataset_name: train.jsonl", "dataset_name: rajpurkar/squad");

        assertEquals(
                "29:17: rajpurkar/squad is a dataset on the Hugging Face Hub, and datasets are local files | make the"
                        + " file"
                        + " (python -c \"from datasets import load_dataset; load_dataset('rajpurkar/squad',"
                        + " split='train').to_json('squad-train.jsonl')\") and give it:"
                        + " set dataset.path=squad-train.jsonl",
                folder.problem(hub));
        assertTrue(folder.problem(RECIPE.replace("dataset_name: train.jsonl", "dataset_name: squad"))
                .endsWith("set dataset.path=squad-train.jsonl"));
        assertTrue(folder.problem(RecipeFolder.SHORTEST.replace("train.jsonl", "some/data"))
                .contains("load_dataset('some/data', split='train')"));
        assertTrue(folder.problem(RecipeFolder.SHORTEST.replace("train.jsonl", "runs/data"))
                .endsWith("runs/data does not exist; correct the path"));
        assertEquals(
                folder.path("heldout.jsonl"),
                folder.load(hub, "dataset.path=" + folder.path("heldout.jsonl"))
                        .recipe()
                        .dataset()
                        .path());
    }

    @Test
    void aValidationOfTheHubIsLeftOutAndSaid() {
        String validated = RECIPE + """
                validation_dataset:
                  _target_: nemo_automodel.components.datasets.llm.squad.make_squad_dataset
                  dataset_name: rajpurkar/squad
                  split: validation
                  limit_dataset_samples: 64
                """;

        RecipeFile without = folder.load(validated);
        RecipeFile with = folder.load(validated, "validation_dataset.path=" + folder.path("heldout.jsonl"));

        assertEquals(Optional.empty(), without.recipe().validationDataset());
        assertTrue(
                notes(without).stream()
                        .anyMatch(note -> note.contains("so nothing is validated")
                                && note.contains("set validation_dataset.path=squad-validation.jsonl")),
                () -> notes(without).toString());
        assertEquals(
                Optional.of(64), with.recipe().validationDataset().orElseThrow().limit());
        assertEquals(Optional.of(40), with.recipe().stepScheduler().valEverySteps());
    }

    @Test
    void aValidationOfTheSameSplitReadsTheSameFile() {
        String validated = RECIPE.replace("dataset_name: train.jsonl", "dataset_name: rajpurkar/squad") + """
                validation_dataset:
                  _target_: nemo_automodel.components.datasets.llm.squad.make_squad_dataset
                  dataset_name: rajpurkar/squad
                  split: train[500:564]
                """;

        DatasetSection validation = folder.load(validated, "dataset.path=" + folder.path("heldout.jsonl"))
                .recipe()
                .validationDataset()
                .orElseThrow();

        assertEquals(folder.path("heldout.jsonl"), validation.path());
        assertEquals(Optional.of("train[500:564]"), validation.split());
    }

    @Test
    void generatedDataAndFreshWeightsAreReplacedByTheCommandLine() {
        String mock = RECIPE.replace("""
                  _target_: nemo_automodel.components.datasets.llm.squad.make_squad_dataset
                  dataset_name: train.jsonl
                  split: train[:500]
                """, """
                  _target_: nemo_automodel.components.datasets.llm.mock.build_unpacked_dataset
                  num_sentences: 100
                  vocab_size: 100
                """);
        String fresh = RECIPE.replace(".from_pretrained", ".from_config")
                .replace("pretrained_model_name_or_path: model", "config: {hidden_size: 8}");

        assertTrue(
                folder.problem(mock)
                        .endsWith("dataset._target_: generated data, which benchmarks use, is not supported"
                                + " | give the real one: set dataset.path=FILE"),
                folder.problem(mock));
        assertEquals(
                folder.path("heldout.jsonl"),
                folder.load(mock, "dataset.path=" + folder.path("heldout.jsonl"))
                        .recipe()
                        .dataset()
                        .path());
        assertTrue(folder.problem(fresh).contains("model._target_: a model with fresh weights"), folder.problem(fresh));
        assertEquals(
                folder.path("model"),
                folder.load(fresh, "model.pretrained_model_name_or_path=" + folder.path("model"))
                        .recipe()
                        .model()
                        .pretrainedModel());
    }

    /// HellaSwag and the column-mapped datasets of AutoModel write no chat template unless they are asked to.
    @Test
    void datasetsThatUseNoChatTemplateThereUseNoneHere() {
        String target = "nemo_automodel.components.datasets.llm.squad.make_squad_dataset";
        String columns = RECIPE.replace(
                        target,
                        "nemo_automodel.components.datasets.llm.column_mapped_text_instruction_dataset"
                                + ".ColumnMappedTextInstructionDataset")
                .replace("padding: max_length", "column_mapping: {question: q, answer: a}");
        String hellaswag = RECIPE.replace(target, "nemo_automodel.components.datasets.llm.hellaswag.HellaSwag");

        assertEquals(Optional.empty(), template(RECIPE));
        assertEquals(Optional.of(new ChatTemplateSection.Template.None()), template(hellaswag));
        assertEquals(Optional.of(new ChatTemplateSection.Template.None()), template(columns));
        assertEquals(
                Optional.empty(),
                template(columns.replace("column_mapping:", "use_hf_chat_template: true\n  column_mapping:")));
    }

    @Test
    void whatIsDoneToTokensAfterwardsIsASwitchOfTheDataset() {
        ChatTemplateSection thought = folder.load(
                        RECIPE.replace("utils.default_collater", "vlm.collate_fns.gemma4_prefix_collate_fn"))
                .recipe()
                .dataset()
                .chatTemplate();
        ChatTemplateSection bos = folder.load(RECIPE + "tokenizer: {add_bos_token: true, add_eos_token: true}\n")
                .recipe()
                .dataset()
                .chatTemplate();

        assertTrue(thought.injectThinkingPrefix());
        assertTrue(bos.addBosToken());
    }

    private Optional<ChatTemplateSection.Template> template(String yaml) {
        return folder.load(yaml).recipe().dataset().chatTemplate().template();
    }

    @Test
    void aLengthAboveThePositionsOfTheModelIsThosePositions() {
        folder.write("model/config.json", "{\"max_position_embeddings\": 128}");

        RecipeFile file = folder.load(RECIPE);

        assertEquals(128, file.recipe().dataset().seqLength());
        assertTrue(
                notes(file).contains("31:15: dataset.seq_length: read as 128, the positions of the model"),
                () -> notes(file).toString());
    }

    @Test
    void aFlagGoesBeforeTheRecipeUnderEitherName() {
        String limited = RECIPE.replace("split: train[:500]", "num_samples_limit: 500");

        assertEquals(
                Optional.of(7),
                folder.load(limited, "dataset.limit_dataset_samples=7")
                        .recipe()
                        .dataset()
                        .limit());
        assertEquals(
                Optional.of(8),
                folder.load(limited, "dataset.num_samples_limit=8")
                        .recipe()
                        .dataset()
                        .limit());
        assertEquals(
                Optional.of(Dtype.FLOAT32),
                folder.load(RECIPE, "model.dtype=fp32").recipe().model().torchDtype());
    }

    @Test
    void aTemplateIsFoundAboveTheRecipeAsWhereAutoModelIsStarted() {
        folder.write("examples/own/chat.jinja", "{{ messages }}");
        Path recipe = folder.write(
                "examples/own/deep/recipe.yaml",
                RECIPE.replace("model\n", folder.path("model") + "\n")
                        .replace("train.jsonl", folder.path("train.jsonl").toString())
                        .replace("padding: max_length", "chat_template: examples/own/chat.jinja"));

        assertEquals(
                Optional.of(new ChatTemplateSection.Template.InFile(folder.path("examples/own/chat.jinja"))),
                RecipeFile.load(recipe, List.of())
                        .recipe()
                        .dataset()
                        .chatTemplate()
                        .template());
    }

    private void assertRefused(String section, String beginning) {
        String refusal = refusal(RECIPE + section + "\n");
        assertTrue(refusal.contains(": " + beginning) && refusal.endsWith(" is not supported"), refusal);
    }

    private String refusal(String yaml) {
        String problem = folder.problem(yaml);
        return problem.substring(0, problem.indexOf(" | "));
    }

    private List<String> notes(RecipeFile file) {
        return file.notes().stream()
                .map(note -> note.line().replace(folder.path("recipe.yaml") + ":", ""))
                .toList();
    }

    private static String origin(RecipeFile file, String name) {
        return file.settings().settings().stream()
                .filter(setting -> setting.key().equals("lr_scheduler." + name))
                .map(setting -> setting.origin().toString())
                .findFirst()
                .orElseThrow();
    }
}
