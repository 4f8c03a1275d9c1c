"""Times training steps of transformers on the benchmark shape and prints one line of JSON.

    python bench/python/transformers_step.py --dtype fp32                                  # as installed
    python bench/python/transformers_step.py --dtype bf16 --attention eager --experts grouped_mm
    python bench/python/transformers_step.py --vocabulary 262144 --batch 2                 # the large vocabulary

A step is forward, loss, backward, clipping to norm 1 and AdamW, on random ids without padding; the weights are random.
bf16 means bf16 weights, gradients and moments, as transformers trains them. `--save DIR` writes the model as a Hugging
Face checkpoint and its batch as `batch.safetensors`, so that another program can run the same step.
Pinned: transformers 5.18.0, torch 2.13.0 (CPU). The allocator and the threads of OpenMP are set from outside, through
the environment; what was set is in the output.
"""

import argparse
import json
import os
import resource
import statistics
import time
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import Gemma4Config, Gemma4ForConditionalGeneration, Gemma4TextConfig

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
ENVIRONMENT = [
    "THP_MEM_ALLOC_ENABLE", "OMP_WAIT_POLICY", "OMP_NUM_THREADS", "KMP_BLOCKTIME", "MALLOC_ARENA_MAX",
    "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD",
]  # fmt: skip


def configuration(arguments):
    pattern = ["sliding_attention"] * 2 + ["full_attention"]
    text_config = Gemma4TextConfig(
        vocab_size=arguments.vocabulary,
        vocab_size_per_layer_input=arguments.vocabulary,
        hidden_size=512,
        intermediate_size=768,
        num_hidden_layers=6,
        layer_types=pattern * 2,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=64,
        global_head_dim=128,
        num_global_key_value_heads=2,
        attention_k_eq_v=True,
        hidden_size_per_layer_input=0,
        sliding_window=256,
        max_position_embeddings=2048,
        final_logit_softcapping=30.0,
        enable_moe_block=True,
        num_experts=32,
        top_k_experts=4,
        moe_intermediate_size=192,
    )
    return Gemma4Config(text_config=text_config)


def build(arguments):
    torch.manual_seed(0)
    config = configuration(arguments)
    if arguments.attention:
        config._attn_implementation = arguments.attention
    if arguments.experts:
        config._experts_implementation = arguments.experts
    model = Gemma4ForConditionalGeneration(config)
    if arguments.dtype != "fp32":
        for tensor in model.state_dict(keep_vars=True).values():  # what a checkpoint holds: rotary frequencies stay fp32
            tensor.data = tensor.data.to(DTYPES[arguments.dtype])
    return model.train()


def save(model, ids, directory):
    model.save_pretrained(directory)
    save_file({"input_ids": ids}, Path(directory) / "batch.safetensors")


def optimizer_of(model, arguments):
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.95), fused=arguments.optimizer == "fused")


def timed_steps(model, ids, arguments):
    optimizer = optimizer_of(model, arguments)
    seconds, losses = [], []
    for _ in range(arguments.warmup + arguments.steps):
        started = time.perf_counter()
        loss = model(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - started)
    return seconds[arguments.warmup :], losses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", choices=sorted(DTYPES), default="fp32")
    parser.add_argument("--vocabulary", type=int, default=32768)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--attention", choices=["eager", "sdpa"], help="left out: what transformers chooses")
    parser.add_argument("--experts", choices=["eager", "grouped_mm", "batched_mm"], help="left out: as above")
    parser.add_argument("--optimizer", choices=["default", "fused"], default="default")
    parser.add_argument("--threads", type=int, help="left out: what torch chooses")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--save", help="directory to write the model and the batch to, before the first step")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    model = build(arguments)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(4, arguments.vocabulary, (arguments.batch, arguments.length), generator=generator)
    if arguments.save:
        save(model, ids, arguments.save)
    seconds, losses = timed_steps(model, ids, arguments)
    text_config = model.config.text_config
    result = {
        "program": f"transformers {transformers.__version__}, torch {torch.__version__}",
        "dtype": arguments.dtype,
        "vocabulary": arguments.vocabulary,
        "batch": [arguments.batch, arguments.length],
        "attention": text_config._attn_implementation,
        "experts": text_config._experts_implementation,
        "optimizer": arguments.optimizer,
        "threads": torch.get_num_threads(),
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_per_second": round(ids.numel() / statistics.median(seconds), 1),
        "step_seconds": [round(s, 3) for s in seconds],
        "losses": [round(value, 5) for value in losses],
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
