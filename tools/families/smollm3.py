"""SmolLM3: layers without rotation, tied and untied, windows on those layers."""

from transformers import SmolLM3Config, SmolLM3ForCausalLM

from .common import WINDOW, Variant, old_spelling, small


def smollm3(name, exercises, rewrite=None, packed=False, bf16=False, **changes):
    settings = small(**changes)
    return Variant(
        name, exercises, SmolLM3ForCausalLM, SmolLM3Config, settings, rewrite_config=rewrite, packed=packed, bf16=bf16
    )


def by_interval(config):
    del config["no_rope_layers"]
    return old_spelling(config)


VARIANTS = [
    smollm3("tied", "a layer without rotation, by no_rope_layers", packed=True, no_rope_layers=[1, 0, 1]),
    smollm3(
        "untied_old_config",
        "a head of its own, layers without rotation by no_rope_layer_interval, biases; config.json as transformers 4 wrote it",
        by_interval,
        tie_word_embeddings=False,
        no_rope_layer_interval=2,
        mlp_bias=True,
    ),
    smollm3(
        "windows",
        "windows on the layers without rotation",
        packed=True,
        no_rope_layers=[0, 1, 0],
        use_sliding_window=True,
        sliding_window=WINDOW,
    ),
    smollm3("tied_bf16", "a layer without rotation, stored in bf16", bf16=True, no_rope_layers=[1, 0, 1]),
]
