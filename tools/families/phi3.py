"""Phi-3: fused projections, longrope on both sides of the pretraining's length, part of a head turning, windows."""

from transformers import Phi3Config, Phi3ForCausalLM

from .common import WINDOW, Variant, old_scaled_spelling, old_spelling, small


def factors(start, step, count):
    return [start + step * i for i in range(count)]


def longrope(pairs, **changes):
    return {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "short_factor": factors(1.0, 0.05, pairs),
        "long_factor": factors(1.5, 0.7, pairs),
        **changes,
    }


def phi3(name, exercises, rewrite=None, cached=True, packed=False, bf16=False, **changes):
    return Variant(
        name,
        exercises,
        Phi3ForCausalLM,
        Phi3Config,
        small(**changes),
        rewrite_config=rewrite,
        cached=cached,
        packed=packed,
        bf16=bf16,
    )


def su(config):
    """The first files called longrope `su`."""
    config = old_scaled_spelling(config)
    config["rope_scaling"]["type"] = "su"
    config["rope_scaling"].pop("partial_rotary_factor", None)
    return config


def plain_old(config):
    config["rope_parameters"].pop("partial_rotary_factor", None)
    return old_spelling(config)


# transformers 5.18.0 drops its cache where longrope changes, and then goes on from the last token alone: what it says
# with a cache is not what the model says. There the reference decodes without one.
VARIANTS = [
    phi3(
        "untied_window_old_config",
        "fused projections, windows in every layer; config.json as transformers 4 wrote it",
        plain_old,
        packed=True,
        sliding_window=WINDOW,
    ),
    phi3(
        "longrope_partial_tied",
        "tied; longrope past original_max_position_embeddings; three quarters of a head turn",
        cached=False,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
        original_max_position_embeddings=16,
        rope_parameters=longrope(6, partial_rotary_factor=0.75),
    ),
    phi3(
        "longrope_su",
        "longrope under its first name, `su`, in rope_scaling beside rope_theta",
        su,
        False,
        original_max_position_embeddings=16,
        rope_parameters=longrope(4),
    ),
    phi3(
        "longrope_within",
        "longrope within original_max_position_embeddings: the short factors",
        packed=True,
        original_max_position_embeddings=96,
        rope_parameters=longrope(4),
    ),
    phi3(
        "longrope_bf16",
        "longrope on part of a head, tied, stored in bf16",
        bf16=True,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
        original_max_position_embeddings=16,
        rope_parameters=longrope(6, partial_rotary_factor=0.75),
    ),
]
