"""Makes a Gemma 4 mixture of experts with random bfloat16 weights, trains it over 1, 2 and 4 ranks, and prints the memory
of the largest rank.

    python bench/python/ranks_memory.py DIR LAYERS -- ./bowline

DIR receives the model, the data and the runs. A row is a strategy, a number of ranks and the ranks that share experts; the memory is that of a process
without mapped files (RssAnon), in MiB: before the first step, the lowest between two steps, the peak in steps, the peak
in the save of weights and optimizer state, and the peak before the first step of a resumed run; and the SHA-256 of the
files after the last step.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch
import transformers

DEMO = Path(__file__).resolve().parents[2] / "cli/src/main/resources/demo"
RUNS = [
    ("ddp", 1, 1), ("fsdp", 2, 1), ("fsdp", 2, 2), ("fsdp", 4, 1), ("fsdp", 4, 4), ("fsdp", 4, 2), ("zero1", 2, 1),
    ("ddp", 2, 1),
]

STEPS = 5

TEXT = {
    "model_type": "gemma4_text", "hidden_size": 512, "intermediate_size": 768, "moe_intermediate_size": 192,
    "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 64, "enable_moe_block": True, "num_experts": 32,
    "top_k_experts": 4, "hidden_size_per_layer_input": 0, "num_kv_shared_layers": 0, "vocab_size": 32768,
    "vocab_size_per_layer_input": 32768, "max_position_embeddings": 2048, "sliding_window": 256,
    "final_logit_softcapping": 30.0, "tie_word_embeddings": True, "attention_k_eq_v": False,
}


def make(directory, layers):
    text = transformers.Gemma4TextConfig(
        **TEXT, num_hidden_layers=layers,
        layer_types=["full_attention" if i % 3 == 2 else "sliding_attention" for i in range(layers)],
    )
    torch.manual_seed(0)
    model = transformers.Gemma4ForCausalLM(text).to(torch.bfloat16)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.02)
    model.save_pretrained(directory)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (DEMO / "model" / name).is_file():
            shutil.copy(DEMO / "model" / name, directory / name)


def recipe(directory):
    text = f"""
model: {{pretrained_model_name_or_path: {directory}/model}}
dataset: {{path: {DEMO}/train.jsonl, seq_length: 64}}
packed_sequence: {{packed_sequence_size: 256}}
step_scheduler: {{global_batch_size: 4, local_batch_size: 1, max_steps: {STEPS}}}
optimizer: {{lr: 1e-3}}
activation_checkpointing: true
checkpoint: {{checkpoint_dir: {directory}/run}}
"""
    (directory / "recipe.yaml").write_text(text)


def ranks(parent):
    """The launcher and the processes that it starts."""
    found, waiting = [], [parent]
    while waiting:
        pid = waiting.pop()
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += (task / "children").read_text().split()
            if Path(f"/proc/{pid}/comm").read_text().strip() == "java":
                found.append(pid)
        except OSError:
            pass
    return found


def anonymous(pid):
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


def steps(directory):
    log = directory / "run/training.jsonl"
    return len(log.read_text().splitlines()) if log.is_file() else 0


def watched(directory, arguments, before):
    """Runs a command and returns its exit code and the largest memory of a rank: before the first step, the lowest between
    steps, in steps, and after the last step."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    loaded, lowest, peak, saving = 0, None, 0, 0
    while process.poll() is None:
        done = steps(directory)
        now = max([anonymous(pid) for pid in ranks(process.pid)], default=0)
        if done <= before:
            loaded = max(loaded, now)
        elif done < STEPS:
            peak = max(peak, now)
            if done >= 2 and now:
                lowest = min(lowest or now, now)
        else:
            saving = max(saving, now)
        time.sleep(0.02)
    return process.returncode, loaded, lowest or 0, peak, saving


def run(directory, strategy, count, experts, launcher):
    shutil.rmtree(directory / "run", ignore_errors=True)
    arguments = [*launcher, "finetune", str(directory / "recipe.yaml"), "--set", f"distributed.strategy={strategy}"]
    arguments += ["--set", f"distributed.ep_size={experts}", "--nproc", str(count)]
    start = time.time()
    code, loaded, lowest, peak, saving = watched(directory, arguments, 0)
    seconds = time.time() - start
    hashes = hashlib.sha256()
    for file in sorted((directory / f"run/step_{STEPS}").glob("*.safetensors")):
        hashes.update(file.read_bytes())
    lines = [json.loads(line) for line in (directory / "run/training.jsonl").read_text().splitlines()]
    further = ["--set", "checkpoint.restore_from=auto", "--set", f"step_scheduler.max_steps={STEPS + 1}"]
    _, resumed, _, _, _ = watched(directory, arguments + further, STEPS)
    print(
        f"{strategy:6} {count} ranks, ep_size {experts}: loaded {loaded:6.0f}, between steps {lowest:6.0f}, peak {peak:6.0f}, "
        f"save {saving:6.0f}, resumed {resumed:6.0f} MiB, {seconds:4.0f} s, loss {lines[STEPS - 1]['loss']:.6f}, "
        f"{hashes.hexdigest()[:16]}, exit {code}",
        flush=True,
    )


def main():
    directory, layers = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    launcher = sys.argv[sys.argv.index("--") + 1 :]
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "model").is_dir():
        make(directory / "model", layers)
    recipe(directory)
    for strategy, count, experts in RUNS:
        run(directory, strategy, count, experts, launcher)


if __name__ == "__main__":
    main()
