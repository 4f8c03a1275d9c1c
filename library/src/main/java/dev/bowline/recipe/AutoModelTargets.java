package dev.bowline.recipe;

import dev.bowline.NearestNames;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;

/// The classes and functions in AutoModel's recipes, as data. None is ever looked up or called.
final class AutoModelTargets {

    /// A place in a recipe that names a class.
    enum Slot {
        RECIPE,
        RNG,
        MODEL,
        BACKEND,
        DISTRIBUTED,
        TOKENIZER,
        LOSS,
        OPTIMIZER,
        DATASET,
        PEFT,
        DATALOADER,
        COLLATE
    }

    /// The meaning of a class for Bowline.
    sealed interface Meaning {

        /// Bowline does the same without a setting.
        ///
        /// @param what for the guide
        record Same(String what) implements Meaning {}

        /// One of AutoModel's datasets.
        record Layout(AutoModelDatasetClass dataset) implements Meaning {}

        /// AdamW, under certain conditions.
        record Optimizer(AutoModelDefaults.Optimizer optimizer) implements Meaning {}

        /// A switch of the dataset section that belongs to the place.
        ///
        /// @param name of the switch in that section, which it turns on
        record Switch(String name) implements Meaning {}

        /// A value of `distributed.strategy`.
        record Strategy(String value) implements Meaning {}

        /// A placeholder that the command line can replace.
        ///
        /// @param feature as of [Unsupported]
        /// @param set the key to give
        record Placeholder(String feature, String set) implements Meaning {}

        /// A feature that Bowline does not have.
        ///
        /// @param feature completes "…: FEATURE is not supported"
        record Unsupported(String feature) implements Meaning {}
    }

    /// @param name in AutoModel's recipes
    record Target(Slot slot, String name, Meaning meaning) {

        /// True for the class's simple name, and for the class in any package below the same root, because
        /// packages re-export classes.
        boolean is(String written) {
            String root = name.substring(0, name.indexOf('.') + 1);
            return written.equals(name)
                    || written.equals(simpleName())
                    || written.startsWith(root) && written.endsWith("." + simpleName());
        }

        /// The class, and its method where one is named.
        String simpleName() {
            return AutoModelTargets.simpleName(name);
        }
    }

    private static final String DATASETS = "nemo_automodel.components.datasets.";
    private static final String IMAGES = "training on images";
    private static final String SOUND = "training on audio";
    private static final String MOCK = "generated data, which benchmarks use,";

    static final List<Target> ALL = targets();

    private AutoModelTargets() {}

    static Optional<Target> find(Slot slot, String written) {
        return ALL.stream()
                .filter(target -> target.slot == slot && target.is(written))
                .findFirst();
    }

    /// The known name that was most likely meant.
    static Optional<String> nearest(Slot slot, String written) {
        List<Target> there = ALL.stream().filter(target -> target.slot == slot).toList();
        return NearestNames.of(
                        simpleName(written),
                        there.stream().map(Target::simpleName).toList(),
                        1)
                .stream()
                .findFirst()
                .flatMap(simple -> there.stream()
                        .filter(target -> target.simpleName().equals(simple))
                        .map(Target::name)
                        .findFirst());
    }

    private static String simpleName(String name) {
        List<String> segments = Key.segments(name);
        int last = segments.size() - 1;
        boolean isMethod = last > 0
                && startsWith(segments.get(last), Character::isLowerCase)
                && startsWith(segments.get(last - 1), Character::isUpperCase);
        return String.join(".", segments.subList(isMethod ? last - 1 : last, last + 1));
    }

    private static boolean startsWith(String segment, IntPredicate kind) {
        return segment.codePoints().limit(1).anyMatch(kind);
    }

    private static List<Target> targets() {
        List<Target> all = new ArrayList<>();
        String recipes = "nemo_automodel.recipes.";
        same(
                all,
                Slot.RECIPE,
                "supervised fine-tuning",
                recipes + "llm.train_ft.TrainFinetuneRecipeForNextTokenPrediction",
                recipes + "vlm.finetune.FinetuneRecipeForVLM");
        unsupported(
                all,
                Slot.RECIPE,
                "distillation from a teacher",
                recipes + "llm.kd.KnowledgeDistillationRecipeForNextTokenPrediction");
        unsupported(
                all,
                Slot.RECIPE,
                "training of a classifier",
                recipes + "llm.train_seq_cls.TrainFinetuneRecipeForSequenceClassification");
        same(all, Slot.RNG, "the generator of the run", "nemo_automodel.components.training.rng.StatefulRNG");
        same(
                all,
                Slot.MODEL,
                "the checkpoint's own architecture",
                "nemo_automodel.NeMoAutoModelForCausalLM.from_pretrained",
                "nemo_automodel.NeMoAutoModelForImageTextToText.from_pretrained");
        for (String name : List.of("NeMoAutoModelForCausalLM", "NeMoAutoModelForImageTextToText")) {
            all.add(new Target(
                    Slot.MODEL,
                    "nemo_automodel." + name + ".from_config",
                    new Meaning.Placeholder(
                            "a model with fresh weights, made from a config",
                            "model.pretrained_model_name_or_path=DIR")));
        }
        unsupported(
                all,
                Slot.MODEL,
                "a classification head",
                "nemo_automodel.NeMoAutoModelForSequenceClassification.from_pretrained");
        unsupported(
                all,
                Slot.MODEL,
                "a draft model trained along with the model",
                "nemo_automodel.components.models.gemma4_drafter.composite.Gemma4WithDrafter.from_pretrained");
        same(
                all,
                Slot.BACKEND,
                "a choice of kernels, which changes no result",
                "nemo_automodel.components.models.common.BackendConfig");
        String distributed = "nemo_automodel.components.distributed.";
        all.add(new Target(Slot.DISTRIBUTED, distributed + "fsdp2.FSDP2Manager", new Meaning.Strategy("fsdp2")));
        all.add(new Target(Slot.DISTRIBUTED, distributed + "ddp.DDPManager", new Meaning.Strategy("ddp")));
        all.add(new Target(
                Slot.DISTRIBUTED,
                distributed + "megatron_fsdp.MegatronFSDPManager",
                new Meaning.Strategy("megatron_fsdp")));
        same(
                all,
                Slot.DISTRIBUTED,
                "the precision of AutoModel's own processes",
                "torch.distributed.fsdp.MixedPrecisionPolicy");
        same(
                all,
                Slot.TOKENIZER,
                "the checkpoint's tokenizer",
                "nemo_automodel.NeMoAutoTokenizer.from_pretrained",
                "transformers.AutoTokenizer.from_pretrained",
                "transformers.AutoProcessor.from_pretrained");
        String loss = "nemo_automodel.components.loss.";
        same(
                all,
                Slot.LOSS,
                "cross-entropy, the mean over the trained tokens of a step",
                loss + "masked_ce.MaskedCrossEntropy",
                loss + "linear_ce.FusedLinearCrossEntropy",
                loss + "chunked_ce.ChunkedCrossEntropy",
                loss + "te_parallel_ce.TEParallelCrossEntropy",
                "nemo_automodel.components.models.gemma4_moe.loss.Gemma4TensorParallelFusedLinearCrossEntropy");
        unsupported(all, Slot.LOSS, "distillation from a teacher", loss + "kd_loss.KDLoss");
        for (AutoModelDefaults.Optimizer optimizer : AutoModelDefaults.OPTIMIZERS) {
            all.add(new Target(Slot.OPTIMIZER, optimizer.target(), new Meaning.Optimizer(optimizer)));
        }
        unsupported(all, Slot.OPTIMIZER, "Muon", "dion.Muon");
        unsupported(all, Slot.OPTIMIZER, "NorMuon", "dion.NorMuon");
        unsupported(all, Slot.OPTIMIZER, "Dion", "dion.Dion", "dion.Dion2");
        unsupported(all, Slot.OPTIMIZER, "SGD", "torch.optim.SGD");
        same(
                all,
                Slot.PEFT,
                "LoRA, with the keys of the section",
                "nemo_automodel.components._peft.lora.PeftConfig",
                "peft.LoraConfig");
        unsupported(
                all,
                Slot.PEFT,
                "an adapter other than LoRA",
                "peft.AdaLoraConfig",
                "peft.IA3Config",
                "peft.LoHaConfig",
                "peft.LoKrConfig",
                "peft.OFTConfig",
                "peft.PrefixTuningConfig",
                "peft.PromptTuningConfig",
                "peft.VeraConfig");
        datasets(all);
        same(
                all,
                Slot.DATALOADER,
                "the reader of rows, whose order a resumed run continues",
                "torchdata.stateful_dataloader.StatefulDataLoader",
                "torch.utils.data.DataLoader");
        same(
                all,
                Slot.COLLATE,
                "padding to the longest row of a batch",
                DATASETS + "utils.default_collater",
                DATASETS + "utils.packed_sequence_thd_collater",
                DATASETS + "vlm.collate_fns.default_collate_fn");
        for (String name : List.of("gemma4_prefix_collate_fn", "gemma4_inject_thinking_prefix")) {
            all.add(new Target(
                    Slot.COLLATE, DATASETS + "vlm.collate_fns." + name, new Meaning.Switch("inject_thinking_prefix")));
        }
        unsupported(
                all,
                Slot.COLLATE,
                "a tree of answers that share a beginning",
                DATASETS + "llm.prefix_tree.prefix_tree_collate_fn");
        return List.copyOf(all);
    }

    private static void datasets(List<Target> all) {
        for (AutoModelDatasetClass dataset : AutoModelDatasetClass.ALL) {
            all.add(new Target(Slot.DATASET, dataset.target(), new Meaning.Layout(dataset)));
        }
        unsupported(
                all,
                Slot.DATASET,
                IMAGES,
                in(
                        "vlm.datasets.",
                        "make_medpix_dataset make_cord_v2_dataset make_rdr_dataset make_llava_onevision_dataset"
                                + " make_unimm_chat_dataset make_shopify_product_catalogue_dataset make_meta_dataset"));
        unsupported(all, Slot.DATASET, SOUND, DATASETS + "audio.datasets.make_cv17_dataset");
        unsupported(
                all,
                Slot.DATASET,
                "a mixture of datasets",
                DATASETS + "vlm.datasets.make_tulu3_magicoder_text_mix_dataset");
        for (String name : List.of(
                "vlm.mock.build_mock_vlm_dataset",
                "llm.mock.build_unpacked_dataset",
                "llm.mock_packed.build_packed_dataset",
                "llm.mock_iterable_dataset.MockIterableDataset",
                "llm.mock_prefix_tree.build_mock_rollout_dataset")) {
            all.add(new Target(Slot.DATASET, DATASETS + name, new Meaning.Placeholder(MOCK, "dataset.path=FILE")));
        }
        unsupported(
                all,
                Slot.DATASET,
                "pretraining on token files",
                in("llm.", "megatron_dataset.MegatronPretraining nanogpt_dataset.NanogptDataset"));
        unsupported(all, Slot.DATASET, "a Delta Lake table", DATASETS + "llm.delta_lake_dataset.DeltaLakeDataset");
        unsupported(all, Slot.DATASET, "training of a classifier", DATASETS + "llm.seq_cls.GLUE_MRPC");
        unsupported(
                all,
                Slot.DATASET,
                "training of a retriever",
                DATASETS + "llm.retrieval_dataset.make_retrieval_dataset");
    }

    private static String[] in(String module, String names) {
        return Arrays.stream(names.split(" "))
                .map(name -> DATASETS + module + name)
                .toArray(String[]::new);
    }

    private static void same(List<Target> all, Slot slot, String what, String... names) {
        for (String name : names) {
            all.add(new Target(slot, name, new Meaning.Same(what)));
        }
    }

    private static void unsupported(List<Target> all, Slot slot, String feature, String... names) {
        for (String name : names) {
            all.add(new Target(slot, name, new Meaning.Unsupported(feature)));
        }
    }
}
