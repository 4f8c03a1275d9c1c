"""Opens checkpoints that `bowline merge` wrote in transformers, and compares their logits with PEFT's.

    python tools/verify_merged.py --merged DIR [--fixtures library/src/test/resources/fixtures]

DIR has one merged checkpoint per adapter fixture, under the name of the fixture:

    bowline merge --base FIXTURES/BASE --adapter FIXTURES/adapters/NAME --out DIR/NAME

Each must load without a missing, unexpected or mismatched key, be tied or separate as its config.json says, and compute
the logits of PEFT's model with the adapter (peft_reference.safetensors). Where PEFT's own merge_and_unload keeps those
logits, they are those of PEFT's merge too. Pinned: peft 0.21.0, transformers 5.18.0, torch 2.13.0 (CPU).
"""

import argparse
import json
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file

TOLERANCE = 1e-4


def load(directory):
    config = json.loads((directory / "config.json").read_text())
    kind = getattr(transformers, config["architectures"][0])
    experts = {"experts_implementation": "eager"} if "moe" in config["model_type"] or "experts" in str(config) else {}
    model, info = kind.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager", output_loading_info=True, **experts
    )
    problems = {key: sorted(map(str, value)) for key, value in info.items() if value}
    return model.eval(), problems


def check(directory, adapter):
    model, problems = load(directory)
    if problems:
        return f"transformers reports {problems}"
    text = model.config.get_text_config()
    is_one = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    if is_one != bool(text.tie_word_embeddings):
        return f"the head is {'tied' if is_one else 'separate'}, config.json says {text.tie_word_embeddings}"
    facts = json.loads((adapter / "peft_reference.json").read_text())
    reference = load_file(adapter.parent / facts.get("same_values_as", adapter.name) / "peft_reference.safetensors")
    with torch.no_grad():
        logits = model(input_ids=reference["input_ids"], use_cache=False).logits
    expected = reference["logits"]
    difference = ((logits - expected).abs().max() / expected.abs().max()).item()
    state = "tied" if is_one else "separate"
    print(f"{directory.name}: {difference:.2e} of the largest logit, {state} head")
    return None if difference <= TOLERANCE else f"the logits differ by {difference:.3g} of the largest"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--merged", type=Path, required=True)
    parser.add_argument("--fixtures", type=Path, default=Path("library/src/test/resources/fixtures"))
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    failures = []
    for directory in sorted(path for path in arguments.merged.iterdir() if path.is_dir()):
        adapter = arguments.fixtures / "adapters" / directory.name
        if not adapter.is_dir():
            continue
        problem = check(directory, adapter)
        if problem:
            failures.append(f"{directory.name}: {problem}")
    print("\n".join(failures) or "all merged checkpoints agree with PEFT")
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()
