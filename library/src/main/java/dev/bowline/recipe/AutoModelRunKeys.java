package dev.bowline.recipe;

import static dev.bowline.recipe.AutoModelKeys.in;

import dev.bowline.recipe.AutoModelKeys.Ignored;
import dev.bowline.recipe.AutoModelKeys.Means;
import dev.bowline.recipe.AutoModelKeys.OnlyWith;
import dev.bowline.recipe.AutoModelKeys.Refused;
import dev.bowline.recipe.AutoModelKeys.Rows;
import dev.bowline.recipe.AutoModelKeys.Target;
import java.util.List;

/// The translation of AutoModel's keys for the model, the training and the machine.
final class AutoModelRunKeys {

    private static final String PROCESSES = "it configures AutoModel's own processes, and changes no result";
    private static final String SPLIT =
            "the launcher gives the number of ranks, and a layer is computed by one rank; the split changes no result";
    private static final String SPEED = "kernels are chosen by the model and the processor";
    private static final String SAVING = "every checkpoint is a whole Hugging Face directory of safetensors files";
    private static final String OWN_MACHINERY = "it configures AutoModel itself";
    private static final String REMOVE = "remove it";

    private AutoModelRunKeys() {}

    static void addTo(Rows rows) {
        top(rows);
        model(rows);
        training(rows);
        checkpoint(rows);
    }

    private static void top(Rows rows) {
        rows.put(new Target(), "recipe", "rng._target_");
        rows.put(new Ignored("AutoModel's recipes read the top-level seed and not this one"), "rng.seed", "rng.ranked");
        rows.put(
                new Ignored("distributed.timeout is the time that a rank waits for others"),
                "dist_env.timeout_minutes",
                "dist_env.init_timeout_minutes");
        rows.put(new Ignored("ranks on processors communicate with Gloo"), "dist_env.backend");
        rows.put(new Target(), "distributed._target_", "distributed.mp_policy._target_");
        rows.put(
                new Ignored(SPLIT),
                in("distributed", "dp_size dp_replicate_size tp_size cp_size pp_size sequence_parallel tp_plan"));
        rows.put(
                new Ignored(PROCESSES),
                in(
                        "distributed",
                        "pipeline multimodal moe offload_policy defer_fsdp_grad_sync reshard_after_forward"
                                + " enable_async_tensor_parallel enable_compile enable_fsdp2_prefetch"
                                + " patch_is_packed_sequence zero_dp_strategy overlap_grad_reduce overlap_param_gather"
                                + " find_unused_parameters gradient_as_bucket_view static_graph broadcast_buffers"));
        rows.put(
                new Ignored("the weights are trained in model.torch_dtype, with 32-bit master weights"),
                "distributed.mp_policy.param_dtype",
                "distributed.mp_policy.reduce_dtype",
                "distributed.mp_policy.output_dtype",
                "distributed.mp_policy.cast_forward_inputs",
                "distributed.autocast_dtype",
                "autocast.enabled",
                "autocast.dtype");
        rows.put(
                new Means("true", "activation_checkpointing", "true"),
                "distributed.activation_checkpointing",
                "model.base_activation_checkpointing");
        rows.put(new Ignored("a checkpoint is one decoder layer"), "distributed.activation_checkpointing_scope");
        rows.put(new Ignored("nothing is compiled, and the results are the same"), "compile");
        rows.put(new Refused("fp8 training", "remove the section, and use model.torch_dtype: bfloat16"), "fp8");
        rows.put(new Refused("quantization-aware training", "remove the section"), "qat");
        rows.put(new Refused("NEFTune (noise on the embeddings)", "remove the section"), "neftune");
        rows.put(
                new Refused("the repair of embedding rows before training", "remove the section"),
                "embedding_row_repair");
        rows.put(
                new Refused("distillation from a teacher", "remove the section"),
                "teacher_model",
                "kd_ratio",
                "kd_loss_fn");
        rows.put(
                new Ignored(
                        "training.jsonl and validation.jsonl have every figure; logging has TensorBoard and MLflow"),
                "wandb",
                "comet");
        rows.put(
                new Ignored("a run of MLflow gets the figures of the logs and the values of the recipe"),
                in("mlflow", "artifact_location tags description flatten_depth"));
        rows.put(new OnlyWith(List.of("true"), "a new run of MLflow for a resumed training"), "mlflow.resume");
        rows.put(new Ignored("it measures tool calls during the training, and changes no weight"), "tool_call_eval");
        rows.put(
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
        rows.put(new Target(), "processor._target_", "tokenizer._target_");
        rows.put(
                new Ignored("the checkpoint's tokenizer is used, and rows are padded on the right"),
                "processor.padding_side",
                "processor.pretrained_model_name_or_path",
                "processor.trust_remote_code",
                "tokenizer.pretrained_model_name_or_path",
                "tokenizer.trust_remote_code",
                "tokenizer.padding_side",
                "tokenizer.use_fast");
        rows.put(
                new OnlyWith(List.of("true"), "an answer without the end-of-sequence token"),
                "tokenizer.add_eos_token");
        rows.put(new Means("true", "dataset.add_bos_token", "true"), "tokenizer.add_bos_token");
    }

    private static void model(Rows rows) {
        rows.put(new Target(), "model._target_", "model.backend._target_");
        rows.put(
                new Ignored(SPEED),
                in("model", "attn_implementation use_liger_kernel use_sdpa_patching sdpa_method force_hf"));
        rows.put(
                new Ignored(SPEED),
                in(
                        "model.backend",
                        "attn linear rms_norm rope rope_fusion experts dispatcher dispatcher_num_sms"
                                + " dispatcher_share_token_dispatcher dispatcher_async_dispatch enable_deepep"
                                + " enable_hf_state_dict_adapter enable_fsdp_optimizations gate_precision compile_attn"
                                + " cuda_graph mok"));
        rows.put(
                new OnlyWith(List.of("false"), "a gate that sends tokens to experts evenly, as for a benchmark,"),
                "model.backend.fake_balanced_gate");
        rows.put(new OnlyWith(List.of("0", "0.0"), "noise on the gate"), "model.backend.fake_gate_noise");
        rows.put(new Refused("fp8 training", REMOVE), "model.backend.te_fp8");
        rows.put(new Ignored("code from a checkpoint is never run"), "model.trust_remote_code");
        rows.put(
                new Ignored("it selects outputs of the forward pass and changes no result"),
                "model.output_hidden_states",
                "model.text_config.output_hidden_states",
                "model.text_config.use_cache",
                "model.use_cache");
        rows.put(new Ignored(SPEED), "model.text_config.cp_full_attn_backend");
        rows.put(
                new Refused(
                        "a config.json changed by the recipe",
                        "remove it, and change a copy of the checkpoint instead"),
                "model.text_config");
        rows.put(new OnlyWith(List.of("0", "0.0"), "the auxiliary loss of the router"), "model.router_aux_loss_coef");
        rows.put(
                new Refused(
                        "a model with fresh weights, made from a config",
                        "give model.pretrained_model_name_or_path: a checkpoint"),
                "model.config");
        rows.put(
                new Refused("a draft model trained along with the model", REMOVE),
                in("model", "drafter_path drafter_loss_weight drafter_num_steps"));
        rows.put(
                new Ignored("the checkpoint is a local directory"),
                in("model", "cache_dir revision low_cpu_mem_usage device_map token"));
    }

    private static void training(Rows rows) {
        rows.put(
                new Ignored("every step is logged"),
                in("step_scheduler", "log_remote_every_steps loss_average_window_steps"));
        rows.put(new Ignored("memory is freed when it is no longer used"), "step_scheduler.gc_every_steps");
        rows.put(new Ignored("SIGTERM and Ctrl-C always finish the step and save"), "step_scheduler.preemption_signal");
        rows.put(
                new Ignored("checkpoints fall on ckpt_every_steps and on the last step"),
                "step_scheduler.save_checkpoint_every_epoch");
        rows.put(new Ignored(SPLIT), "step_scheduler.dp_size");
        rows.put(
                new OnlyWith(List.of("0"), "a first step other than the checkpoint's"),
                in("step_scheduler", "start_step start_epoch"));
        rows.put(new Target(), "optimizer._target_", "loss_fn._target_");
        rows.put(
                new Ignored("the optimizer is always fused, with 32-bit master weights;"
                        + " optimizer.state_dtype decides about moments"),
                in(
                        "optimizer",
                        "fused foreach capturable master_weights master_weight_dtype master_weight_bits"
                                + " store_param_remainders exp_avg_dtype exp_avg_sq_dtype compress_state_dict"
                                + " use_decoupled_grad"));
        rows.put(new OnlyWith(List.of("false"), "AMSGrad"), "optimizer.amsgrad");
        rows.put(new OnlyWith(List.of("false"), "gradient ascent"), "optimizer.maximize");
        rows.put(new OnlyWith(List.of("true"), "Adam with coupled weight decay (L2)"), "optimizer.adam_w_mode");
        rows.put(new OnlyWith(List.of("true"), "moments without bias correction"), "optimizer.bias_correction");
        rows.put(new OnlyWith(List.of("[]"), "a rate for each group of parameters"), "optimizer.param_group_overrides");
        rows.put(
                new Refused("a weight decay that changes during the run", REMOVE),
                in("lr_scheduler", "start_wd end_wd wd_incr_steps wsd_decay_steps lr_wsd_decay_style"));
        rows.put(
                new OnlyWith(List.of("constant"), "a weight decay that changes during the run"),
                "lr_scheduler.wd_incr_style");
        rows.put(
                new Ignored("a resumed run takes the schedule from the recipe"),
                in("lr_scheduler", "use_checkpoint_opt_param_scheduler override_opt_param_scheduler"));
        rows.put(new OnlyWith(List.of("2", "2.0"), "another norm than the Euclidean one"), "clip_grad_norm.norm_type");
        rows.put(new Ignored("the fastest way is always used"), "clip_grad_norm.foreach");
        rows.put(
                new OnlyWith(List.of("sum"), "another reduction than the mean over all trained tokens"),
                "loss_fn.reduction");
        rows.put(
                new OnlyWith(List.of("-100"), "another label for tokens that are not trained on"),
                "loss_fn.ignore_index");
        rows.put(new Ignored("the loss is always computed in float32"), "loss_fn.fp32_upcast");
        rows.put(
                new Ignored("config.json of the checkpoint decides about the softcap of the logits"),
                "loss_fn.logit_softcapping");
    }

    private static void checkpoint(Rows rows) {
        rows.put(
                new Ignored(SAVING),
                in(
                        "checkpoint",
                        "model_save_format save_consolidated is_async wait_for_staging cpu_offload v4_compatible"
                                + " staging_dir single_rank_consolidation consolidation_timeout_minutes"
                                + " diffusers_compatible model_cache_dir model_repo_id"));
        rows.put(new Ignored("weights are read in their stored form"), "checkpoint.dequantize_base_checkpoint");
        rows.put(new Ignored("pickle is never opened"), "checkpoint.allow_legacy_pickle_restore");
        rows.put(
                new OnlyWith(List.of("default"), "another measure of the best checkpoint than the validation loss"),
                "checkpoint.best_metric_key");
    }
}
