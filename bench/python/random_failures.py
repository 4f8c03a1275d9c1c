"""Kills or stops a random rank at random moments of a run, and compares each result with that of an undisturbed run.

    python3 bench/python/random_failures.py DIRECTORY RUNS [SEED [STRATEGY [EP_SIZE]]]

Needs a built Bowline (or BOWLINE with the command to run) on Linux. DIRECTORY receives the runs. Each run has two ranks
and saves after every second step. STRATEGY and EP_SIZE are those of the section `distributed`, ddp and 1 if they are
missing. Prints a line of
JSON per run, and ends with exit code 1 if a run ended with another exit code than 0, with other bytes or without one of
the checkpoints.
"""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BOWLINE = os.environ.get("BOWLINE", str(PROJECT / "bowline"))
RANKS = 2
LIMIT_SECONDS = 300
SETTINGS = [
    "step_scheduler.max_steps=24",
    "step_scheduler.ckpt_every_steps=2",
    "step_scheduler.local_batch_size=8",
    "lr_scheduler.lr_warmup_steps=2",
    "distributed.timeout=8s",
    f"distributed.strategy={sys.argv[4] if len(sys.argv) > 4 else 'ddp'}",
    f"distributed.ep_size={sys.argv[5] if len(sys.argv) > 5 else 1}",
]


def start(directory):
    command = [BOWLINE, "finetune", str(PROJECT / "examples" / "demo.yaml"), "--nproc", str(RANKS)]
    for setting in [*SETTINGS, f"checkpoint.checkpoint_dir={directory}"]:
        command += ["--set", setting]
    log = open(f"{directory}.log", "w")
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"})


def result(directory):
    """The names of the checkpoints, and the SHA-256 of every weight and optimizer file."""
    hashes = {}
    for file in sorted(directory.glob("step_*/*.safetensors")):
        hashes[str(file.relative_to(directory))] = hashlib.sha256(file.read_bytes()).hexdigest()
    return hashes


def descendants(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *descendants(child)]
    return found


def pid_of(supervisor, rank):
    """The process of a rank, or None while there is none."""
    try:
        for pid in descendants(supervisor):
            if f"RANK={rank}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                return pid
    except OSError:
        pass
    return None


def disturbed(directory, moment, rank, number):
    """Sends the signal at the moment. Returns the exit code, or None if the run was over before."""
    process = start(directory)
    try:
        time.sleep(moment)
        pid = pid_of(process.pid, rank)
        while pid is None and process.poll() is None:
            time.sleep(0.02)
            pid = pid_of(process.pid, rank)
        if pid is None:
            return None
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return None
        return process.wait(LIMIT_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()


def main():
    directory, runs = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    choose = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    directory.mkdir(parents=True, exist_ok=True)
    whole = directory / "undisturbed"
    shutil.rmtree(whole, ignore_errors=True)
    began = time.monotonic()
    if start(whole).wait(LIMIT_SECONDS) != 0:
        sys.exit(f"the undisturbed run failed; see {whole}.log")
    seconds = time.monotonic() - began
    wanted = result(whole)
    print(json.dumps({"undisturbed_seconds": round(seconds, 1), "files": len(wanted)}), flush=True)
    wrong = 0
    for run in range(runs):
        one = directory / f"run_{run}"
        shutil.rmtree(one, ignore_errors=True)
        rank, number = choose.randrange(RANKS), choose.choice([signal.SIGKILL, signal.SIGSTOP])
        moment = choose.uniform(0, seconds)
        began = time.monotonic()
        end = disturbed(one, moment, rank, number)
        same = end is None or (end == 0 and wanted.items() <= result(one).items())
        wrong += not same
        print(json.dumps({
            "run": run, "rank": rank, "signal": number.name, "moment": round(moment, 2),
            "hit": end is not None, "exit_code": end,
            "seconds": round(time.monotonic() - began, 1), "same": same}), flush=True)
        if same:
            shutil.rmtree(one, ignore_errors=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
