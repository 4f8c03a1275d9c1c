"""Records the keys that transformers' config class of every model class has, with their defaults.

    python tools/record_config_keys.py --fixtures library/src/test/resources/fixtures

Pinned: transformers 5.18.0. For the classes of the families' fixtures; at both levels where a class has two. Other names
that a config class takes for a key (`attribute_map`) are keys of their own. Writes FIXTURES/family_config_keys.json;
`ConfigKeysTest` asks of each that a value other than the default is either honoured or refused.
"""

import argparse
import json
from pathlib import Path

import transformers

LONG = 40


def keys_of(config):
    values = config.to_dict()
    nested = {"text_config", "vision_config"}
    found = {key: shortened(value) for key, value in values.items() if key not in nested}
    return found | {other: shortened(getattr(config, name)) for other, name in config.attribute_map.items()}


def shortened(value):
    """Lists and tables of a default are as long as the default model has layers: one entry shows the type."""
    if isinstance(value, list):
        return value[:1]
    return value if len(json.dumps(value)) <= LONG or not isinstance(value, dict) else {}


def levels(name):
    config = getattr(transformers, name).config_class()
    if hasattr(config, "text_config"):
        return {"top": keys_of(config), "text": keys_of(config.text_config)}
    return {"text": keys_of(config)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fixtures", type=Path, required=True)
    fixtures = parser.parse_args().fixtures
    names = {json.loads(path.read_text())["class"] for path in fixtures.glob("families/*/*/reference.json")}
    classes = {name: levels(name) for name in sorted(names) if hasattr(transformers, name)}
    document = {"transformers": transformers.__version__, "classes": classes}
    (fixtures / "family_config_keys.json").write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
