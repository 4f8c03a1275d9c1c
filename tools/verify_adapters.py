"""Loads adapters that Bowline wrote with PEFT, and reports whether PEFT reads them as Bowline does.

    python tools/verify_adapters.py BASE ADAPTER
    python tools/verify_adapters.py BASE ADAPTER --input IN.safetensors --logits OUT.safetensors
    python tools/verify_adapters.py BASE ADAPTER --as OTHER_ADAPTER

IN and OUT are what `bowline logits BASE --adapter ADAPTER --input IN --output OUT` read and wrote. With --as, both
adapters must give the same logits on random ids. Checked: no key of the file is missing or unexpected, no shape differs,
the base's tables are unchanged, the adapter moves the logits, a save by PEFT has the same keys and values. Prints one
JSON object. Exit code 0: all holds. 1: it does not, and `problems` says why.
Pinned: peft 0.21.0, transformers 5.18.0, torch 2.13.0 (CPU).
"""

import argparse
import json
import sys
import tempfile
import warnings
from pathlib import Path

import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file

LOGITS_LIMIT, MIN_EFFECT, ROWS, LENGTH = 1e-4, 1e-3, 2, 10
WEIGHTS = "adapter_model.safetensors"


def load(directory):
    kind = getattr(transformers, json.loads((directory / "config.json").read_text())["architectures"][0])
    with_experts = any(".experts" in key for path in directory.glob("*.safetensors") for key in load_file(path))
    experts = {"experts_implementation": "eager"} if with_experts else {}
    return kind.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager", **experts).eval()


def attach(base, adapter, problems):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(load(base), adapter).eval()
    for warning in caught:
        if any(word in str(warning.message) for word in ("missing", "unexpected", "Unexpected", "were not found")):
            problems.append(f"PEFT warns: {str(warning.message)[:300]}")
    return model


def saved_again(model, adapter, problems):
    """PEFT's own keys and values. PEFT also saves the base's tables of embeddings, which Bowline leaves out."""
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save_pretrained(directory)
        theirs = load_file(Path(directory) / WEIGHTS)
    ours = load_file(adapter / WEIGHTS)
    missing = [key for key in theirs if key not in ours and not key.endswith("base_layer.weight")]
    unexpected = [key for key in ours if key not in theirs]
    different = [k for k in ours if k in theirs and not torch.equal(ours[k].float(), theirs[k].float())]
    for name, keys in {"missing": missing, "unexpected": unexpected, "different": different}.items():
        if keys:
            problems.append(f"{len(keys)} keys are {name}: {keys[:3]}")
    return len(ours)


def relative(a, b):
    return ((a - b).abs().max() / a.abs().max()).item()


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=ids, use_cache=False).logits


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--as", dest="other", type=Path)
    parser.add_argument("--input", type=Path)
    parser.add_argument("--logits", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    problems = []
    model = attach(arguments.base, arguments.adapter, problems)
    if arguments.input:
        ids = load_file(arguments.input)["input_ids"]
    else:
        size = model.config.get_text_config().vocab_size
        ids = torch.randint(1, size - 2, (ROWS, LENGTH), generator=torch.Generator().manual_seed(1))
    found = logits(model, ids)
    answer = {"adapter": str(arguments.adapter), "tensors": saved_again(model, arguments.adapter, problems)}
    answer["effect"] = relative(logits(load(arguments.base), ids), found)
    if answer["effect"] < MIN_EFFECT:
        problems.append("the adapter hardly changes the logits")
    if arguments.other:
        answer["difference"] = relative(found, logits(attach(arguments.base, arguments.other, problems), ids))
    if arguments.logits:
        answer["difference"] = relative(found, load_file(arguments.logits)["logits"].float())
    if answer.get("difference", 0) > LOGITS_LIMIT:
        problems.append(f"the logits differ by {answer['difference']:.2e} of the largest")
    print(json.dumps(answer | {"problems": problems}, indent=1))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
