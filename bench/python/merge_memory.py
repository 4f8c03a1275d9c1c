"""Makes a Llama checkpoint of random bfloat16 weights and a LoRA adapter of r 16 on all its linears, merges them with
Bowline, and prints the seconds and the peak of the process's resident memory.

    python bench/python/merge_memory.py DIR -- ./bowline
"""

import subprocess
import sys
import time
from pathlib import Path

import peft
import torch
import transformers

LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def make(directory):
    config = transformers.LlamaConfig(
        vocab_size=131072, hidden_size=1024, intermediate_size=3072, num_hidden_layers=16, num_attention_heads=16,
        num_key_value_heads=8, tie_word_embeddings=True, dtype="bfloat16",
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    model = transformers.LlamaForCausalLM(config)
    model.save_pretrained(directory / "base", max_shard_size="400MB")
    adapted = peft.get_peft_model(
        model, peft.LoraConfig(r=16, lora_alpha=32, target_modules=LINEARS, task_type="CAUSAL_LM")
    )
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_(std=0.02)
    adapted.save_pretrained(directory / "adapter")


def peak(process):
    found = 0
    while process.poll() is None:
        try:
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    found = max(found, int(line.split()[1]))
        except OSError:
            pass
        time.sleep(0.2)
    return found / 1024


def main():
    directory = Path(sys.argv[1])
    if not (directory / "adapter").is_dir():
        make(directory)
    arguments = ["merge", "--base", directory / "base", "--adapter", directory / "adapter", "--out", directory / "merged"]
    start = time.time()
    process = subprocess.Popen([*sys.argv[3:], *map(str, arguments)])
    mebibytes = peak(process)
    print(f"{time.time() - start:.0f} s, peak of resident memory {mebibytes:.0f} MiB, exit code {process.returncode}")


if __name__ == "__main__":
    main()
