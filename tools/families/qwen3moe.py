"""Qwen3-MoE: a tensor per expert on disk, dense layers in between, both kinds of shares, windows, tied and untied."""

from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

from .common import WINDOW, Variant, old_spelling, small

MOE = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, head_dim=8)


def moe(name, rewrite=None, **changes):
    settings = small(**MOE) | changes
    return Variant(name, Qwen3MoeForCausalLM, Qwen3MoeConfig, settings, rewrite_config=rewrite, experts=True)


VARIANTS = [
    moe("normalised", norm_topk_prob=True, mlp_only_layers=[1]),
    moe(
        "tied_old_config",
        old_spelling,
        tie_word_embeddings=True,
        decoder_sparse_step=2,
        use_sliding_window=True,
        sliding_window=WINDOW,
        moe_intermediate_size=18,
        attention_bias=True,
    ),
]
