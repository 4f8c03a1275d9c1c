"""Writes what the file format tests compare with: files by safetensors, shard plans by huggingface_hub, JSON by Python.

    python tools/make_safetensors_fixtures.py --out library/src/test/resources/fixtures/formats

Pinned: safetensors 0.8.0, torch 2.13.0 (CPU), huggingface_hub 1.33.0. Nothing is downloaded. Running it again writes
the same bytes.
"""

import argparse
import hashlib
import json
import random
import struct
from pathlib import Path

import torch
from huggingface_hub.serialization._base import split_state_dict_into_shards_factory
from safetensors.torch import save_file

SEED = 20260901
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U64": torch.uint64,
    "U32": torch.uint32,
    "U16": torch.uint16,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def tensor(dtype, shape, generator):
    count = int(torch.tensor(shape).prod()) if shape else 1
    if dtype is torch.bool:
        return torch.randint(0, 2, (count,), dtype=torch.uint8, generator=generator).bool().reshape(shape)
    width = torch.empty((), dtype=dtype).element_size()
    raw = torch.randint(0, 256, (count * width,), dtype=torch.uint8, generator=generator)
    return raw.view(dtype).reshape(shape)


def sha256(value):
    return hashlib.sha256(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


def write_every_type(out):
    generator = torch.Generator().manual_seed(SEED)
    tensors, described = {}, {}
    for name, dtype in DTYPES.items():
        for kind, shape in (("matrix", [3, 5]), ("scalar", []), ("empty", [0, 4])):
            value = tensor(dtype, shape, generator)
            key = f"{kind}.{name.lower()}"
            tensors[key] = value
            described[key] = {"dtype": name, "shape": shape, "sha256": sha256(value)}
    metadata = {"format": "pt"}
    save_file(tensors, out / "every_type.safetensors", metadata)
    document = {"metadata": metadata, "tensors": described}
    (out / "every_type.json").write_text(json.dumps(document, indent=1) + "\n")


def write_shard_plans(out):
    rng = random.Random(SEED)
    cases = [([6, 6, 2, 6, 2, 2], 10), ([12, 3], 10), ([3, 12, 3], 10), ([10, 10], 10), ([5], 10), ([0, 0], 10)]
    cases += [([11, 12, 13], 10), ([4, 6, 1, 11, 9, 0, 10], 10)]
    for _ in range(40):
        cases.append(([rng.randint(0, 14) for _ in range(rng.randint(1, 25))], rng.randint(1, 30)))
    plans = []
    for sizes, limit in cases:
        state = {f"t{i:02d}": size for i, size in enumerate(sizes)}
        split = split_state_dict_into_shards_factory(
            state,
            get_storage_size=lambda size: size,
            filename_pattern="model{suffix}.safetensors",
            max_shard_size=limit,
        )
        plans.append({"sizes": sizes, "limit": limit, "files": split.filename_to_tensors})
    (out / "shard_plans.json").write_text("[\n" + ",\n".join(map(json.dumps, plans)) + "\n]\n")


def write_python_json(out):
    rng = random.Random(SEED)
    doubles = [0.0, -0.0, 1.0, 1e-6, 1e-4, 1e-5, 1e15, 1e16, 1e22, 1e23, 2e23, 5e-324, 2.2250738585072014e-308]
    doubles += [1.7976931348623157e308, 0.1, 1 / 3, 123456789012345678.0, 9007199254740993.0, 1.5e-7, 1e6, 30.0]
    for _ in range(400):
        doubles.append(struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0])
        doubles.append(rng.uniform(-1, 1) * 10 ** rng.randint(-8, 20))
        doubles.append(round(rng.uniform(0, 10), rng.randint(0, 6)))
    rows = [[f"{struct.unpack('<q', struct.pack('<d', value))[0]}", json.dumps(value)] for value in doubles]
    (out / "python_doubles.json").write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    document = {
        "architectures": ["Gemma4ForConditionalGeneration"],
        "empty": {},
        "none": [],
        "nested": {"list": [[1, 2], [], [{}]], "null": None, "yes": True, "no": False},
        "rates": [1e-06, 1.0, 1000000.0, 1e22, float("inf"), float("-inf"), float("nan")],
        "large": 1000000000000000019884624838656,
        "text": "é \u2028 \U0001f600 \x7f / \" \\ \n \r \t \b \f \x00 \x1f",
    }
    (out / "python_pretty.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    directory = parser.parse_args().out
    directory.mkdir(parents=True, exist_ok=True)
    write_every_type(directory)
    write_shard_plans(directory)
    write_python_json(directory)
