package dev.bowline.recipe;

import dev.bowline.recipe.AutoModelKey.Ignored;
import dev.bowline.recipe.AutoModelKey.Means;
import dev.bowline.recipe.AutoModelKey.Moved;
import dev.bowline.recipe.AutoModelKey.OnlyWith;
import dev.bowline.recipe.AutoModelKey.Refused;
import dev.bowline.recipe.AutoModelKey.Target;
import dev.bowline.recipe.AutoModelKey.Treatment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Every key of NeMo AutoModel's fine-tuning recipes that is not a key of Bowline's with the same meaning.
final class AutoModelKeys {

    private static final String ONE_PROCESS = "a run is one process, and how the work is split changes no result";
    private static final String SPEED = "kernels are chosen by the model and the processor";
    private static final String LOADING = "examples are read ahead without settings";
    private static final String SAVING = "every checkpoint is a whole Hugging Face directory of safetensors files";
    private static final String OWN_MACHINERY = "it belongs to AutoModel's own machinery";
    private static final String REMOVE = "remove it";

    private static final Map<String, Treatment> ROWS = new LinkedHashMap<>();

    static {
        top();
        model();
        datasets();
        loaders();
        training();
        checkpoint();
    }

    private AutoModelKeys() {}

    static Optional<Treatment> find(String path) {
        return Optional.ofNullable(ROWS.get(path));
    }

    /// Whether something in `section` has a row.
    static boolean isSection(String section) {
        return ROWS.keySet().stream().anyMatch(path -> path.startsWith(section + "."));
    }

    /// Names that may stand in `section`, empty for the top, besides those of the schema.
    static List<String> names(String section) {
        String prefix = section.isEmpty() ? "" : section + ".";
        return ROWS.keySet().stream()
                .filter(path -> path.startsWith(prefix))
                .map(path -> Key.segments(path.substring(prefix.length())).getFirst())
                .distinct()
                .toList();
    }

    static List<AutoModelKey> all() {
        return ROWS.entrySet().stream()
                .map(row -> new AutoModelKey(row.getKey(), row.getValue()))
                .toList();
    }

    private static void top() {
        put(new Target(), "recipe", "rng._target_");
        put(new Ignored("AutoModel's recipes read the top-level seed and not this one"), "rng.seed", "rng.ranked");
        put(new Ignored(ONE_PROCESS), "dist_env.backend", "dist_env.timeout_minutes", "dist_env.init_timeout_minutes");
        put(new Target(), "distributed._target_", "distributed.mp_policy._target_");
        put(
                new Ignored(ONE_PROCESS),
                in(
                        "distributed",
                        "strategy dp_size dp_replicate_size tp_size cp_size pp_size ep_size sequence_parallel tp_plan"
                                + " pipeline multimodal moe offload_policy defer_fsdp_grad_sync reshard_after_forward"
                                + " enable_async_tensor_parallel enable_compile enable_fsdp2_prefetch"
                                + " patch_is_packed_sequence zero_dp_strategy overlap_grad_reduce overlap_param_gather"
                                + " find_unused_parameters gradient_as_bucket_view static_graph broadcast_buffers"));
        put(
                new Ignored("the weights are trained in model.torch_dtype, with 32-bit master weights"),
                "distributed.mp_policy.param_dtype",
                "distributed.mp_policy.reduce_dtype",
                "distributed.mp_policy.output_dtype",
                "distributed.mp_policy.cast_forward_inputs",
                "distributed.autocast_dtype",
                "autocast.enabled",
                "autocast.dtype");
        put(
                new Ignored("it changes the memory of a step and not its result"),
                "distributed.activation_checkpointing",
                "distributed.activation_checkpointing_scope");
        put(new Ignored("nothing is compiled, and the results are the same"), "compile");
        put(new Refused("LoRA (an adapter)", "remove the section to train the weights themselves"), "peft");
        put(
                new Refused(
                        "training on quantized weights (QLoRA)", "remove the section; use model.torch_dtype: bfloat16"),
                "quantization");
        put(new Refused("fp8 training", "remove the section, and use model.torch_dtype: bfloat16"), "fp8");
        put(new Refused("quantization-aware training", "remove the section"), "qat");
        put(new Refused("NEFTune (noise on the embeddings)", "remove the section"), "neftune");
        put(new Refused("the repair of embedding rows before training", "remove the section"), "embedding_row_repair");
        put(
                new Refused("distillation from a teacher", "remove the section"),
                "teacher_model",
                "kd_ratio",
                "kd_loss_fn");
        put(
                new Ignored("there are no trackers; training.jsonl and validation.jsonl have every figure"),
                "wandb",
                "mlflow",
                "comet");
        put(new Ignored("it measures tool calls beside the training, and changes no weight"), "tool_call_eval");
        put(
                new Ignored(OWN_MACHINERY),
                "ci",
                "mfu",
                "nvtx",
                "prewarm",
                "moe_metrics",
                "benchmark",
                "skypilot",
                "nemo_run",
                "slurm");
        put(new Target(), "processor._target_", "tokenizer._target_");
        put(
                new Ignored("the checkpoint's tokenizer is used, and rows are padded on the right"),
                "processor.padding_side",
                "processor.pretrained_model_name_or_path",
                "processor.trust_remote_code",
                "tokenizer.pretrained_model_name_or_path",
                "tokenizer.trust_remote_code",
                "tokenizer.padding_side",
                "tokenizer.use_fast");
        put(new OnlyWith(List.of("true"), "an answer without the end-of-sequence token"), "tokenizer.add_eos_token");
        put(new Means("true", "dataset.add_bos_token", "true"), "tokenizer.add_bos_token");
    }

    private static void model() {
        put(new Target(), "model._target_", "model.backend._target_");
        put(new Moved("model.torch_dtype"), "model.dtype");
        put(
                new Ignored(SPEED),
                in("model", "attn_implementation use_liger_kernel use_sdpa_patching sdpa_method force_hf"));
        put(
                new Ignored(SPEED),
                in(
                        "model.backend",
                        "attn linear rms_norm rope rope_fusion experts dispatcher dispatcher_num_sms"
                                + " dispatcher_share_token_dispatcher dispatcher_async_dispatch enable_deepep"
                                + " enable_hf_state_dict_adapter enable_fsdp_optimizations gate_precision compile_attn"
                                + " cuda_graph mok"));
        put(
                new OnlyWith(List.of("false"), "a gate that sends tokens to experts evenly, as for a benchmark,"),
                "model.backend.fake_balanced_gate");
        put(new OnlyWith(List.of("0", "0.0"), "noise on the gate"), "model.backend.fake_gate_noise");
        put(new Refused("fp8 training", REMOVE), "model.backend.te_fp8");
        put(new Ignored("code from a checkpoint is never run"), "model.trust_remote_code");
        put(
                new Ignored("it says what the forward pass returns or keeps, and changes no result"),
                "model.output_hidden_states",
                "model.text_config.output_hidden_states",
                "model.text_config.use_cache",
                "model.use_cache");
        put(new Ignored(SPEED), "model.text_config.cp_full_attn_backend");
        put(
                new Refused(
                        "a config.json changed by the recipe",
                        "remove it, and change a copy of the checkpoint instead"),
                "model.text_config");
        put(new OnlyWith(List.of("0", "0.0"), "the auxiliary loss of the router"), "model.router_aux_loss_coef");
        put(
                new Refused(
                        "a model with fresh weights, made from a config",
                        "give model.pretrained_model_name_or_path: a checkpoint"),
                "model.config");
        put(
                new Refused("a draft model trained along with the model", REMOVE),
                in("model", "drafter_path drafter_loss_weight drafter_num_steps"));
        put(new Ignored("it changes the memory of a step and not its result"), "model.base_activation_checkpointing");
        put(
                new Ignored("the checkpoint is a local directory"),
                in("model", "cache_dir revision low_cpu_mem_usage device_map token"));
    }

    private static void datasets() {
        for (String section : List.of("dataset", "validation_dataset")) {
            put(new Target(), section + "._target_");
            put(new Moved(section + ".limit_dataset_samples"), section + ".num_samples_limit");
            put(new Moved(section + ".seq_length"), section + ".max_length");
            put(new Moved(section + ".mask_history"), section + ".train_on_last_turn_only");
            put(
                    new Ignored("rows are padded to the longest of their batch, and padding is never trained on"),
                    in(section, "padding pad_to_max_length"));
            put(
                    new Ignored("the checkpoint's tokenizer and chat template say where answers begin"),
                    in(section, "tokenizer start_of_turn_token"));
            put(new Ignored("the examples are read in the order of the file"), in(section, "shuffle_seed seed"));
            put(new Means("true", section + ".truncation", "skip"), section + ".filter_overlong");
            put(new Ignored("AutoModel does not read it either"), section + ".fp8");
            put(new Ignored("every example becomes tokens before the first step"), section + ".pretokenize");
            put(new Ignored("only text is trained on"), section + ".inject_fake_images");
            put(new Ignored("a broken example is an error with its line"), section + ".skip_invalid_samples");
            put(
                    new OnlyWith(List.of("false"), "thoughts that are not trained on"),
                    section + ".mask_reasoning_content");
            put(
                    new OnlyWith(List.of("false"), "thoughts left out of earlier turns"),
                    section + ".drop_history_reasoning_content");
            put(new OnlyWith(List.of("false"), "earlier turns left out to fit"), section + ".truncate_history");
            put(
                    new OnlyWith(List.of("false"), "the end of a conversation left out after its last answer"),
                    section + ".trim_incomplete_last_turn");
            put(
                    new OnlyWith(List.of("false"), "conversations without an answer left out"),
                    section + ".filter_no_assistant");
            put(new OnlyWith(List.of("false"), "training of a diffusion language model"), section + ".unshifted");
        }
    }

    private static void loaders() {
        for (String section : List.of("dataloader", "validation_dataloader")) {
            put(new Target(), section + "._target_", section + ".collate_fn", section + ".collate_fn._target_");
            put(
                    new Ignored("rows are padded to the longest of their batch, and padding is never trained on"),
                    in(section + ".collate_fn", "pad_seq_len_divisible"));
            put(
                    new Moved(section.replace("dataloader", "dataset") + ".seq_length"),
                    section + ".collate_fn.max_length");
            put(
                    new OnlyWith(List.of("false"), "an estimate of the length of examples, to leave long ones out,"),
                    section + ".collate_fn.drop_overlong");
            put(
                    new Ignored(LOADING),
                    in(
                            section,
                            "num_workers pin_memory persistent_workers prefetch_factor shuffle_buffer_size"
                                    + " multiprocessing_context timeout"));
            put(new Ignored("every example of an epoch is trained on"), section + ".drop_last");
            put(new OnlyWith(List.of("false"), "batches of examples of like length"), section + ".group_by_length");
        }
        put(new Moved("dataset.shuffle"), "dataloader.shuffle");
        put(
                new OnlyWith(List.of("null"), "a batch size other than step_scheduler.local_batch_size"),
                "dataloader.batch_size");
        put(
                new Ignored("validation reads every example once, in batches of step_scheduler.local_batch_size"),
                in("validation_dataloader", "shuffle batch_size"));
        put(new Moved("packed_sequence.packed_sequence_size"), "packed_sequence.pack_size");
        put(new Moved("dataset.seq_length"), "packed_sequence.max_length");
        put(new Means("true", "dataset.truncation", "skip"), "packed_sequence.drop_long_samples");
        put(
                new Ignored("there is one way of packing: whole examples, first fit, that do not see each other"),
                in(
                        "packed_sequence",
                        "packing_strategy packing_ratio packing_format collate_max_length pretokenize"
                                + " attn_implementation balance_media_tokens num_proc"));
        put(
                new OnlyWith(List.of("false"), "an example split across two packed rows"),
                "packed_sequence.split_across_pack");
        put(new OnlyWith(List.of("null"), "a limit of packed rows"), "packed_sequence.max_packs");
        put(new Target(), "packed_sequence.post_tokenize_hook_fn");
    }

    private static void training() {
        put(
                new Ignored("every step is logged"),
                in("step_scheduler", "log_remote_every_steps loss_average_window_steps"));
        put(new Ignored("memory is freed as it falls due"), "step_scheduler.gc_every_steps");
        put(new Ignored("SIGTERM and Ctrl-C always finish the step and save"), "step_scheduler.preemption_signal");
        put(
                new Ignored("checkpoints fall on ckpt_every_steps and on the last step"),
                "step_scheduler.save_checkpoint_every_epoch");
        put(new Ignored(ONE_PROCESS), "step_scheduler.dp_size");
        put(
                new OnlyWith(List.of("0"), "a first step other than the checkpoint's"),
                in("step_scheduler", "start_step start_epoch"));
        put(new Target(), "optimizer._target_", "loss_fn._target_");
        put(
                new Ignored("the optimizer is always fused, with 32-bit master weights and moments"),
                in(
                        "optimizer",
                        "fused foreach capturable master_weights master_weight_dtype master_weight_bits"
                                + " store_param_remainders exp_avg_dtype exp_avg_sq_dtype compress_state_dict"
                                + " use_decoupled_grad"));
        put(new OnlyWith(List.of("false"), "AMSGrad"), "optimizer.amsgrad");
        put(new OnlyWith(List.of("false"), "gradient ascent"), "optimizer.maximize");
        put(new OnlyWith(List.of("true"), "Adam with coupled weight decay (L2)"), "optimizer.adam_w_mode");
        put(new OnlyWith(List.of("true"), "moments without bias correction"), "optimizer.bias_correction");
        put(new OnlyWith(List.of("[]"), "a rate for each group of parameters"), "optimizer.param_group_overrides");
        put(
                new Refused("a weight decay that changes during the run", REMOVE),
                in("lr_scheduler", "start_wd end_wd wd_incr_steps wsd_decay_steps lr_wsd_decay_style"));
        put(
                new OnlyWith(List.of("constant"), "a weight decay that changes during the run"),
                "lr_scheduler.wd_incr_style");
        put(
                new Ignored("on resume the recipe says the schedule"),
                in("lr_scheduler", "use_checkpoint_opt_param_scheduler override_opt_param_scheduler"));
        put(new OnlyWith(List.of("2", "2.0"), "another norm than the Euclidean one"), "clip_grad_norm.norm_type");
        put(new Ignored("the fastest way is always used"), "clip_grad_norm.foreach");
        put(
                new OnlyWith(List.of("sum"), "another reduction than the mean over all trained tokens"),
                "loss_fn.reduction");
        put(new OnlyWith(List.of("-100"), "another mark for tokens that are not trained on"), "loss_fn.ignore_index");
        put(new Ignored("the loss is always computed in 32 bit"), "loss_fn.fp32_upcast");
        put(new Ignored("the logits are capped as the checkpoint's config.json says"), "loss_fn.logit_softcapping");
        put(new Moved("loss.chunk_size"), "loss_fn.chunk_len");
    }

    private static void checkpoint() {
        put(
                new Ignored(SAVING),
                in(
                        "checkpoint",
                        "model_save_format save_consolidated is_async wait_for_staging cpu_offload v4_compatible"
                                + " staging_dir single_rank_consolidation consolidation_timeout_minutes"
                                + " diffusers_compatible model_cache_dir model_repo_id"));
        put(
                new Ignored("weights are read as they are stored, and quantized ones are refused"),
                "checkpoint.dequantize_base_checkpoint");
        put(new Ignored("pickle is never opened"), "checkpoint.allow_legacy_pickle_restore");
        put(
                new OnlyWith(List.of("default"), "another measure of the best checkpoint than the validation loss"),
                "checkpoint.best_metric_key");
    }

    private static String[] in(String section, String names) {
        return Arrays.stream(names.split(" ")).map(name -> section + "." + name).toArray(String[]::new);
    }

    private static void put(Treatment treatment, String... paths) {
        for (String path : paths) {
            if (ROWS.putIfAbsent(path, treatment) != null) {
                throw new IllegalStateException(path + " has two rows");
            }
        }
    }
}
