"""Qwen2: tied and untied, windows in the last layers or by layer_types, yarn, old and new config spellings."""

from transformers import Qwen2Config, Qwen2ForCausalLM

from .common import WINDOW, Variant, old_scaled_spelling, old_spelling, small


def qwen2(name, exercises, rewrite=None, packed=False, bf16=False, **changes):
    return Variant(
        name, exercises, Qwen2ForCausalLM, Qwen2Config, small(**changes), rewrite_config=rewrite, packed=packed, bf16=bf16
    )


def without_layer_types(config):
    del config["layer_types"]
    return old_spelling(config)


YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16}

VARIANTS = [
    qwen2(
        "tied",
        "biases of queries, keys and values; no padding row",
        packed=True,
        tie_word_embeddings=True,
        pad_token_id=None,
    ),
    qwen2(
        "untied_windows_old_config",
        "a head of its own; windows in the last layers, by max_window_layers; config.json as transformers 4 wrote it",
        without_layer_types,
        use_sliding_window=True,
        sliding_window=WINDOW,
        max_window_layers=1,
    ),
    qwen2(
        "layer_types",
        "windows by layer_types",
        packed=True,
        use_sliding_window=True,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        tie_word_embeddings=True,
    ),
    qwen2("yarn", "rope_type yarn", packed=True, rope_parameters=YARN),
    qwen2(
        "yarn_old_config",
        "yarn with an attention factor and a beta_fast of its own, as rope_scaling beside rope_theta",
        old_scaled_spelling,
        rope_parameters=dict(YARN, attention_factor=1.3, beta_fast=16),
    ),
    qwen2(
        "untied_bf16",
        "a head of its own, windows by layer_types, stored in bf16",
        bf16=True,
        use_sliding_window=True,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
]
