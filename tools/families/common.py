"""What the families' fixtures share: the shape of the tiny models, their random values, and a variant's description."""

import json
import string
from dataclasses import dataclass, field
from typing import Any, Callable

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

WINDOW = 8
SMALL = dict(
    vocab_size=96,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)


@dataclass
class Variant:
    """One fixture directory.

    exercises says what it is there for; settings go to config_class; rewrite_config and rewrite_tensors change the saved files into another spelling;
    towers are name parts of tensors that get no gradient; distinct is the fewest different tokens of the continuation;
    cached is whether the reference decodes with a cache; reference makes a model where transformers has no class;
    packed records several documents per row; bf16 is stored and compared in bfloat16.
    """

    name: str
    exercises: str
    model_class: Any = None
    config_class: Any = None
    settings: dict = field(default_factory=dict)
    rewrite_config: Callable | None = None
    rewrite_tensors: Callable | None = None
    make_config: Callable | None = None
    towers: tuple = ()
    experts: bool = False
    sdpa: bool = True
    reference: Callable | None = None
    save: Callable | None = None
    distinct: int = 15
    cached: bool = True
    vocabulary: int = SMALL["vocab_size"]
    packed: bool = False
    bf16: bool = False

    def config(self):
        return self.make_config() if self.make_config else self.config_class(**self.settings)


def small(**changes):
    return {**SMALL, **changes}


def random_value(name, shape, generator, around_one):
    """Large, different everywhere, with activations of order one."""
    noise = torch.randn(shape, generator=generator)
    leaf = name.rsplit(".", 1)[-1]
    centre = 0.0 if around_one else 1.0
    if leaf == "bias":
        return 0.3 * noise
    if name.endswith("model.norm.weight") or name.endswith("language_model.norm.weight"):
        return centre + (4.0 if around_one else 2.0) + 1.0 * noise
    if around_one and "post_" in name:
        return 0.8 + 0.4 * noise
    if "norm" in name:
        return centre + 0.3 * noise
    if "embed_tokens" in name or name.endswith("lm_head.weight"):
        return (0.15 if around_one else 0.5) * noise
    if name.endswith(".mlp.gate.weight"):
        return 0.6 * noise
    fan_in = shape[-1] if len(shape) <= 3 else shape[1] * shape[2] * shape[3]
    return 1.2 * fan_in**-0.5 * noise


@torch.no_grad()
def fill(model, seed):
    generator = torch.Generator().manual_seed(seed)
    around_one = "Gemma" in type(model).__name__
    seen = set()
    for name, tensor in sorted(model.state_dict().items()):
        if tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        tensor.copy_(random_value(name, tuple(tensor.shape), generator, around_one))


def chosen_finals(names):
    """Weights to compare after five steps: with and without decay, early and late."""
    ends = (
        "embed_tokens.weight",
        "layers.1.self_attn.q_proj.weight",
        "layers.1.self_attn.qkv_proj.weight",
        "layers.1.self_attn.W_pack.weight",
        "layers.1.mlp.down_proj.weight",
        "layers.1.mlp.experts.down_proj",
        "layers.0.input_layernorm.weight",
        "lm_head.weight",
    )
    return [name for name in names if name.endswith(ends)]


def old_spelling(config):
    """transformers 4 wrote torch_dtype, rope_theta and rope_scaling."""
    rope = dict(config.pop("rope_parameters"))
    config["rope_theta"] = rope.pop("rope_theta")
    if rope.pop("rope_type", "default") != "default":
        raise ValueError("scaled rotations have their own rewrite")
    config["rope_scaling"] = None
    config["torch_dtype"] = config.pop("dtype")
    return config


def old_scaled_spelling(config):
    """As old_spelling, with the type under `type`, as the first files had it."""
    rope = dict(config.pop("rope_parameters"))
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = {"type": rope.pop("rope_type"), **rope}
    config["torch_dtype"] = config.pop("dtype")
    return config


def write_tokenizer(directory):
    """A tokenizer of single characters with ids below the tiny models' vocabulary, and a chat template."""
    characters = string.ascii_letters + string.digits + " \n.,:;?!-'()[]{}<>/|_=+*@#"
    special = ["<pad>", "<bos>", "<eos>", "<unk>"]
    vocabulary = {token: i for i, token in enumerate(special + list(characters))}
    if len(vocabulary) > SMALL["vocab_size"]:
        raise ValueError(f"{len(vocabulary)} tokens")
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(special)
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    template = (
        "{{ bos_token }}{% for message in messages %}{{ message.role }}: {{ message.content }}"
        "{{ eos_token if message.role == 'assistant' else '\n' }}{% endfor %}"
        "{{ 'assistant: ' if add_generation_prompt else '' }}"
    )
    names = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    config = names | {"chat_template": template, "tokenizer_class": "PreTrainedTokenizerFast"}
    (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
