"""Measures the processor seconds and the seconds of a training step over ranks with one thread each, on the mixture of
experts of ranks_memory.py.

    python bench/python/ranks_cpu.py DIR LAYERS -- ./bowline

A row is the difference of a run of eleven steps and a run of three, divided by eight: a start is in neither. The processor
seconds are those of all ranks together.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ranks_memory import DEMO, make

RUNS = [
    ("ddp", "fixed", 1, 1), ("ddp", "fixed", 2, 1), ("ddp", "fast", 2, 1), ("zero1", "fixed", 2, 1),
    ("fsdp", "fixed", 2, 1), ("fsdp", "fixed", 2, 2),
]
FEW, MANY = 3, 11


def recipe(directory):
    (directory / "cpu.yaml").write_text(f"""
model: {{pretrained_model_name_or_path: {directory}/model}}
dataset: {{path: {DEMO}/train.jsonl, seq_length: 64}}
packed_sequence: {{packed_sequence_size: 256}}
step_scheduler: {{global_batch_size: 4, local_batch_size: 1, max_steps: {MANY}}}
optimizer: {{lr: 1e-4}}
checkpoint: {{checkpoint_dir: {directory}/run, enabled: false}}
logging: {{report: false}}
""")


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(directory, strategy, summation, count, experts, steps, launcher):
    shutil.rmtree(directory / "run", ignore_errors=True)
    words = [*launcher, "finetune", str(directory / "cpu.yaml"), "--nproc", str(count)]
    for setting in (f"strategy={strategy}", f"summation={summation}", f"ep_size={experts}"):
        words += ["--set", "distributed." + setting]
    words += ["--set", f"step_scheduler.max_steps={steps}"]
    before = processor_seconds()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = [json.loads(line) for line in (directory / "run/training.jsonl").read_text().splitlines()]
    tokens = sum(row["num_tokens_per_step"] for row in log[FEW:])
    seconds = sum(row["num_tokens_per_step"] / row["tps"] for row in log[FEW:])
    return processor_seconds() - before, seconds, tokens


def main():
    directory, layers = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    launcher = sys.argv[sys.argv.index("--") + 1 :]
    os.environ["OMP_NUM_THREADS"] = "1"
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "model").is_dir():
        make(directory / "model", layers)
    recipe(directory)
    one = None
    for strategy, summation, count, experts in RUNS:
        few, _, _ = run(directory, strategy, summation, count, experts, FEW, launcher)
        many, seconds, _ = run(directory, strategy, summation, count, experts, MANY, launcher)
        each = (many - few) / (MANY - FEW)
        one = one or each
        print(
            f"{strategy:5} {summation:5} {count} ranks, ep_size {experts}: {each:5.2f} processor seconds a step ({each / one:.2f} of one rank),"
            f" {seconds / (MANY - FEW):5.2f} s a step",
            flush=True,
        )


if __name__ == "__main__":
    main()
