"""Qwen3-MoE: a tensor per expert on disk, dense layers in between, both kinds of shares, windows, tied and untied."""

from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

from .common import WINDOW, Variant, old_spelling, small

MOE = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, head_dim=8)


def moe(name, exercises, rewrite=None, packed=False, bf16=False, **changes):
    settings = small(**MOE) | changes
    return Variant(
        name,
        exercises,
        Qwen3MoeForCausalLM,
        Qwen3MoeConfig,
        settings,
        rewrite_config=rewrite,
        experts=True,
        packed=packed,
        bf16=bf16,
    )


VARIANTS = [
    moe(
        "normalised",
        "a tensor per expert on disk; shares that sum to one; a dense layer between, by mlp_only_layers",
        packed=True,
        norm_topk_prob=True,
        mlp_only_layers=[1],
    ),
    moe(
        "tied_old_config",
        "tied; dense layers by decoder_sparse_step; shares as chosen; experts of odd width; windows; biases; "
        "config.json as transformers 4 wrote it",
        old_spelling,
        tie_word_embeddings=True,
        decoder_sparse_step=2,
        use_sliding_window=True,
        sliding_window=WINDOW,
        moe_intermediate_size=18,
        attention_bias=True,
    ),
    moe(
        "normalised_bf16",
        "a tensor per expert and a dense layer, stored in bf16",
        bf16=True,
        norm_topk_prob=True,
        mlp_only_layers=[1],
    ),
]
