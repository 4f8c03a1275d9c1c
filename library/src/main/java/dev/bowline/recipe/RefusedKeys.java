package dev.bowline.recipe;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// Keys of NeMo AutoModel recipes, and a few of other tools, that mean something there and nothing here. They are not
/// typing errors, so each says why it is refused and what to do.
final class RefusedKeys {

    /// @param reason completes "key 'x': …"
    /// @param fix what to do, in the imperative
    record Refusal(String reason, String fix) {}

    private static final String NOT_YET = "not supported yet";

    private static final Map<String, Refusal> REFUSALS = refusals();

    private RefusedKeys() {}

    /// Why the key `name` of `section` is refused, if it is known.
    static Optional<Refusal> find(String section, String name) {
        if (name.equals("_target_") || name.equals("_component_")) {
            return Optional.of(new Refusal(
                    "names code to run, and a recipe is data, not code",
                    "remove it; the section's own keys say what it named"));
        }
        if (section.isEmpty() && name.startsWith("validation_dataset_")) {
            return Optional.of(
                    new Refusal("several validation datasets are " + NOT_YET, "keep one, validation_dataset"));
        }
        return Optional.ofNullable(REFUSALS.get(section.isEmpty() ? name : section + "." + name));
    }

    private static Map<String, Refusal> refusals() {
        Map<String, Refusal> known = new HashMap<>();
        addTop(known);
        addModelAndData(known);
        addTraining(known);
        addCheckpoint(known);
        return Map.copyOf(known);
    }

    private static void addTop(Map<String, Refusal> known) {
        add(known, "recipe", "there is one kind of recipe, supervised fine-tuning", "remove the line");
        add(known, "rng", "nothing reads a seed in here", "put seed at top level: seed: 42");
        for (String section : new String[] {"distributed", "dist_env"}) {
            add(
                    known,
                    section,
                    "training on several processes is " + NOT_YET,
                    "remove the section; a run is one process");
        }
        add(known, "peft", "adapters (LoRA) are " + NOT_YET, "remove the section to train the weights themselves");
        for (String section : new String[] {"quantization", "fp8", "qat"}) {
            add(
                    known,
                    section,
                    "quantized training is " + NOT_YET,
                    "remove the section, and use model.torch_dtype: bfloat16");
        }
        for (String section : new String[] {"wandb", "mlflow", "comet"}) {
            add(
                    known,
                    section,
                    "trackers are " + NOT_YET,
                    "remove the section; training.jsonl and validation.jsonl have every figure");
        }
        for (String section :
                new String[] {"compile", "neftune", "tool_call_eval", "embedding_row_repair", "moe_metrics", "processor"
                }) {
            add(known, section, NOT_YET, "remove the section");
        }
        for (String section : new String[] {"mfu", "nvtx", "prewarm", "ci", "skypilot", "nemo_run"}) {
            add(known, section, "belongs to AutoModel's own machinery", "remove the section");
        }
        add(
                known,
                "loss_fn",
                "a recipe does not name a function",
                "use loss.chunk_size, or remove the section: the loss is cross-entropy");
        add(
                known,
                "dataloader",
                "examples are read ahead without settings",
                "use dataset.shuffle, and remove the section");
        add(known, "validation_dataloader", "examples are read ahead without settings", "remove the section");
    }

    private static void addModelAndData(Map<String, Refusal> known) {
        add(known, "model.trust_remote_code", "code from a checkpoint is never run", "remove the line");
        for (String name : new String[] {"attn_implementation", "use_liger_kernel", "backend"}) {
            add(known, "model." + name, "kernels are chosen by the model and the machine", "remove it");
        }
        for (String name : new String[] {"text_config", "output_hidden_states", "config"}) {
            add(
                    known,
                    "model." + name,
                    "the checkpoint's config.json is used as it is",
                    "remove it, or change a copy of the checkpoint");
        }
        for (String section : new String[] {"dataset", "validation_dataset"}) {
            add(known, section + ".dataset_name", "datasets are local files", "download it as JSONL, and use path");
            add(known, section + ".path_or_dataset", "datasets are local files", "download it as JSONL, and use path");
            add(
                    known,
                    section + ".split",
                    "a file is one split",
                    "use a file for each split, and limit_dataset_samples for a part");
            add(known, section + ".padding", "rows are padded to the longest of their batch", "remove the line");
            add(known, section + ".tokenizer", "the tokenizer is the checkpoint's", "remove it");
            add(
                    known,
                    section + ".use_hf_chat_template",
                    "the chat template is always used",
                    "remove the line, or give chat_template");
            add(
                    known,
                    section + ".skip_invalid_samples",
                    "a broken example is an error with its line",
                    "remove the line, and correct the file");
            add(known, section + ".mask_reasoning_content", NOT_YET, "remove the line");
            add(known, section + ".shuffle_seed", "there is one seed", "use the top-level seed");
        }
        add(known, "validation_dataset.shuffle", "validation is never shuffled", "remove the line");
        for (String name : new String[] {"packing_strategy", "split_across_pack", "max_packs"}) {
            add(
                    known,
                    "packed_sequence." + name,
                    "there is one way of packing: first fit, no example split",
                    "remove the line");
        }
    }

    private static void addTraining(Map<String, Refusal> known) {
        add(known, "step_scheduler.save_checkpoint_every_epoch", NOT_YET, "use ckpt_every_steps");
        add(known, "step_scheduler.log_remote_every_steps", "every step is logged", "remove the line");
        add(
                known,
                "step_scheduler.loss_average_window_steps",
                "every step is logged with its own loss",
                "remove the line");
        add(known, "step_scheduler.gc_every_steps", "memory is freed as it falls due", "remove the line");
        add(
                known,
                "step_scheduler.preemption_signal",
                "SIGTERM and Ctrl-C always finish the step and save",
                "remove the line");
        add(known, "optimizer.learning_rate", "it has AutoModel's name here", "use lr");
        for (String name :
                new String[] {"fused", "foreach", "capturable", "master_weights", "store_param_remainders"}) {
            add(
                    known,
                    "optimizer." + name,
                    "the optimizer is always fused, with 32-bit master weights",
                    "remove the line");
        }
        for (String name : new String[] {"amsgrad", "maximize"}) {
            add(known, "optimizer." + name, NOT_YET, "remove the line");
        }
        add(known, "lr_scheduler.max_lr", "the highest rate is the optimizer's", "use optimizer.lr");
        for (String name : new String[] {
            "start_wd", "end_wd", "wd_incr_steps", "wd_incr_style", "wsd_decay_steps", "lr_wsd_decay_style"
        }) {
            add(known, "lr_scheduler." + name, NOT_YET, "remove the line");
        }
        add(known, "clip_grad_norm.norm_type", "the norm is the Euclidean one", "remove the line");
        add(known, "clip_grad_norm.foreach", "the fastest way is always used", "remove the line");
    }

    private static void addCheckpoint(Map<String, Refusal> known) {
        add(known, "checkpoint.model_save_format", "weights are always safetensors", "remove the line");
        add(
                known,
                "checkpoint.save_consolidated",
                "every checkpoint is a whole Hugging Face directory",
                "remove the line");
        add(
                known,
                "checkpoint.best_metric_key",
                "the best is the one with the lowest validation loss",
                "use keep_best");
        add(known, "checkpoint.allow_legacy_pickle_restore", "pickle is never opened", "remove the line");
        for (String name : new String[] {
            "is_async",
            "cpu_offload",
            "v4_compatible",
            "staging_dir",
            "single_rank_consolidation",
            "consolidation_timeout_minutes"
        }) {
            add(
                    known,
                    "checkpoint." + name,
                    "there is one way of saving: aside, then renamed whole",
                    "remove the line");
        }
    }

    private static void add(Map<String, Refusal> known, String path, String reason, String fix) {
        known.put(path, new Refusal(reason, fix));
    }
}
