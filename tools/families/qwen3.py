"""Qwen3: norms of queries and keys, tied and untied, a head that is not hidden / heads, windows, biases."""

from transformers import Qwen3Config, Qwen3ForCausalLM

from .common import WINDOW, Variant, old_spelling, small


def qwen3(name, exercises, rewrite=None, packed=False, bf16=False, **changes):
    settings = small(head_dim=12, **changes)
    return Variant(
        name, exercises, Qwen3ForCausalLM, Qwen3Config, settings, rewrite_config=rewrite, packed=packed, bf16=bf16
    )


VARIANTS = [
    qwen3("tied", "norms of queries and keys; head_dim that is not hidden / heads", packed=True, tie_word_embeddings=True),
    qwen3(
        "untied_old_config",
        "a head of its own, biases in attention; config.json as transformers 4 wrote it",
        old_spelling,
        attention_bias=True,
    ),
    qwen3(
        "windows",
        "windows in the last layer, by max_window_layers",
        packed=True,
        use_sliding_window=True,
        sliding_window=WINDOW,
        max_window_layers=2,
        tie_word_embeddings=True,
    ),
    qwen3("tied_bf16", "norms of queries and keys, stored in bf16", bf16=True, tie_word_embeddings=True),
]
