"""Trains over two ranks that are two hosts: two network namespaces with a wire of a limited rate between them. Compares
launchers, such as a build before and after a change, in turn. Needs root, `ip` and `tc`.

    python bench/python/two_hosts.py DIR RATE ROUNDS -- ./bowline [OTHER/bowline]

DIR receives a Llama with random bfloat16 weights and the runs. RATE is that of `tc tbf`, such as 200mbit. A row is a launcher
and a summation: the median seconds of a step in all rounds. A rate of 0 does not limit the wire: its rows are the computing
and the copying alone.
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
from pathlib import Path

import torch
import transformers

DEMO = Path(__file__).resolve().parents[2] / "cli/src/main/resources/demo"
HOSTS = {"bowline-a": "10.77.0.1", "bowline-b": "10.77.0.2"}
STEPS, SKIPPED = 6, 2


def sh(*words, check=True):
    subprocess.run(words, check=check, stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL)


def remove():
    for name in HOSTS:
        sh("ip", "netns", "del", name, check=False)


def wire(rate):
    remove()
    first, second = HOSTS
    for name in HOSTS:
        sh("ip", "netns", "add", name)
        sh("ip", "-n", name, "link", "set", "lo", "up")
    sh("ip", "link", "add", "bw0", "netns", first, "type", "veth", "peer", "name", "bw0", "netns", second)
    for name, address in HOSTS.items():
        sh("ip", "-n", name, "address", "add", address + "/24", "dev", "bw0")
        sh("ip", "-n", name, "link", "set", "bw0", "up")
        if rate != "0":
            sh("tc", "-n", name, "qdisc", "add", "dev", "bw0", "root", "tbf", "rate", rate, "burst", "256kb", "latency", "50ms")


def make(directory):
    config = transformers.LlamaConfig(
        hidden_size=512, intermediate_size=1408, num_hidden_layers=16, num_attention_heads=8, num_key_value_heads=8,
        vocab_size=4096, max_position_embeddings=2048, tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).to(torch.bfloat16)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.02)
    model.save_pretrained(directory)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (DEMO / "model" / name).is_file():
            shutil.copy(DEMO / "model" / name, directory / name)


def recipe(directory):
    (directory / "recipe.yaml").write_text(f"""
model: {{pretrained_model_name_or_path: {directory}/model}}
dataset: {{path: {DEMO}/train.jsonl, seq_length: 64}}
packed_sequence: {{packed_sequence_size: 512}}
step_scheduler: {{global_batch_size: 6, local_batch_size: 3, max_steps: {STEPS}, num_epochs: 20}}
optimizer: {{lr: 1e-4}}
checkpoint: {{checkpoint_dir: {directory}/run, enabled: false}}
logging: {{report: false}}
""")


def seconds(directory, launcher, summation):
    shutil.rmtree(directory / "run", ignore_errors=True)
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    processes = []
    for rank, name in enumerate(HOSTS):
        words = ["ip", "netns", "exec", name, launcher, "finetune", str(directory / "recipe.yaml"), "--nnodes", "2"]
        words += ["--node-rank", str(rank), "--master", f"{HOSTS['bowline-a']}:{port}", "--nproc", "1"]
        words += ["--set", f"distributed.summation={summation}"]
        processes.append(subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    for process in processes:
        _, error = process.communicate()
        if process.returncode:
            raise SystemExit(error[-2000:])
    log = [json.loads(line) for line in (directory / "run/training.jsonl").read_text().splitlines()]
    return [row["num_tokens_per_step"] / row["tps"] for row in log[SKIPPED:]], log[-1]["loss"]


def main():
    directory, rate, rounds = Path(sys.argv[1]).resolve(), sys.argv[2], int(sys.argv[3])
    launchers = sys.argv[sys.argv.index("--") + 1 :]
    os.environ["OMP_NUM_THREADS"] = "1"
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "model").is_dir():
        make(directory / "model")
    recipe(directory)
    measured = {}
    try:
        for limit in ("0", rate):
            wire(limit)
            for _ in range(rounds):
                for launcher in launchers:
                    for summation in ("fast", "fixed"):
                        times, loss = seconds(directory, launcher, summation)
                        measured.setdefault((limit, launcher, summation), []).extend(times)
                        print(f"  {limit} {launcher} {summation}: {min(times):.2f} to {max(times):.2f} s, loss {loss:.6f}", flush=True)
    finally:
        remove()
    for (limit, launcher, summation), times in measured.items():
        print(f"{limit:8} {summation:5} {launcher}: median {statistics.median(times):.2f} s a step")


if __name__ == "__main__":
    main()
