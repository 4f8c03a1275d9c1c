"""Gemma 3: a rotation per kind of layer, norms of queries and keys, legacy config keys, a vision tower beside the text."""

from transformers import (
    Gemma3Config,
    Gemma3ForCausalLM,
    Gemma3ForConditionalGeneration,
    Gemma3TextConfig,
    SiglipVisionConfig,
)

from .common import WINDOW, Variant, small

SETTINGS = small(
    head_dim=12,
    num_hidden_layers=4,
    sliding_window=WINDOW,
    query_pre_attn_scalar=20,
    layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
    rope_parameters={
        "full_attention": {"rope_type": "linear", "rope_theta": 1e5, "factor": 8.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e3},
    },
)
VISION = dict(
    hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2, patch_size=4, image_size=16
)
TOWERS = ("vision_tower", "multi_modal_projector")


def text(name, exercises, rewrite=None, packed=False, bf16=False, **changes):
    return Variant(
        name,
        exercises,
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        SETTINGS | changes,
        rewrite_config=rewrite,
        distinct=9,
        packed=packed,
        bf16=bf16,
    )


def vision(name, exercises, rewrite=None, tied=True, **changes):
    def config():
        settings = Gemma3TextConfig(**(SETTINGS | {"num_hidden_layers": 3, "layer_types": SETTINGS["layer_types"][:3]}))
        return Gemma3Config(
            text_config=settings,
            vision_config=SiglipVisionConfig(**VISION),
            mm_tokens_per_image=4,
            tie_word_embeddings=tied,
        )

    return Variant(
        name,
        exercises,
        Gemma3ForConditionalGeneration,
        make_config=config,
        towers=TOWERS,
        rewrite_config=rewrite,
        distinct=9,
        **changes,
    )


def legacy(config):
    """As published: one theta beside a scaling for the full layers, one for the windowed, a pattern of layers."""
    text_config = config.get("text_config", config)
    rope = text_config.pop("rope_parameters")
    full = rope["full_attention"]
    text_config["rope_theta"] = full["rope_theta"]
    text_config["rope_scaling"] = {"rope_type": full["rope_type"], "factor": full["factor"]}
    text_config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
    del text_config["layer_types"]
    text_config["sliding_window_pattern"] = 3
    config["torch_dtype"] = config.pop("dtype")
    return config


def in_memory_names(tensors):
    renamed = {}
    for name, value in tensors.items():
        name = name.replace("language_model.model.", "model.language_model.")
        renamed["model." + name if name.startswith(TOWERS) else name] = value
    return renamed


VARIANTS = [
    text("text_tied", "a rotation for full layers, scaled, and one for windowed ones; norms of queries and keys", packed=True),
    text(
        "text_yarn",
        "rope_type yarn in full layers and llama3 in windowed ones; truncate, which transformers does not see there",
        num_hidden_layers=2,
        layer_types=["sliding_attention", "full_attention"],
        rope_parameters={
            "full_attention": {
                "rope_type": "yarn",
                "rope_theta": 1e3,
                "factor": 4.0,
                "original_max_position_embeddings": 32,
                "beta_fast": 4.0,
                "truncate": False,
            },
            "sliding_attention": {
                "rope_type": "llama3",
                "rope_theta": 1e3,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 16,
            },
        },
    ),
    text(
        "text_untied",
        "a head of its own, biases in attention, a cap on logits",
        tie_word_embeddings=False,
        attention_bias=True,
        final_logit_softcapping=8.0,
    ),
    text(
        "text_legacy",
        "as published: rope_theta, rope_scaling and rope_local_base_freq, layers by sliding_window_pattern",
        legacy,
    ),
    vision("vision_legacy", "the same at the text level, tensors under language_model.model.; vision tower", legacy),
    vision("vision_untied", "a head of its own; vision tower", tied=False, packed=True),
    vision(
        "vision_in_memory_names",
        "tensors under model.language_model. and model.vision_tower.",
        rewrite_tensors=in_memory_names,
    ),
    text("text_bf16", "both rotations, norms of queries and keys, stored in bf16", bf16=True),
    vision("vision_bf16", "vision tower beside the text, stored in bf16", bf16=True),
]
