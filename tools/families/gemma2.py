"""Gemma 2: caps on scores and logits, windows in every other layer, tied and untied, old config spelling."""

from transformers import Gemma2Config, Gemma2ForCausalLM

from .common import WINDOW, Variant, old_spelling, small


def gemma2(name, exercises, rewrite=None, packed=False, bf16=False, **changes):
    settings = small(
        head_dim=12,
        sliding_window=WINDOW,
        query_pre_attn_scalar=20,
        attn_logit_softcapping=3.0,
        final_logit_softcapping=8.0,
    )
    return Variant(
        name,
        exercises,
        Gemma2ForCausalLM,
        Gemma2Config,
        settings | changes,
        rewrite_config=rewrite,
        distinct=9,
        sdpa=False,
        packed=packed,
        bf16=bf16,
    )


def hub_spelling(config):
    del config["layer_types"]
    return old_spelling(config | {"hidden_act": "gelu_pytorch_tanh"})


VARIANTS = [
    gemma2(
        "tied_old_config",
        "caps on scores and logits, windows in every other layer, norms times 1 + w; hidden_act beside hidden_activation, "
        "config.json as transformers 4 wrote it",
        hub_spelling,
        packed=True,
    ),
    gemma2("untied", "a head of its own, biases in attention", packed=True, tie_word_embeddings=False, attention_bias=True),
    gemma2("without_caps", "both caps null", attn_logit_softcapping=None, final_logit_softcapping=None),
    gemma2("tied_bf16", "caps on scores and logits, windows, stored in bf16", bf16=True),
]
