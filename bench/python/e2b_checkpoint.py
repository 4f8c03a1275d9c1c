"""Writes a checkpoint of Gemma 4 E2B's true shape with random bfloat16 weights (10 GB), and a batch of 1 x 512 tokens.

    python bench/python/e2b_checkpoint.py DIR
    python bench/python/e2b_checkpoint.py DIR --model "Gemma 4 26B-A4B"

The names, shapes and config.json are those of library/src/test/resources/fixtures/true_sizes.json. Matrices are normal
with a deviation of 0.02; vectors and scalars are one, or zero for biases. Needs numpy and safetensors; one tensor is in
memory at a time.
"""

import argparse
import itertools
import json
import struct
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

SIZES = Path(__file__).parents[2] / "library/src/test/resources/fixtures/true_sizes.json"
SHARD_BYTES = 2 << 30
BLOCK = 1 << 24


def names(entry):
    ranges = [[n for first, last in hole for n in range(first, last + 1)] for hole in entry["numbers"]]
    for numbers in itertools.product(*ranges):
        yield entry["name"].format(*numbers), entry["shape"]


def values(generator, name, shape):
    """Blocks of bfloat16 bits."""
    count = int(np.prod(shape, dtype=np.int64))
    while count:
        n = min(count, BLOCK)
        if len(shape) > 1:
            floats = generator.standard_normal(n, dtype=np.float32) * np.float32(0.02)
        else:
            floats = np.full(n, 0 if name.endswith("bias") else 1, np.float32)
        yield (floats.view(np.uint32) >> 16).astype("<u2")
        count -= n


def write_shard(path, tensors, generator):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors:
        size = 2 * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            for block in values(generator, name, shape):
                block.tofile(file)


def shards(tensors):
    shard, held = [], 0
    for name, shape in tensors:
        size = 2 * int(np.prod(shape, dtype=np.int64))
        if shard and held + size > SHARD_BYTES:
            yield shard
            shard, held = [], 0
        shard.append((name, shape))
        held += size
    yield shard


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--model", default="Gemma 4 E2B")
    parser.add_argument("--length", type=int, default=512)
    arguments = parser.parse_args()
    recorded = json.loads(SIZES.read_text())["models"][arguments.model]
    directory = arguments.directory
    directory.mkdir(parents=True)
    config = recorded["configs"]["v5"] if "v5" in recorded["configs"] else next(iter(recorded["configs"].values()))
    (directory / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}, indent=2) + "\n")
    files = list(shards([found for entry in recorded["tensors"] for found in names(entry)]))
    generator = np.random.Generator(np.random.SFC64(0))
    index = {"metadata": {}, "weight_map": {}}
    for number, shard in enumerate(files, 1):
        name = f"model-{number:05d}-of-{len(files):05d}.safetensors"
        write_shard(directory / name, shard, generator)
        index["weight_map"] |= {tensor: name for tensor, _ in shard}
        print(name, flush=True)
    total = sum(2 * int(np.prod(shape, dtype=np.int64)) for shard in files for _, shape in shard)
    index["metadata"]["total_size"] = total
    (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    vocabulary = config.get("text_config", config)["vocab_size"]
    ids = np.random.default_rng(1).integers(4, vocabulary, (1, arguments.length), dtype=np.int64)
    save_file({"input_ids": ids}, directory / "batch.safetensors")


if __name__ == "__main__":
    main()
