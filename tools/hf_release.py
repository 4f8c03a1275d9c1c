"""What the tie scripts need to run the same in transformers 4.57.6 and 5.18.0."""

import importlib.metadata
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "warning")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

_installed = importlib.metadata.version


def _version(name):
    """transformers 4.57.6 refuses huggingface_hub 1.x when imported. Nothing here reaches the hub, and what it uses of
    that package to find local files is the same, so one pinned huggingface_hub serves both releases."""
    if name in ("huggingface-hub", "huggingface_hub") and _installed("transformers").startswith("4."):
        return "0.36.0"
    return _installed(name)


importlib.metadata.version = _version

import torch  # noqa: E402
import transformers  # noqa: E402

importlib.metadata.version = _installed

RELEASE = "v4" if transformers.__version__.startswith("4.") else "v5"
ORIGIN = f"transformers {transformers.__version__} on torch {torch.__version__.split('+')[0]}"


def model_classes():
    """Every PreTrainedModel that transformers exports at its top level, by name."""
    for name in sorted(dir(transformers)):
        if name.startswith(("TF", "Flax", "Auto")) or not name[0].isupper():
            continue
        try:
            found = getattr(transformers, name)
        except Exception:  # a class whose optional dependency is not installed
            continue
        if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
            if found.config_class is not None and found is not transformers.PreTrainedModel:
                yield name, found
