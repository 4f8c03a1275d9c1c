"""Records what a transformers release makes of a checkpoint's head and embedding, by loading it.

    python tools/make_audit_records.py describe --out families.json                 # with transformers 5.18.0
    python tools/make_audit_records.py record families.json --out v4.json           # with 4.57.6, then with 5.18.0
    python tools/make_audit_records.py merge --families families.json v4.json v5.json --out transformers-cells.json
    python tools/make_audit_records.py index families.json --out v4.json            # index and shards that disagree
    python tools/make_audit_records.py vocabulary families.json --out v4.json       # a vocab_size that is not the rows
    python tools/make_audit_records.py directories DIR --out FILE                   # checkpoints somebody else wrote
"""

import argparse
import copy
import io
import itertools
import json
import logging
import re
import sys
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import make_tie_tables as ties
from tie_families import FAMILIES, OTHER_NAMES

ROWS, WIDTH, SLICE = 32, 8, 24
VOCABULARIES = (24, 40)  # fewer and more than there are rows
HEAD_MARK, EMBEDDING_MARK = 0.375, 0.625  # tell the two apart under whatever name a release saves them
FLAGS = {"absent": None, "false": False, "true": True}
PHYSICAL = ("embed_only", "head_only", "both_equal", "both_differ", "one_row_differs", "neither", "widened", "rounded",
            "slice", "zero_head")  # fmt: skip
INDEX_STATES = ("unlisted", "listed_without_tensor", "listed_without_file", "copy_mapped_to_first",
                "copy_mapped_to_second")  # fmt: skip


def pattern_e():
    import torch

    i, j = torch.meshgrid(torch.arange(ROWS), torch.arange(WIDTH), indexing="ij")
    return ((i * 31 + j * 7) % 97 - 48).float() / 64


def pattern_h():
    import torch

    i, j = torch.meshgrid(torch.arange(ROWS), torch.arange(WIDTH), indexing="ij")
    return ((i * 17 + j * 13) % 89 - 44).float() / 64 + 1


def pair(physical):
    """Embedding and head as the file holds them; None for one that it does not hold."""
    import torch

    e, h = pattern_e(), pattern_h()
    if physical == "embed_only":
        return e, None
    if physical == "head_only":
        return None, e
    if physical == "both_equal":
        return e, e.clone()
    if physical == "both_differ":
        return e, h
    if physical == "one_row_differs":
        head = e.clone()
        head[-1] = h[-1]
        return e, head
    if physical == "neither":
        return None, None
    if physical == "widened":
        return e.bfloat16(), e.clone()
    if physical == "rounded":
        head = e + 1 / 4096
        return head.bfloat16(), head
    if physical == "slice":
        return e, e[:SLICE].clone()
    if physical == "zero_head":
        return e, torch.zeros_like(e)
    raise ValueError(physical)


def write_checkpoint(directory, family, files, flags, physical):
    import torch
    from safetensors.torch import save_file

    torch_types = {"F32": torch.float32, "BF16": torch.bfloat16, "I64": torch.int64}
    config = ties.with_flags(family["config"], family["levels"], flags)
    (directory / "config.json").write_text(json.dumps(config))
    first = {name: torch.zeros(shape, dtype=torch_types[dtype]) for name, (dtype, shape) in family["tensors"].items()}
    embedding, head = pair(physical)
    if embedding is not None:
        first[family["embedding"]] = embedding
    second = {} if head is None else {family["head"]: head}
    if files == "single":
        save_file(first | second, directory / "model.safetensors", metadata={"format": "pt"})
        return
    parts = [first, second] if second else [first]
    weight_map, total = {}, 0
    for number, part in enumerate(parts, 1):
        name = f"model-{number:05d}-of-{len(parts):05d}.safetensors"
        save_file(part, directory / name, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, name)
        total += sum(tensor.numel() * tensor.element_size() for tensor in part.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


class Captured(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines += record.getMessage().splitlines()


def warning_codes(lines, head, embedding):
    """The kinds of warning seen, each only when it is about the head or the embedding."""
    codes = set()
    for line in lines:
        line = re.sub(r"\x1b\[[0-9;]*m", "", line)
        named = any(name is not None and re.search(rf"(^|[\s'|]){re.escape(name)}($|[\s'|,:])", line)
                    for name in (head, embedding))  # fmt: skip
        headed = head is not None and re.search(rf"(^|[\s'|]){re.escape(head)}($|[\s'|,:])", line)
        if "both are present in the checkpoints with different values" in line:
            codes.add("values_differ")
        if "checkpoint seem corrupted" in line:
            codes.add("both_absent")
        if named and ("newly initialized: [" in line or re.search(r"\|\s*MISSING", line)):
            codes.add("newly_initialized")
        if named and ("size mismatch" in line or re.search(r"\|\s*MISMATCH", line)):
            codes.add("mismatched_sizes")
        if headed and ("were not used when initializing" in line or re.search(r"\|\s*UNEXPECTED", line)):
            codes.add("unexpected")
    return sorted(codes)


def same_as(weight, held):
    import torch

    if held is None or weight.shape != held.shape:
        return False
    return torch.allclose(weight, held.to(weight.dtype), rtol=0, atol=0, equal_nan=True)


def held_in_file(weight, embedding, head):
    if weight.device.type == "meta":
        return "meta"
    from_embedding, from_head = same_as(weight, embedding), same_as(weight, head)
    if from_embedding and from_head:
        return "both"
    return "embedding" if from_embedding else "head" if from_head else "random"


def outcome(directory, embedding, head, file_names=(), copy_of_head=None):
    """Loads one directory and says what became of the pair; `embedding` and `head` are the file's tensors."""
    import hf_release

    captured = Captured()
    root = logging.getLogger("transformers")
    root.addHandler(captured)
    result = dict.fromkeys(("one", "head", "embedding", "error"))
    names = (None, None)
    try:
        architecture = json.loads((directory / "config.json").read_text())["architectures"][0]
        cls = getattr(hf_release.transformers, architecture, None)
        if cls is None:
            return None
        with redirect_stderr(io.StringIO()):
            model = cls.from_pretrained(directory)
        (head_name, head_weight), (embedding_name, embedding_weight) = ties.vocabulary_weights(model)
        names = (head_name, embedding_name)
        result["one"] = head_weight is embedding_weight
        result["head"] = held_in_file(head_weight.detach(), embedding, head)
        if result["head"] == "random" and same_as(head_weight.detach(), copy_of_head):
            result["head"] = "copy"
        result["embedding"] = held_in_file(embedding_weight.detach(), embedding, head)
    except Exception as e:
        result = dict.fromkeys(result)
        first = next((line for line in str(e).splitlines() if line.strip()), "")
        result["error"] = f"{type(e).__name__}: {first.replace(str(directory), 'DIR')}"[:200]
    finally:
        root.removeHandler(captured)
    codes = set()
    for head_name, embedding_name in [names, *file_names]:
        codes.update(warning_codes(captured.lines, head_name, embedding_name))
    result["warnings"] = sorted(codes)
    return result


def marked(stored, mark):
    """The key of the tensor filled with the mark; the shared one where a release stores it more than once."""
    keys = sorted((key for key, tensor in stored.items() if (tensor == mark).all()), key=lambda key: "shared" not in key)
    return keys[0] if keys else None


def describe(out):
    """Names and shapes of every other tensor, as 5.18.0 itself saves an untied model of the family."""
    import hf_release
    import torch
    from safetensors.torch import load_file

    names = {torch.float32: "F32", torch.bfloat16: "BF16", torch.int64: "I64"}
    hf_release.transformers.logging.set_verbosity_error()
    families = {}
    for name, config in FAMILIES.items():
        config = json.loads(json.dumps(config))
        levels = ties.levels_of(config)
        cls = getattr(hf_release.transformers, config["architectures"][0])
        untied = ties.with_flags(config, levels, [False] * len(levels))
        model = cls(cls.config_class.from_dict(untied)).float()
        (head, head_weight), (_, embedding_weight) = ties.vocabulary_weights(model)
        with torch.no_grad():
            head_weight.fill_(HEAD_MARK)
            embedding_weight.fill_(EMBEDDING_MARK)
        with tempfile.TemporaryDirectory() as directory:
            model.save_pretrained(directory)
            stored = load_file(Path(directory) / "model.safetensors")
        file_head = marked(stored, HEAD_MARK) or head
        file_embedding = marked(stored, EMBEDDING_MARK)
        tensors = {key: [names[tensor.dtype], list(tensor.shape)] for key, tensor in stored.items()}
        # The two releases lay experts out differently; without them both load and initialise what is not looked at.
        tensors = {key: value for key, value in tensors.items() if ".experts." not in key}
        for key in [key for key, tensor in stored.items() if (tensor == EMBEDDING_MARK).all()] + [file_head]:
            tensors.pop(key, None)
        families[name] = {"levels": levels, "config": config, "head": file_head, "embedding": file_embedding}
        families[name]["tensors"] = tensors
    for name, (base, renames) in OTHER_NAMES.items():
        family = copy.deepcopy(families[base])

        def renamed(key):
            for old, new in renames:
                key = re.sub(old, new, key)
            return key

        family["head"], family["embedding"] = renamed(family["head"]), renamed(family["embedding"])
        family["tensors"] = {renamed(key): value for key, value in family["tensors"].items()}
        families[name] = family
    Path(out).write_text(json.dumps(families, sort_keys=True))


def cells_of(families, only=None):
    for name, family in sorted(families.items()):
        if only is not None and name not in only:
            continue
        for files in ("sharded", "single"):
            for words in itertools.product(FLAGS, repeat=len(family["levels"])):
                for physical in PHYSICAL:
                    flags = [FLAGS[word] for word in words]
                    yield f"{name}/{files}/{'-'.join(words)}/{physical}", family, files, flags, physical


def record(families_path, out, only):
    import hf_release

    families = json.loads(Path(families_path).read_text())
    cells = {}
    for name, family, files, flags, physical in cells_of(families, only):
        with tempfile.TemporaryDirectory() as directory:
            directory = Path(directory)
            write_checkpoint(directory, family, files, flags, physical)
            embedding, head = pair(physical)
            cells[name] = outcome(directory, embedding, head, [(family["head"], family["embedding"])])
        print(name, cells[name], file=sys.stderr, flush=True)
    Path(out).write_text(json.dumps({"origin": hf_release.ORIGIN, "cells": cells}, sort_keys=True))


def edit_map(directory, edit):
    path = directory / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    edit(index["weight_map"])
    path.write_text(json.dumps(index))


def disagree(directory, state, head_key):
    """Turns a two-shard checkpoint, whose head is alone in the second, into one whose index and headers disagree."""
    from safetensors.torch import load_file, save_file

    first, second = (directory / f"model-0000{n}-of-00002.safetensors" for n in (1, 2))
    if state in ("unlisted", "copy_mapped_to_second", "copy_mapped_to_first"):
        tensors = load_file(first)
        head = load_file(second)[head_key]
        tensors[head_key] = head if state == "unlisted" else head * 0
        save_file(tensors, first, metadata={"format": "pt"})
    if state in ("unlisted", "listed_without_tensor", "listed_without_file"):
        second.unlink()
    if state == "unlisted":
        edit_map(directory, lambda weight_map: weight_map.pop(head_key))
    if state in ("listed_without_tensor", "copy_mapped_to_first"):
        edit_map(directory, lambda weight_map: weight_map.update({head_key: first.name}))


def index_record(families_path, out):
    import hf_release
    import torch

    families = json.loads(Path(families_path).read_text())
    cells = {}
    for name in ("gemma3", "llama"):
        family = families[name]
        names = [(family["head"], family["embedding"])]
        for state, (word, flag) in itertools.product(INDEX_STATES, list(FLAGS.items())[1:]):
            with tempfile.TemporaryDirectory() as directory:
                directory = Path(directory)
                write_checkpoint(directory, family, "sharded", [flag] * len(family["levels"]), "both_differ")
                disagree(directory, state, family["head"])
                zeros = torch.zeros(ROWS, WIDTH)
                cells[f"{name}/{word}/{state}"] = outcome(directory, *pair("both_differ"), names, zeros)
    Path(out).write_text(json.dumps({"origin": hf_release.ORIGIN, "cells": cells}, sort_keys=True))


def vocabulary_record(families_path, out):
    import hf_release

    families = json.loads(Path(families_path).read_text())
    cells = {}
    for name, family in sorted(families.items()):
        names = [(family["head"], family["embedding"])]
        for level, size in itertools.product(family["levels"], VOCABULARIES):
            for (word, flag), physical in itertools.product(list(FLAGS.items())[1:], PHYSICAL[:4]):
                other = copy.deepcopy(family)
                ties.at(other["config"], level)["vocab_size"] = size
                with tempfile.TemporaryDirectory() as directory:
                    directory = Path(directory)
                    write_checkpoint(directory, other, "single", [flag] * len(family["levels"]), physical)
                    cell = f"{name}/{level or 'top'}/{size}/{word}/{physical}"
                    cells[cell] = outcome(directory, *pair(physical), names)
                print(cell, cells[cell], file=sys.stderr, flush=True)
    Path(out).write_text(json.dumps({"origin": hf_release.ORIGIN, "cells": cells}, sort_keys=True))


def line(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def block(values):
    return "{\n" + ",\n".join(f"  {line(key)}: {line(values[key])}" for key in sorted(values)) + "\n }"


def written(out, origin, cells, families=None):
    parts = [f' "cells": {block(cells)}']
    if families is not None:
        parts.append(f' "families": {block(families)}')
    parts.append(f' "origin": {line(origin)}')
    Path(out).write_text("{\n" + ",\n".join(parts) + "\n}\n")


def releases_of(paths):
    found = [json.loads(Path(path).read_text()) for path in paths]
    return {"v4" if "transformers 4." in document["origin"] else "v5": document for document in found}


def merge(families_path, paths, out):
    releases = releases_of(paths)
    origin = {release: document["origin"] for release, document in releases.items()}
    origin["script"] = "tools/make_audit_records.py"
    cells = {}
    for release, document in releases.items():
        for name, result in document["cells"].items():
            if result is not None:
                cells.setdefault(name, {})[release] = result
    families = None if families_path is None else json.loads(Path(families_path).read_text())
    written(out, origin, cells, families)


def file_tensor(directory, key):
    from safetensors import SafetensorError, safe_open

    for path in sorted(directory.glob("*.safetensors")):
        try:
            with safe_open(path, "pt") as f:
                if key in f.keys():
                    return f.get_tensor(key)
        except SafetensorError:  # malformed: the release will say so too
            continue
    return None


def directories(root, out):
    import hf_release

    cells = {}
    for config in sorted(Path(root).rglob("config.json")):
        directory = config.parent
        note = directory / "bowline_cell.json"
        keys = json.loads(note.read_text()) if note.exists() else {}
        head_key, embedding_key = keys.get("head"), keys.get("embedding")
        embedding = None if embedding_key is None else file_tensor(directory, embedding_key)
        head = None if head_key is None else file_tensor(directory, head_key)
        name = directory.relative_to(root).as_posix()
        cells[name] = outcome(directory, embedding, head, [(head_key, embedding_key)])
        if cells[name] is not None and "content" in keys:
            cells[name]["content"] = keys["content"]
    Path(out).write_text(json.dumps({"origin": hf_release.ORIGIN, "cells": cells}, sort_keys=True))


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("describe").add_argument("--out", required=True)
    one = commands.add_parser("record")
    one.add_argument("families")
    one.add_argument("--only", nargs="*")
    one.add_argument("--out", required=True)
    four = commands.add_parser("index")
    four.add_argument("families")
    four.add_argument("--out", required=True)
    five = commands.add_parser("vocabulary")
    five.add_argument("families")
    five.add_argument("--out", required=True)
    two = commands.add_parser("merge")
    two.add_argument("--families")
    two.add_argument("inputs", nargs=2)
    two.add_argument("--out", required=True)
    three = commands.add_parser("directories")
    three.add_argument("root")
    three.add_argument("--out", required=True)
    a = parser.parse_args()
    if a.command == "describe":
        describe(a.out)
    elif a.command == "record":
        record(a.families, a.out, a.only)
    elif a.command == "index":
        index_record(a.families, a.out)
    elif a.command == "vocabulary":
        vocabulary_record(a.families, a.out)
    elif a.command == "merge":
        merge(a.families, a.inputs, a.out)
    else:
        directories(a.root, a.out)


if __name__ == "__main__":
    main()
