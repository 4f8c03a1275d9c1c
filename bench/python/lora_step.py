"""Times LoRA training steps of peft + transformers on a checkpoint directory and prints one line of JSON.

    python bench/python/lora_step.py --shape gemma4-moe --save DIR          # writes the model and its batch
    python bench/python/lora_step.py --model DIR --dtype fp32               # as installed
    python bench/python/lora_step.py --model DIR --dtype bf16 --attention sdpa --experts grouped_mm --optimizer fused

A step is forward, loss, backward, clipping to norm 1 and AdamW, on random ids without padding. LoRA has rank 16 and alpha
32 on every linear but the head and the routers, and on the stacked experts' weights (target_parameters). B starts at
zero, as in a fresh adapter. `--checkpointing` turns activation checkpointing on. Shapes:

    gemma4-moe    the model of transformers_step.py: 86 M parameters, 32 experts, batch 4 x 512
    llama         the model of family_step.py: 36 M parameters, batch 4 x 512
    qwen3-0.6b    the configuration of Qwen3-0.6B with random weights, batch 1 x 512

Pinned: transformers 5.18.0, peft 0.21.0, torch 2.13.0 (CPU). The allocator and the threads of OpenMP are set from
outside, through the environment.
"""

import argparse
import json
import os
import resource
import statistics
from pathlib import Path
from types import SimpleNamespace

import peft
import torch
import transformers
from family_step import FAMILIES, SIZE
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, Qwen3Config
from transformers_step import DTYPES, ENVIRONMENT, configuration, timed_steps

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
QWEN3_06B = dict(
    vocab_size=151936,
    hidden_size=1024,
    intermediate_size=3072,
    num_hidden_layers=28,
    num_attention_heads=16,
    num_key_value_heads=8,
    head_dim=128,
    max_position_embeddings=40960,
    rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
    rms_norm_eps=1e-6,
    tie_word_embeddings=True,
    bos_token_id=151643,
    eos_token_id=151645,
)


def shape(name):
    """The class, the configuration, and rows and length of the batch."""
    if name == "gemma4-moe":
        config = configuration(SimpleNamespace(vocabulary=32768, attention=None, experts=None))
        return transformers.Gemma4ForConditionalGeneration, config, (4, 512)
    if name == "llama":
        return transformers.LlamaForCausalLM, LlamaConfig(**(SIZE | FAMILIES["llama"][1])), (4, 512)
    return transformers.Qwen3ForCausalLM, Qwen3Config(**QWEN3_06B), (1, 512)


def save(arguments):
    torch.manual_seed(0)
    model_class, config, (rows, length) = shape(arguments.shape)
    model = model_class(config)
    for tensor in model.state_dict(keep_vars=True).values():
        tensor.data = tensor.data.to(DTYPES[arguments.dtype])
    model.save_pretrained(arguments.save)
    generator = torch.Generator().manual_seed(1)
    vocabulary = config.get_text_config().vocab_size
    ids = torch.randint(4, vocabulary, (rows, length), generator=generator)
    save_file({"input_ids": ids}, Path(arguments.save) / "batch.safetensors")


def adapted(arguments):
    extra = {}
    if arguments.attention:
        extra["attn_implementation"] = arguments.attention
    config = transformers.AutoConfig.from_pretrained(arguments.model)
    if arguments.experts and hasattr(config.get_text_config(), "num_experts"):
        extra["experts_implementation"] = arguments.experts
    model_class = getattr(transformers, config.architectures[0])
    model = model_class.from_pretrained(arguments.model, dtype=DTYPES[arguments.dtype], **extra)
    parameters = sum(p.numel() for p in model.parameters())
    stacked = [name for name, _ in model.named_parameters() if name.endswith("experts.gate_up_proj")]
    experts = ["experts.gate_up_proj", "experts.down_proj"] if stacked else None
    config = LoraConfig(r=16, lora_alpha=32, target_modules=LINEARS, target_parameters=experts, lora_dropout=0.0)
    model = get_peft_model(model, config)
    if arguments.checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model.train(), parameters


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=["gemma4-moe", "llama", "qwen3-0.6b"])
    parser.add_argument("--save", help="directory to write the model and the batch to, instead of a step")
    parser.add_argument("--model", help="directory that --save wrote")
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="fp32")
    parser.add_argument("--attention", choices=["eager", "sdpa"], help="left out: what transformers chooses")
    parser.add_argument("--experts", choices=["eager", "grouped_mm", "batched_mm"], help="left out: as above")
    parser.add_argument("--optimizer", choices=["default", "fused"], default="default")
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--steps", type=int, default=3)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if arguments.save:
        save(arguments)
        return
    model, parameters = adapted(arguments)
    ids = load_file(Path(arguments.model) / "batch.safetensors")["input_ids"]
    seconds, losses = timed_steps(model, ids, arguments)
    result = {
        "program": f"peft {peft.__version__}, transformers {transformers.__version__}, torch {torch.__version__}",
        "model": Path(arguments.model).name,
        "dtype": arguments.dtype,
        "tuned": arguments.optimizer == "fused",
        "activation_checkpointing": arguments.checkpointing,
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        "parameters": parameters,
        "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "tokens_per_second": round(ids.numel() / statistics.median(seconds), 1),
        "step_seconds": [round(s, 3) for s in seconds],
        "losses": [round(value, 5) for value in losses],
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
