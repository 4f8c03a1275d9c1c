"""Llama: tied and untied, biases, explicit head_dim, scaled rotations, old and new config spellings."""

from transformers import LlamaConfig, LlamaForCausalLM

from .common import Variant, old_scaled_spelling, old_spelling, small


def llama(name, rewrite=None, **changes):
    return Variant(name, LlamaForCausalLM, LlamaConfig, small(**changes), rewrite_config=rewrite)


LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 5e5,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}

VARIANTS = [
    llama("tied", tie_word_embeddings=True),
    llama("untied_old_config", old_spelling, tie_word_embeddings=False, pad_token_id=None),
    llama(
        "llama3_head_dim",
        tie_word_embeddings=True,
        head_dim=12,
        rope_parameters=LLAMA3,
    ),
    llama("llama3_old_config", old_scaled_spelling, rope_parameters=LLAMA3),
    llama("linear", rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0}),
    llama(
        "dynamic",
        max_position_embeddings=16,
        rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 8.0},
    ),
    llama("biases", attention_bias=True, mlp_bias=True, num_key_value_heads=4),
]
