"""Times training steps of transformers on a small model of a family and prints one line of JSON.

    python bench/python/family_step.py --family llama --dtype bf16 --attention eager --save DIR

The model: hidden size 512, 6 layers, vocabulary 32,768, 8 heads of 64, what is the family's own beside that. A step is
as in transformers_step.py. transformers has no Baichuan: there the other side is tools/families/baichuan2.py, which is
the architecture in plain torch. Pinned: transformers 5.18.0, torch 2.13.0 (CPU).
"""

import argparse
import json
import resource
import statistics
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
import transformers
from safetensors.torch import save_file
from transformers import (
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    Ministral3Config,
    MistralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
    Qwen3MoeConfig,
    SmolLM3Config,
)
from transformers_step import DTYPES, save, timed_steps

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from families import baichuan2  # noqa: E402

SIZE = dict(
    vocab_size=32768,
    hidden_size=512,
    intermediate_size=1536,
    num_hidden_layers=6,
    num_attention_heads=8,
    num_key_value_heads=4,
    max_position_embeddings=2048,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)
HEAD = dict(head_dim=64)
WINDOWS = dict(sliding_window=256)
LAYERS = dict(layer_types=["sliding_attention", "sliding_attention", "full_attention"] * 2)
FAMILIES = {
    "llama": (LlamaConfig, dict(tie_word_embeddings=True)),
    "smollm3": (SmolLM3Config, dict(tie_word_embeddings=True)),
    "qwen2": (Qwen2Config, dict(tie_word_embeddings=True)),
    "qwen3": (Qwen3Config, dict(tie_word_embeddings=True) | HEAD),
    "qwen3moe": (
        Qwen3MoeConfig,
        dict(num_experts=16, num_experts_per_tok=4, moe_intermediate_size=192, norm_topk_prob=True) | HEAD,
    ),
    "mistral": (MistralConfig, WINDOWS),
    "ministral3": (Ministral3Config, dict(tie_word_embeddings=True) | HEAD),
    "gemma2": (Gemma2Config, dict(query_pre_attn_scalar=64) | HEAD | WINDOWS),
    "gemma3": (Gemma3TextConfig, dict(query_pre_attn_scalar=64) | HEAD | WINDOWS | LAYERS),
    "phi3": (Phi3Config, dict(tie_word_embeddings=True)),
}
BAICHUAN = baichuan2.CONFIG | {key: value for key, value in SIZE.items() if key != "num_key_value_heads"}


def build_baichuan(attention):
    model = baichuan2.BaichuanForCausalLM(BAICHUAN | {"attention": attention})
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=BAICHUAN["initializer_range"])
    return model


def save_baichuan(model, ids, directory):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(BAICHUAN, indent=2) + "\n")
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    save_file({"input_ids": ids}, directory / "batch.safetensors")


def build_listed(arguments):
    config_class, changes = FAMILIES[arguments.family]
    config = config_class(**(SIZE | changes))
    extra = {"experts_implementation": "grouped_mm"} if arguments.family == "qwen3moe" else {}
    return transformers.AutoModelForCausalLM.from_config(config, attn_implementation=arguments.attention, **extra)


def build(arguments):
    torch.manual_seed(0)
    model = build_baichuan(arguments.attention) if arguments.family == "baichuan2" else build_listed(arguments)
    for tensor in model.state_dict(keep_vars=True).values():  # what a checkpoint holds: rotary frequencies stay fp32
        tensor.data = tensor.data.to(DTYPES[arguments.dtype])
    return model.train()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=sorted([*FAMILIES, "baichuan2"]), required=True)
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="fp32")
    parser.add_argument("--attention", choices=["eager", "sdpa"], default="sdpa")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--save", help="directory to write the model and the batch to, instead of a step")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model = build(arguments)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(4, SIZE["vocab_size"], (arguments.batch, arguments.length), generator=generator)
    if arguments.save:
        (save_baichuan if arguments.family == "baichuan2" else save)(model, ids, Path(arguments.save))
        return
    steps = SimpleNamespace(warmup=arguments.warmup, steps=arguments.steps, optimizer="fused")
    seconds, losses = timed_steps(model, ids, steps)
    listed = arguments.family != "baichuan2"
    reference = f"transformers {transformers.__version__}" if listed else "tools/families/baichuan2.py"
    result = {
        "program": f"{reference}, torch {torch.__version__}",
        "family": arguments.family,
        "dtype": arguments.dtype,
        "attention": arguments.attention,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_second": round(ids.numel() / statistics.median(seconds), 1),
        "step_seconds": [round(s, 3) for s in seconds],
        "losses": [round(value, 5) for value in losses],
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
