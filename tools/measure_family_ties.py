"""Records what transformers ties in every class that Bowline builds, for every combination of the flags.

    python4 tools/measure_family_ties.py --fixtures library/src/test/resources/fixtures    # with transformers 4.57.6
    python5 tools/measure_family_ties.py --fixtures library/src/test/resources/fixtures    # with 5.18.0

Each class is built from the config.json of one of its fixtures, with `tie_word_embeddings` absent, false and true at each
level that its config has. Beside that, what each level assumes where the key is absent. Each run writes its release's part
of FIXTURES/family_ties.json (hf_release.py lets 4.57.6 start); a class that a release does not have is absent there.
"""

import argparse
import itertools
import json
from pathlib import Path

import hf_release
import torch
import transformers

FLAG = "tie_word_embeddings"
ABSENT = "-"


def first_of_each_class(fixtures):
    found = {}
    for reference in sorted(fixtures.glob("*/**/reference.json")):
        facts = json.loads(reference.read_text())
        config = json.loads((reference.parent / "config.json").read_text())
        text = config.get("text_config", {}).get("model_type", "llama")
        if hasattr(transformers, facts["class"]) and text in transformers.CONFIG_MAPPING:
            found.setdefault(facts["class"], config)
    return found


def with_flag(level, flag):
    level = {key: value for key, value in level.items() if key != FLAG}
    return level if flag == ABSENT else level | {FLAG: flag == "true"}


def changed(config, flags):
    config = with_flag(config, flags[0])
    return config | {"text_config": with_flag(config["text_config"], flags[1])} if len(flags) > 1 else config


def ties(name, config):
    model_class = getattr(transformers, name)
    parsed = model_class.config_class.from_dict(config)
    with torch.device("meta"):
        model = model_class(parsed)
    return model.get_output_embeddings().weight is model.get_input_embeddings().weight


def measure(name, config):
    levels = 2 if "text_config" in config else 1
    combinations = list(itertools.product((ABSENT, "false", "true"), repeat=levels))
    silent = getattr(transformers, name).config_class.from_dict(changed(config, (ABSENT,) * levels))
    defaults = {"top": getattr(silent, FLAG)}
    if levels == 2:
        defaults["text_config"] = getattr(silent.text_config, FLAG)
    tied = {"/".join(flags): ties(name, changed(config, flags)) for flags in combinations}
    return {"defaults": defaults, "tied": tied}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fixtures", type=Path, required=True)
    fixtures = parser.parse_args().fixtures
    transformers.logging.set_verbosity_error()
    classes = {name: measure(name, config) for name, config in sorted(first_of_each_class(fixtures).items())}
    path = fixtures / "family_ties.json"
    releases = json.loads(path.read_text())["releases"] if path.exists() else {}
    releases[hf_release.transformers.__version__] = classes
    path.write_text(json.dumps({"releases": dict(sorted(releases.items()))}, indent=2) + "\n")


if __name__ == "__main__":
    main()
