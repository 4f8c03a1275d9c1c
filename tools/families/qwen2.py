"""Qwen2: tied and untied, windows in the last layers or by layer_types, yarn, old and new config spellings."""

from transformers import Qwen2Config, Qwen2ForCausalLM

from .common import WINDOW, Variant, old_scaled_spelling, old_spelling, small


def qwen2(name, rewrite=None, **changes):
    return Variant(name, Qwen2ForCausalLM, Qwen2Config, small(**changes), rewrite_config=rewrite)


def without_layer_types(config):
    del config["layer_types"]
    return old_spelling(config)


YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 16}

VARIANTS = [
    qwen2("tied", tie_word_embeddings=True, pad_token_id=None),
    qwen2(
        "untied_windows_old_config",
        without_layer_types,
        use_sliding_window=True,
        sliding_window=WINDOW,
        max_window_layers=1,
    ),
    qwen2(
        "layer_types",
        use_sliding_window=True,
        sliding_window=WINDOW,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        tie_word_embeddings=True,
    ),
    qwen2("yarn", rope_parameters=YARN),
    qwen2("yarn_old_config", old_scaled_spelling, rope_parameters=dict(YARN, attention_factor=1.3, beta_fast=16)),
]
