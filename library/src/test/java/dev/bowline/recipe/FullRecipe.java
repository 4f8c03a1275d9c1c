package dev.bowline.recipe;

/// A recipe that says everything there is to say, and nothing by its default.
final class FullRecipe {

    static final String YAML = """
            seed: 7
            activation_checkpointing: true
            model:
              pretrained_model_name_or_path: model
              torch_dtype: torch.bfloat16
              device: cpu
              quantization: nf4
              resize_token_embeddings: null
              attention_dropout: 0
              resid_pdrop: 0.0
            dataset:
              path: train.jsonl
              format: columns
              column_mapping:
                context: passage
                question: ask
                answer: reply
              seq_length: 128
              truncation: cut_start
              limit_dataset_samples: 100
              split: train[:90%]
              chat_template: chat.jinja
              use_hf_chat_template: true
              chat_template_kwargs: {enable_thinking: true, tone: dry, budgets: [1, 0.5]}
              chat_template_date: 2026-01-31
              inject_thinking_prefix: true
              add_bos_token: true
              answer_only_loss_mask: true
              mask_history: true
              shuffle: false
            validation_dataset:
              path: heldout.jsonl
              split: validation
              format: messages
              seq_length: 64
              truncation: skip
              limit_dataset_samples: 10
              chat_template: tool_use
              use_hf_chat_template: true
              chat_template_kwargs: null
              chat_template_date: null
              inject_thinking_prefix: false
              add_bos_token: false
              answer_only_loss_mask: false
              mask_history: false
            packed_sequence:
              packed_sequence_size: 256
            step_scheduler:
              global_batch_size: 8
              local_batch_size: 2
              max_steps: 30
              num_epochs: 3
              ckpt_every_steps: 10
              val_every_steps: 5
            optimizer:
              name: adamw
              lr: 2e-4
              betas: [0.8, 0.95]
              eps: 1e-6
              weight_decay: 0.1
              decay_norms_and_biases: true
              state_dtype: int8
            lr_scheduler:
              lr_decay_style: cosine
              lr_warmup_steps: 3
              start_at_init_lr: true
              lr_decay_steps: 25
              min_lr: 1e-5
              init_lr: 1e-6
            clip_grad_norm:
              max_norm: 0.5
            checkpoint:
              enabled: true
              checkpoint_dir: runs
              max_recent_checkpoints: 4
              keep_best: true
              restore_from: LATEST
              max_shard_size: 2GiB
              save_optimizer: false
              last: weights_only
            freeze_config:
              freeze_embeddings: true
              freeze_vision_tower: true
              freeze_audio_tower: true
              freeze_language_model: false
              freeze_router: true
              freeze_experts: true
              freeze_norms: true
              freeze_lm_head: true
            peft:
              dim: 16
              alpha: 24.5
              dropout: 0.1
              dropout_position: post
              match_all_linear: false
              target_modules: ["*_proj", k_proj]
              exclude_modules: ".*\\\\.1\\\\..*"
              target_parameters: []
              modules_to_save: [lm_head]
              trainable_token_indices: {embed_tokens: [5, 3]}
              lora_A_init: gaussian
              use_dora: true
              use_rslora: true
              rank_pattern: {down_proj: 4, '(q|k)_proj': 2}
              alpha_pattern: {down_proj: 0.5}
              tie_mode: untie
              ensure_weight_tying: false
            loss:
              chunk_size: 64
              full_logits: false
            distributed:
              strategy: fsdp
              ep_size: 2
              summation: fast
              timeout: 90s
              max_restarts: 0
            evaluate:
              every_steps: 50
              data: heldout.jsonl
              split: test
              limit: 20
              max_new_tokens: 64
              metrics: [exact_match, regex, perplexity]
              regex: '[0-9]+'
              samples: 2
              keep_best: exact_match
              early_stopping_patience: 3
              early_stopping_threshold: 0.01
              max_share: 0.25
            logging:
              report: false
              tensorboard: true
              mlflow:
                tracking_uri: https://mlflow.example:5000
                experiment_name: support
                run_name: first-try
            """;

    private FullRecipe() {}
}
