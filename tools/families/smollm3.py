"""SmolLM3: layers without rotation, tied and untied, windows on those layers."""

from transformers import SmolLM3Config, SmolLM3ForCausalLM

from .common import WINDOW, Variant, old_spelling, small


def smollm3(name, rewrite=None, **changes):
    return Variant(name, SmolLM3ForCausalLM, SmolLM3Config, small(**changes), rewrite_config=rewrite)


def by_interval(config):
    del config["no_rope_layers"]
    return old_spelling(config)


VARIANTS = [
    smollm3("tied", no_rope_layers=[1, 0, 1]),
    smollm3("untied_old_config", by_interval, tie_word_embeddings=False, no_rope_layer_interval=2, mlp_bias=True),
    smollm3("windows", no_rope_layers=[0, 1, 0], use_sliding_window=True, sliding_window=WINDOW),
]
