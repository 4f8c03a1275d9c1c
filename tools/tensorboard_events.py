"""TensorBoard's own reader and writer, against the event files that Bowline writes.

    python tools/tensorboard_events.py golden library/src/test/resources/fixtures/tensorboard
    python tools/tensorboard_events.py check CHECKPOINT_DIR [CHECKPOINT_DIR ...]

`golden` writes one event file with the protocol buffers and the record writer of the package tensorboard.
`check` reads the event files of a run with TensorBoard's EventAccumulator and compares every tag and step with
training.jsonl and validation.jsonl in the same directory. It ends with status 1 at the first difference.

Needs tensorboard==2.21.0, and not TensorFlow.
"""

import argparse
import json
import pathlib
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

TRAINING = ["loss", "grad_norm", "lr", "mem", "tps", "tps_per_gpu", "num_tokens_per_step", "num_label_tokens"]
# Measured anew by each of the two logs.
MEASURED = {"mem"}


def golden(directory: pathlib.Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / "events.golden", "wb") as file:
        writer = RecordWriter(file)

        def write(event: event_pb2.Event) -> None:
            writer.write(event.SerializeToString(deterministic=True))

        write(event_pb2.Event(wall_time=1_700_000_000.25, file_version="brain.Event:2"))
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        write(event_pb2.Event(wall_time=1_700_000_000.25, step=1, session_log=start))
        for step, figures in [
            (1, {"loss": 2.5, "grad_norm": 0.0, "lr": 1e-5}),
            (300, {"loss": -0.0, "tps": 1234567.891}),
            (1 << 40, {"val_loss": float("nan"), "größe": float("inf")}),
        ]:
            values = [summary_pb2.Summary.Value(tag=tag, simple_value=value) for tag, value in figures.items()]
            write(event_pb2.Event(wall_time=1_700_000_000.25, step=step, summary=summary_pb2.Summary(value=values)))


def rows(file: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def as_float32(value: float) -> float:
    return struct.unpack("<f", struct.pack("<f", value))[0]


def check(directory: pathlib.Path) -> None:
    reader = EventAccumulator(str(directory / "tensorboard"), size_guidance={"scalars": 0})
    reader.Reload()
    expected: dict[str, list] = {}
    for row in rows(directory / "training.jsonl"):
        for tag in TRAINING:
            expected.setdefault(tag, []).append((row["step"], row[tag]))
    for row in rows(directory / "validation.jsonl"):
        expected.setdefault("val_loss", []).append((row["step"], row["val_loss"]))
    tags = reader.Tags()["scalars"]
    if set(tags) != set(expected):
        sys.exit(f"{directory}: tags {sorted(tags)}, and the logs have {sorted(expected)}")
    values = 0
    for tag, wanted in expected.items():
        read = [(each.step, each.value) for each in reader.Scalars(tag)]
        if [step for step, _ in read] != [step for step, _ in wanted]:
            sys.exit(f"{directory}: {tag} has the steps {[s for s, _ in read]}, not {[s for s, _ in wanted]}")
        for (step, value), (_, figure) in zip(read, wanted):
            if tag not in MEASURED and value != as_float32(figure):
                sys.exit(f"{directory}: {tag} of step {step} is {value}, and the log has {figure}")
            values += 1
    files = len(list((directory / "tensorboard").glob("events.out.tfevents.*")))
    print(f"{directory}: {files} event files, {len(expected)} tags, {values} values equal those of the logs")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = arguments.add_subparsers(dest="command", required=True)
    commands.add_parser("golden").add_argument("out", type=pathlib.Path)
    commands.add_parser("check").add_argument("directories", type=pathlib.Path, nargs="+")
    given = arguments.parse_args()
    if given.command == "golden":
        golden(given.out)
    else:
        for directory in given.directories:
            check(directory)


if __name__ == "__main__":
    main()
