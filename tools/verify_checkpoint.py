"""Opens a checkpoint that Bowline wrote in transformers and reports whether everything is as it should be.

    python tools/verify_checkpoint.py DIR
    python tools/verify_checkpoint.py DIR --against OTHER                     # same names, types, shapes and bytes?
    python tools/verify_checkpoint.py DIR --input IN.safetensors --logits OUT.safetensors [--dtype float32]

IN and OUT are what `bowline logits DIR --input IN --output OUT [--grads]` read and wrote. Prints one JSON object.
Exit code 0: all holds. 1: it does not, and `problems` says why. Pinned: transformers 5.18.0, torch 2.13.0 (CPU).
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file

LOGITS_LIMIT, GRADIENT_LIMIT = 1e-4, 1e-3


def shards(directory):
    index = directory / "model.safetensors.index.json"
    if index.exists():
        return sorted(directory / name for name in set(json.loads(index.read_text())["weight_map"].values()))
    return [directory / "model.safetensors"]


def stored(directory):
    """Name to (type, shape, hash) of every tensor in the files of a checkpoint."""
    found = {}
    for path in shards(directory):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                tensor = file.get_tensor(name).contiguous()
                digest = hashlib.sha256(tensor.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
                found[name] = (str(tensor.dtype), tuple(tensor.shape), digest)
    return found


def open_model(directory, dtype):
    config = json.loads((directory / "config.json").read_text())
    model_class = getattr(transformers, config["architectures"][0])
    model, info = model_class.from_pretrained(
        directory,
        dtype=dtype,
        attn_implementation="eager",
        experts_implementation="eager",
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    problems = [f"{kind}: {item}" for kind, items in info.items() for item in sorted(map(str, items))]
    return model.eval(), problems


def tie_report(model, names):
    """What the flag says, what transformers made of it and what is stored; the last is checked against the first two."""
    flag = bool(model.config.tie_word_embeddings)
    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    head_stored = any(name.endswith("lm_head.weight") for name in names)
    problems = []
    if flag != tied:
        problems.append(f"tie_word_embeddings is {flag} but in transformers the head is {'tied' if tied else 'untied'}")
    if head_stored == tied:
        state = "stored beside the embedding it is tied to" if tied else "not stored though it is a tensor of its own"
        problems.append(f"lm_head.weight is {state}")
    report = {"flag": flag, "tied": tied, "lm_head_stored": head_stored}
    return report, problems


def differences(mine, other):
    problems = [f"only in the first: {name}" for name in sorted(mine.keys() - other.keys())]
    problems += [f"only in the second: {name}" for name in sorted(other.keys() - mine.keys())]
    for name in sorted(mine.keys() & other.keys()):
        for what, a, b in zip(("type", "shape", "bytes"), mine[name], other[name]):
            if a != b:
                problems.append(f"{name}: {what} differs" + (f": {a} and {b}" if what != "bytes" else ""))
                break
    return problems


def compare_logits(model, given, written):
    ids, mask = given["input_ids"], given.get("attention_mask")
    labels = ids if mask is None else ids.masked_fill(mask == 0, -100)
    output = model(input_ids=ids, attention_mask=mask, labels=labels, use_cache=False)
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
    expected = output.logits.detach().float()
    if expected.shape != written["logits"].shape:
        return {}, [f"logits have shape {tuple(written['logits'].shape)}, expected {tuple(expected.shape)}"]
    difference = (written["logits"].float() - expected)[real].abs().max() / expected[real].abs().max()
    report = {"logits_relative_to_largest": difference.item()}
    problems = exceeded("logits", difference.item(), LOGITS_LIMIT)
    if "loss" in written:
        report["loss"] = [written["loss"].item(), output.loss.item()]
        limit = LOGITS_LIMIT * expected[real].abs().max().item()
        problems += exceeded("loss", abs(written["loss"].item() - output.loss.item()), limit)
    if any(name.startswith("grad.") for name in written):
        output.loss.backward()
        report["gradients"], found = compare_gradients(model, written)
        problems += found
    return report, problems


def compare_gradients(model, written):
    mine = {name.removeprefix("grad."): value for name, value in written.items() if name.startswith("grad.")}
    theirs = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    problems = [f"no gradient written for {name}" for name in sorted(theirs.keys() - mine.keys())]
    problems += [f"gradient written for {name}, which has none" for name in sorted(mine.keys() - theirs.keys())]
    worst, where = 0.0, None
    for name in sorted(mine.keys() & theirs.keys()):
        difference = ((mine[name].float() - theirs[name].float()).norm() / theirs[name].float().norm()).item()
        problems += exceeded(f"gradient of {name}", difference, GRADIENT_LIMIT)
        if difference > worst:
            worst, where = difference, name
    return {"compared": len(mine.keys() & theirs.keys()), "worst_relative_to_norm": worst, "worst": where}, problems


def exceeded(what, difference, limit):
    return [] if difference <= limit else [f"{what} differs by {difference:.3g}, the limit is {limit:.3g}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--input", type=Path)
    parser.add_argument("--logits", type=Path)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    arguments = parser.parse_args()
    if (arguments.input is None) != (arguments.logits is None):
        parser.error("--input and --logits go together")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    names = stored(arguments.directory)
    model, problems = open_model(arguments.directory, getattr(torch, arguments.dtype))
    tie, found = tie_report(model, names)
    problems += found
    report = {
        "class": type(model).__name__,
        "transformers": transformers.__version__,
        "tensors": len(names),
        "parameters_distinct": sum(p.numel() for p in model.parameters()),
        "tie": tie,
    }
    if arguments.against:
        found = differences(names, stored(arguments.against))
        report["identical_tensors"] = not found
        problems += found
    if arguments.logits:
        report["comparison"], found = compare_logits(model, load_file(arguments.input), load_file(arguments.logits))
        problems += found
    report |= {"ok": not problems, "problems": problems}
    print(json.dumps(report, indent=2))
    return 0 if not problems else 1


if __name__ == "__main__":
    sys.exit(main())
