"""Records what transformers ties in every class that Bowline builds, for every combination of the flags.

    python tools/measure_family_ties.py --fixtures library/src/test/resources/fixtures

Pinned: transformers 5.18.0. Each class is built from the config.json of one of its fixtures, with `tie_word_embeddings`
absent, false and true at each level that its config has. Writes FIXTURES/family_ties.json.
"""

import argparse
import itertools
import json
from pathlib import Path

import torch
import transformers

ABSENT = "-"


def first_of_each_class(fixtures):
    found = {}
    for reference in sorted(fixtures.glob("*/**/reference.json")):
        facts = json.loads(reference.read_text())
        config = json.loads((reference.parent / "config.json").read_text())
        if hasattr(transformers, facts["class"]):
            found.setdefault(facts["class"], config)
    return found


def with_flag(level, flag):
    level = {key: value for key, value in level.items() if key != "tie_word_embeddings"}
    return level if flag == ABSENT else level | {"tie_word_embeddings": flag == "true"}


def ties(name, config):
    model_class = getattr(transformers, name)
    parsed = model_class.config_class.from_dict(config)
    with torch.device("meta"):
        model = model_class(parsed)
    return model.get_output_embeddings().weight is model.get_input_embeddings().weight


def measure(name, config):
    measured = {}
    flags = (ABSENT, "false", "true")
    levels = 2 if "text_config" in config else 1
    for combination in itertools.product(flags, repeat=levels):
        changed = with_flag(config, combination[0])
        if levels == 2:
            changed["text_config"] = with_flag(config["text_config"], combination[1])
        measured["/".join(combination)] = ties(name, changed)
    return measured


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixtures", type=Path, required=True)
    fixtures = parser.parse_args().fixtures
    classes = {name: measure(name, config) for name, config in sorted(first_of_each_class(fixtures).items())}
    document = {"transformers": transformers.__version__, "classes": classes}
    (fixtures / "family_ties.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
