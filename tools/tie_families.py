"""The tiny configs whose loading is recorded: hidden size 8, 32 rows, one layer, no tie flag at any level."""

SIZES = {"vocab_size": 32, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
         "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "max_position_embeddings": 64,
         "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}  # fmt: skip
VISION = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
          "image_size": 8, "patch_size": 4}  # fmt: skip
QWEN_VISION = {"depth": 1, "embed_dim": 8, "hidden_size": 8, "num_heads": 2, "patch_size": 4, "spatial_merge_size": 1,
               "temporal_patch_size": 1, "mlp_ratio": 2}  # fmt: skip
QWEN3_VISION = {"depth": 1, "hidden_size": 8, "intermediate_size": 16, "num_heads": 2, "patch_size": 4,
                "spatial_merge_size": 1, "temporal_patch_size": 1, "out_hidden_size": 8, "num_position_embeddings": 16,
                "deepstack_visual_indexes": [0]}  # fmt: skip
MROPE = {"rope_scaling": {"type": "mrope", "mrope_section": [1, 1, 0]}}
OMNI_ROPE = {"rope_scaling": {"rope_type": "default", "mrope_section": [1, 1, 0]}}
EXPERTS = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8, "decoder_sparse_step": 1}


def flat(architecture, model_type, **more):
    return {"architectures": [architecture], "model_type": model_type} | SIZES | more


def nested(architecture, model_type, text, **more):
    return {"architectures": [architecture], "model_type": model_type, "text_config": SIZES | text} | more


FAMILIES = {
    "llama": flat("LlamaForCausalLM", "llama"),
    "qwen3": flat("Qwen3ForCausalLM", "qwen3"),
    "gemma": flat("GemmaForCausalLM", "gemma"),
    "gpt2": {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 32, "n_embd": 8, "n_layer": 1,
             "n_head": 2, "n_positions": 64, "bos_token_id": 1, "eos_token_id": 2},
    "bert": flat("BertLMHeadModel", "bert", is_decoder=True),
    "t5": {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 32, "d_model": 8,
           "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2, "decoder_start_token_id": 0},
    "mt5": {"architectures": ["MT5ForConditionalGeneration"], "model_type": "mt5", "vocab_size": 32, "d_model": 8,
            "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2, "decoder_start_token_id": 0},
    "mistral3": nested("Mistral3ForConditionalGeneration", "mistral3", {"model_type": "mistral"},
                       vision_config=VISION | {"model_type": "pixtral", "head_dim": 4}, image_token_index=10,
                       spatial_merge_size=1),
    "gemma3": nested("Gemma3ForConditionalGeneration", "gemma3", {"model_type": "gemma3_text", "sliding_window": 8},
                     vision_config=VISION | {"model_type": "siglip_vision_model"}, mm_tokens_per_image=4,
                     image_token_index=10, boi_token_index=11, eoi_token_index=12),
    "qwen2_vl": nested("Qwen2VLForConditionalGeneration", "qwen2_vl", {"model_type": "qwen2_vl_text"} | MROPE,
                       vision_config=QWEN_VISION | {"model_type": "qwen2_vl"}, image_token_id=10, video_token_id=11),
    "qwen2_5_vl": nested("Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", {"model_type": "qwen2_5_vl_text"} | MROPE,
                         vision_config={"model_type": "qwen2_5_vl", "depth": 1, "hidden_size": 8,
                                        "intermediate_size": 16, "num_heads": 2, "patch_size": 4,
                                        "spatial_merge_size": 1, "temporal_patch_size": 1, "out_hidden_size": 8,
                                        "window_size": 8, "fullatt_block_indexes": [0]},
                         image_token_id=10, video_token_id=11),
    "qwen3_vl_moe": nested("Qwen3VLMoeForConditionalGeneration", "qwen3_vl_moe",
                           {"model_type": "qwen3_vl_moe_text"} | EXPERTS | {
                               "rope_scaling": {"rope_type": "default", "mrope_section": [1, 1, 0]}},
                           vision_config=QWEN3_VISION | {"model_type": "qwen3_vl_moe"}, image_token_id=10,
                           video_token_id=11),
    "llava": nested("LlavaForConditionalGeneration", "llava", {"model_type": "llama"},
                    vision_config=VISION | {"model_type": "clip_vision_model", "projection_dim": 8},
                    image_token_index=10, vision_feature_layer=-1),
    "internvl": nested("InternVLForConditionalGeneration", "internvl", {"model_type": "qwen2"},
                       vision_config=VISION | {"model_type": "internvl_vision", "image_size": [8, 8],
                                               "patch_size": [4, 4]},
                       image_token_id=10, image_seq_length=1, downsample_ratio=0.5),
    "gemma4": nested("Gemma4ForConditionalGeneration", "gemma4",
                     {"model_type": "gemma4_text", "global_head_dim": 4, "hidden_size_per_layer_input": 0,
                      "num_kv_shared_layers": 0, "sliding_window": 8, "layer_types": ["full_attention"],
                      "enable_moe_block": False},
                     vision_config=None, audio_config=None, image_token_id=10),
    "qwen2_5_omni_thinker": nested(
        "Qwen2_5OmniThinkerForConditionalGeneration", "qwen2_5_omni_thinker",
        {"model_type": "qwen2_5_omni_text"} | OMNI_ROPE,
        vision_config={"model_type": "qwen2_5_omni_vision_encoder", "depth": 1, "hidden_size": 8,
                       "intermediate_size": 16, "num_heads": 2, "patch_size": 4, "spatial_merge_size": 1,
                       "temporal_patch_size": 1, "out_hidden_size": 8, "window_size": 8, "fullatt_block_indexes": [0]},
        audio_config={"model_type": "qwen2_5_omni_audio_encoder", "d_model": 8, "encoder_layers": 1,
                      "encoder_attention_heads": 2, "encoder_ffn_dim": 16, "num_mel_bins": 8, "max_source_positions": 8,
                      "n_window": 4, "output_dim": 8},
        image_token_index=10, video_token_index=11, audio_token_index=12),
}  # fmt: skip

# The same model as another family, with the names another program or an older release wrote.
OTHER_NAMES = {
    "llama_unprefixed": ("llama", [["^model\\.", ""]]),
    "llama_prefixed_twice": ("llama", [["^model\\.", "model.model."]]),
    "gemma3_module_names": ("gemma3", [["^language_model\\.lm_head", "lm_head"],
                                       ["^language_model\\.model", "model.language_model"],
                                       ["^vision_tower", "model.vision_tower"],
                                       ["^multi_modal_projector", "model.multi_modal_projector"]]),
}
