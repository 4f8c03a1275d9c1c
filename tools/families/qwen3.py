"""Qwen3: norms of queries and keys, tied and untied, a head that is not hidden / heads, windows, biases."""

from transformers import Qwen3Config, Qwen3ForCausalLM

from .common import WINDOW, Variant, old_spelling, small


def qwen3(name, rewrite=None, **changes):
    return Variant(name, Qwen3ForCausalLM, Qwen3Config, small(head_dim=12, **changes), rewrite_config=rewrite)


VARIANTS = [
    qwen3("tied", tie_word_embeddings=True),
    qwen3("untied_old_config", old_spelling, attention_bias=True),
    qwen3("windows", use_sliding_window=True, sliding_window=WINDOW, max_window_layers=2, tie_word_embeddings=True),
]
