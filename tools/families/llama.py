"""Llama: tied and untied, biases, explicit head_dim, scaled rotations, old and new config spellings."""

from transformers import LlamaConfig, LlamaForCausalLM

from .common import Variant, old_scaled_spelling, old_spelling, small


def llama(name, exercises, rewrite=None, cached=True, packed=False, bf16=False, **changes):
    return Variant(
        name,
        exercises,
        LlamaForCausalLM,
        LlamaConfig,
        small(**changes),
        rewrite_config=rewrite,
        cached=cached,
        packed=packed,
        bf16=bf16,
    )


LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 5e5,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}

VARIANTS = [
    llama("tied", "one tensor for lookup and head, grouped keys", packed=True, tie_word_embeddings=True),
    llama(
        "untied_old_config",
        "a head of its own, no padding row; config.json as transformers 4 wrote it: torch_dtype, rope_theta",
        old_spelling,
        tie_word_embeddings=False,
        pad_token_id=None,
    ),
    llama(
        "llama3_head_dim",
        "rope_type llama3; head_dim that is not hidden / heads",
        packed=True,
        tie_word_embeddings=True,
        head_dim=12,
        rope_parameters=LLAMA3,
    ),
    llama(
        "llama3_old_config",
        "rope_scaling beside rope_theta, its type under `type`",
        old_scaled_spelling,
        rope_parameters=LLAMA3,
    ),
    llama("linear", "rope_type linear", rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}),
    llama(
        "dynamic",
        "rope_type dynamic, rows and a continuation longer than max_position_embeddings",
        max_position_embeddings=16,
        rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 8.0},
    ),
    llama(
        "biases",
        "biases in attention and feed-forward, a key head per query head",
        packed=True,
        attention_bias=True,
        mlp_bias=True,
        num_key_value_heads=4,
    ),
    llama(
        "longrope_gelu",
        "rope_type longrope past original_max_position_embeddings; hidden_act gelu",
        cached=False,
        num_hidden_layers=2,
        hidden_act="gelu",
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 1e4,
            "factor": 8.0,
            "original_max_position_embeddings": 16,
            "short_factor": [1.0, 1.05, 1.1, 1.15],
            "long_factor": [1.5, 2.2, 2.9, 3.6],
        },
    ),
    llama("tied_bf16", "tied, stored in bf16", bf16=True, tie_word_embeddings=True),
    llama(
        "untied_bf16",
        "a head of its own, biases and rope_type llama3, stored in bf16",
        bf16=True,
        attention_bias=True,
        mlp_bias=True,
        rope_parameters=LLAMA3,
    ),
]
