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


def mistral(name, exercises, rewrite=None, packed=False, bf16=False, **changes):
    settings = small(**changes)
    return Variant(
        name, exercises, MistralForCausalLM, MistralConfig, settings, rewrite_config=rewrite, packed=packed, bf16=bf16
    )


def ministral(name, exercises, rewrite=None, packed=False, bf16=False, **changes):
    settings = small(head_dim=12, rope_parameters=dict(GROWING)) | changes
    return Variant(
        name,
        exercises,
        Ministral3ForCausalLM,
        Ministral3Config,
        settings,
        rewrite_config=rewrite,
        packed=packed,
        bf16=bf16,
    )


def vision_language(
    name, exercises, text_class, tied, rewrite_config=None, rewrite_tensors=None, packed=False, bf16=False, **changes
):
    def config():
        text = text_class(**small(num_hidden_layers=2, **changes))
        vision = PixtralVisionConfig(**VISION)
        return Mistral3Config(text_config=text, vision_config=vision, tie_word_embeddings=tied, spatial_merge_size=2)

    return Variant(
        name,
        exercises,
        Mistral3ForConditionalGeneration,
        make_config=config,
        towers=TOWERS,
        rewrite_config=rewrite_config,
        rewrite_tensors=rewrite_tensors,
        packed=packed,
        bf16=bf16,
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
    mistral(
        "windows",
        "windows in every layer; head_dim that is not hidden / heads",
        packed=True,
        sliding_window=WINDOW,
        head_dim=12,
    ),
    mistral(
        "tied_old_config",
        "tied, no windows: sliding_window null; config.json as transformers 4 wrote it",
        old_spelling,
        sliding_window=None,
        tie_word_embeddings=True,
    ),
    mistral(
        "yarn_attention_factor",
        "rope_type yarn with an attention factor",
        packed=True,
        rope_parameters=dict(YARN, attention_factor=0.8),
        sliding_window=None,
    ),
    ministral(
        "ministral3",
        "yarn, and queries scaled by their position, past original_max_position_embeddings",
        tie_word_embeddings=False,
    ),
    ministral(
        "ministral3_tied_old_config",
        "tied, windows; rope_scaling beside rope_theta, its type under `type`",
        old_scaled_spelling,
        tie_word_embeddings=True,
        sliding_window=WINDOW,
    ),
    ministral(
        "ministral3_packed",
        "queries scaled by their position within a document, from the fourth position on",
        packed=True,
        rope_parameters=dict(GROWING, original_max_position_embeddings=4),
    ),
    ministral(
        "ministral3_linear_relu",
        "rope_type linear, queries scaled by their position past original_max_position_embeddings; hidden_act relu",
        num_hidden_layers=2,
        hidden_act="relu",
        rope_parameters={
            "rope_type": "linear",
            "rope_theta": 1e4,
            "factor": 4.0,
            "original_max_position_embeddings": 8,
            "llama_4_scaling_beta": 0.3,
        },
    ),
    vision_language(
        "vl_tied_silent_top",
        "no flag at any level: the class's default is tied, its text level's is not; vision tower",
        MistralConfig,
        True,
        silent_top,
        packed=True,
        sliding_window=WINDOW,
    ),
    vision_language(
        "vl_untied",
        "a head of its own under language_model.lm_head; vision tower",
        MistralConfig,
        False,
        sliding_window=None,
    ),
    mistral("windows_bf16", "windows in every layer, stored in bf16", bf16=True, sliding_window=WINDOW, head_dim=12),
    ministral("ministral3_bf16", "yarn, queries scaled by their position, stored in bf16", bf16=True),
    vision_language(
        "vl_tied_bf16",
        "vision tower beside a tied text model, stored in bf16",
        MistralConfig,
        True,
        bf16=True,
        sliding_window=None,
    ),
    vision_language(
        "vl_ministral3_in_memory_names",
        "Ministral 3 as text model; tensors under model.language_model. and model.vision_tower.",
        Ministral3Config,
        False,
        rewrite_tensors=as_in_memory,
        head_dim=12,
        rope_parameters=dict(GROWING),
    ),
]
