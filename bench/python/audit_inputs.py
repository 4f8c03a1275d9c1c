"""Makes the checkpoints that bench/audit.sh measures with, and times programs. Standard library only."""

import json
import os
import statistics
import struct
import subprocess
import sys
import time

TILE_BYTES = 1 << 24


def config(directory, **fields):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "config.json"), "w") as file:
        json.dump({"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": False, **fields}, file)


def weights(path, tensors):
    """Writes a header and leaves the tensors' bytes a hole. Returns where the bytes begin."""
    header, end = {}, 0
    for name, shape in tensors:
        begin, end = end, end + 2 * shape[0] * shape[1]
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return 8 + len(text)


def pair(rows, width):
    return [("lm_head.weight", [rows, width]), ("model.embed_tokens.weight", [rows, width])]


def single(root, name, tensors):
    directory = os.path.join(root, name)
    path = os.path.join(directory, "model.safetensors")
    if not os.path.exists(path):
        config(directory, vocab_size=tensors[0][1][0])
        return path, weights(path, tensors)
    return path, None


def many(count):
    experts = [(f"model.layers.{i // 128}.mlp.experts.{i % 128}.gate_up_proj.weight", [1, 1]) for i in range(count - 2)]
    return pair(64, 32) + experts


def shards(root, count):
    directory = os.path.join(root, f"shards{count}")
    if os.path.exists(directory):
        return
    config(directory, vocab_size=64)
    files = {}
    for shard in range(count):
        name = f"model-{shard + 1:05d}-of-{count:05d}.safetensors"
        tensors = [(f"model.layers.{shard}.block.{i}.weight", [32, 32]) for i in range(12)]
        tensors += [each for at, each in zip((0, count - 1), pair(64, 32)) if at == shard]
        weights(os.path.join(directory, name), tensors)
        files.update((tensor, name) for tensor, _ in tensors)
    total = 2 * (count * 12 * 32 * 32 + 2 * 64 * 32)
    with open(os.path.join(directory, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": files}, file)


def filled(root, name, rows, width, differs):
    path, start = single(root, name, pair(rows, width))
    if start is None:
        return
    # Random elements between 0.01 and 0.1; the head's of `differs` have another sign.
    tile = os.urandom(TILE_BYTES)
    half = 2 * rows * width
    with open(path, "r+b") as file:
        for side, high in enumerate((0xBD if differs else 0x3D, 0x3D)):
            block = bytearray(tile)
            block[1::2] = bytes([high]) * (TILE_BYTES // 2)
            file.seek(start + side * half)
            for at in range(0, half, TILE_BYTES):
                file.write(block[: min(TILE_BYTES, half - at)])


def two_types(root, name, rows, width):
    """An F32 head and a BF16 embedding of one value: `exact`ly, `rounded`, or with another sign in every element."""
    directory = os.path.join(root, f"twotypes-{name}")
    path = os.path.join(directory, "model.safetensors")
    if os.path.exists(path):
        return
    config(directory, vocab_size=rows, tie_word_embeddings=True)
    count = rows * width
    header = {
        "lm_head.weight": {"dtype": "F32", "shape": [rows, width], "data_offsets": [0, 4 * count]},
        "model.embed_tokens.weight": {"dtype": "BF16", "shape": [rows, width], "data_offsets": [4 * count, 6 * count]},
    }
    narrow = bytearray(os.urandom(TILE_BYTES))
    narrow[1::2] = bytes([0x3D]) * (TILE_BYTES // 2)
    wide = bytearray(2 * TILE_BYTES)
    wide[2::4], wide[3::4] = narrow[0::2], narrow[1::2]
    if name == "rounded":  # less than half a step of BF16, so that rounding gives the embedding's element
        wide[0::4] = os.urandom(TILE_BYTES // 2)
        wide[1::4] = bytes(each & 0x7F for each in os.urandom(TILE_BYTES // 2))
    elif name == "differs":
        wide[3::4] = bytes([0xBD]) * (TILE_BYTES // 2)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tile in (wide, narrow):
            for _ in range(2 * count // TILE_BYTES):
                file.write(tile)


def make(root):
    single(root, "tiny", pair(64, 32))
    single(root, "tensors100k", many(100_000))
    single(root, "tensors300k", many(300_000))
    single(root, "hole", pair(262_144, 10_752))
    shards(root, 1000)
    filled(root, "pair", 262_144, 2048, differs=False)
    filled(root, "differs", 262_144, 2048, differs=True)
    for name in ("exact", "rounded", "differs"):
        two_types(root, name, 262_144, 1024)


def ranges(path):
    """Where the two tensors begin, and how many bytes each has."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
    first, second = sorted(each["data_offsets"] for each in header.values())
    print(8 + length + first[0], 8 + length + second[0], first[1] - first[0])


def measure(name, runs, command):
    seconds, resident = [], 0
    for _ in range(runs):
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - begin)
        resident = max(resident, usage.ru_maxrss / 1024)
    line = {
        "name": name,
        "runs": runs,
        "median": round(statistics.median(seconds), 3),
        "least": round(min(seconds), 3),
        "most": round(max(seconds), 3),
        "resident": round(resident),
        "exit": os.waitstatus_to_exitcode(status),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    task, *arguments = sys.argv[1:]
    if task == "make":
        make(arguments[0])
    elif task == "ranges":
        ranges(arguments[0])
    elif task == "measure":
        measure(arguments[0], int(arguments[1]), arguments[2:])
    else:
        sys.exit(f"unknown task {task}")
