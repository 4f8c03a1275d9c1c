"""Records what transformers fills a model of every class with that is not loaded.

    python tools/record_fresh_values.py --fixtures library/src/test/resources/fixtures

Pinned: transformers 5.18.0, torch 2.13.0 (CPU). For the classes of the families' fixtures, from the config.json of one of
each with both heads: every parameter of the text model by its name, as `zeros`, `ones`, or the standard deviation it was
drawn with; and whether the embedding's padding row is zero. Writes FIXTURES/family_fresh.json; `FreshValuesTest` compares.
"""

import argparse
import json
from pathlib import Path

import torch
import transformers

TOWERS = ("vision_tower", "multi_modal_projector")
RANGE = 0.0625


def chosen(fixtures):
    """The first fixture in float32 of every class and head."""
    found = {}
    for path in sorted(fixtures.glob("families/*/*/reference.json")):
        facts = json.loads(path.read_text())
        if "bf16" not in facts and hasattr(transformers, facts["class"]):
            found.setdefault((facts["class"], facts["tied"]), path.parent)
    return found


def with_range(config):
    """A deviation that no class has by default, at the levels that have a key for it."""
    return config | {"initializer_range": RANGE} | (
        {"text_config": config["text_config"] | {"initializer_range": RANGE}} if "text_config" in config else {}
    )


def kind(value):
    if not value.abs().max() > 0:
        return "zeros"
    if value.min() == 1 and value.max() == 1:
        return "ones"
    return round(value.pow(2).mean().sqrt().item(), 4)


def fresh(name, directory):
    torch.manual_seed(1)
    model_class = getattr(transformers, name)
    config = with_range(json.loads((directory / "config.json").read_text()))
    model = model_class(model_class.config_class.from_dict(config))
    embedding = model.get_input_embeddings()
    padding = embedding.padding_idx
    values = {n: kind(p) for n, p in model.named_parameters() if not any(tower in n for tower in TOWERS)}
    zero_row = None if padding is None else not embedding.weight[padding].abs().max().item() > 0
    return {"padding_row_is_zero": zero_row, "values": values}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", type=Path, required=True)
    fixtures = parser.parse_args().fixtures
    transformers.logging.set_verbosity_error()
    made = {}
    for (name, _), directory in sorted(chosen(fixtures).items()):
        made[f"{directory.parent.name}/{directory.name}"] = fresh(name, directory)
    document = {"transformers": transformers.__version__, "initializer_range": RANGE, "fixtures": made}
    (fixtures / "family_fresh.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
