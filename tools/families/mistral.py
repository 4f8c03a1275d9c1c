"""Mistral, Ministral 3 and the Mistral 3 vision-language model: windows, yarn with an attention factor, queries that grow
with their position, tied and untied, both prefixes of the vision-language files."""

from transformers import (
    Ministral3Config,
    Ministral3ForCausalLM,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    MistralConfig,
    MistralForCausalLM,
)
from transformers.models.pixtral import PixtralVisionConfig

from .common import WINDOW, Variant, old_scaled_spelling, old_spelling, small

YARN = {
    "rope_type": "yarn",
    "rope_theta": 1e4,
    "factor": 8.0,
    "original_max_position_embeddings": 16,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
}
GROWING = dict(YARN, mscale=1.0, mscale_all_dim=1.0, llama_4_scaling_beta=0.1)
VISION = dict(
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=1,
    num_attention_heads=2,
    head_dim=8,
    patch_size=4,
    image_size=16,
)
TOWERS = ("vision_tower", "multi_modal_projector")


def mistral(name, rewrite=None, **changes):
    return Variant(name, MistralForCausalLM, MistralConfig, small(**changes), rewrite_config=rewrite)


def ministral(name, rewrite=None, **changes):
    settings = small(head_dim=12, rope_parameters=dict(GROWING), **changes)
    return Variant(name, Ministral3ForCausalLM, Ministral3Config, settings, rewrite_config=rewrite)


def vision_language(name, text_class, tied, rewrite_config=None, rewrite_tensors=None, **changes):
    def config():
        text = text_class(**small(num_hidden_layers=2, **changes))
        vision = PixtralVisionConfig(**VISION)
        return Mistral3Config(text_config=text, vision_config=vision, tie_word_embeddings=tied, spatial_merge_size=2)

    return Variant(
        name,
        Mistral3ForConditionalGeneration,
        make_config=config,
        towers=TOWERS,
        rewrite_config=rewrite_config,
        rewrite_tensors=rewrite_tensors,
    )


def silent_top(config):
    """As the first files: no flag at the top, where the class assumes true."""
    del config["tie_word_embeddings"]
    del config["text_config"]["tie_word_embeddings"]
    return config


def as_in_memory(tensors):
    """The other prefix, as the largest model is published."""
    renamed = {}
    for name, value in tensors.items():
        name = name.replace("language_model.model.", "model.language_model.")
        name = name.replace("language_model.lm_head.", "lm_head.")
        if name.startswith(TOWERS):
            name = "model." + name
        renamed[name] = value
    return renamed


VARIANTS = [
    mistral("windows", sliding_window=WINDOW, head_dim=12),
    mistral("tied_old_config", old_spelling, sliding_window=None, tie_word_embeddings=True),
    mistral("yarn_attention_factor", rope_parameters=dict(YARN, attention_factor=0.8), sliding_window=None),
    ministral("ministral3", tie_word_embeddings=False),
    ministral("ministral3_tied_old_config", old_scaled_spelling, tie_word_embeddings=True, sliding_window=WINDOW),
    vision_language("vl_tied_silent_top", MistralConfig, True, silent_top, sliding_window=WINDOW),
    vision_language("vl_untied", MistralConfig, False, sliding_window=None),
    vision_language(
        "vl_ministral3_in_memory_names",
        Ministral3Config,
        False,
        rewrite_tensors=as_in_memory,
        head_dim=12,
        rope_parameters=dict(GROWING),
    ),
]
