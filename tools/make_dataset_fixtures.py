"""Makes what the reading of datasets is tested against.

    python tools/make_dataset_fixtures.py --library library/src/test/resources/fixtures \
        --formats formats/src/test/resources/datasets

Pinned: datasets 5.0.1, pyarrow 25.0.1.

LIBRARY/dataset_splits.json: for directories of data files, which files `datasets` reads for which split; for splits with
slices, which rows it takes of how many.

FORMATS/*.parquet: the rows of FORMATS/rows.jsonl in pages of every kind and compression that the hub's files have;
FORMATS/gaps.parquet has row groups without rows. FORMATS/chat.parquet with FORMATS/chat.jsonl: conversations as the hub stores them, where a field that a message does
not have is null.
"""

import argparse
import datetime
import decimal
import json
import os
import tempfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
from datasets.arrow_reader import ReadInstruction
from datasets.data_files import DataFilesDict, get_data_patterns, sanitize_patterns

LAYOUTS = [
    ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet", "README.md"],
    ["data/train_sft-00000-of-00001.parquet", "data/test_sft-00000-of-00001.parquet", "extra.parquet"],
    ["data/en-00000-of-00001.jsonl", "data/fr-00000-of-00001.jsonl"],
    ["train.jsonl", "validation.jsonl", "test.jsonl"],
    ["train.jsonl.gz", "valid.jsonl.gz"],
    ["train-1.csv", "train-2.csv", "train-10.csv", "dev.csv"],
    ["data/train.json", "data/val.json", "data/README.md", "dataset_infos.json"],
    ["train/part-1.jsonl", "train/part-0.jsonl", "eval/part-0.jsonl"],
    ["my_training_set/a.jsonl", "my.testing/a.jsonl"],
    ["squad_train_v2.jsonl", "squad dev 1.jsonl"],
    ["a.jsonl", "b.jsonl", "part/c.jsonl"],
    ["constraint.jsonl", "retrain.jsonl"],
    ["data.jsonl", ".cache/data.jsonl", "__pycache__/data.jsonl"],
    ["trainer/a.jsonl", "notes/b.jsonl"],
]

SLICES = [
    ("train", 7), ("train[:3]", 7), ("train[2:5]", 7), ("train[5:]", 7), ("train[-2:]", 7), ("train[:-2]", 7),
    ("train[:50%]", 7), ("train[50%:]", 7), ("train[10%:90%]", 25), ("train[-10%:]", 25), ("train[:100]", 7),
    ("train[33%:66%]", 3), ("train[:1%]", 49), ("train[:1%]", 50), ("train[:5%]", 50), ("train[:3_000]", 4000),
]  # fmt: skip


def splits(files):
    with tempfile.TemporaryDirectory() as directory:
        for file in files:
            path = Path(directory, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text('{"a": 1}\n')
        patterns = sanitize_patterns(get_data_patterns(directory))
        found = DataFilesDict.from_patterns(patterns, base_path=directory)
        return {
            split: [os.path.relpath(os.path.realpath(path), os.path.realpath(directory)) for path in paths]
            for split, paths in found.items()
        }


def rows_of(text, count):
    [absolute] = ReadInstruction.from_spec(text).to_absolute({"train": count})
    return {"split": text, "rows": count, "from": absolute.from_, "to": absolute.to}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, (datetime.date, datetime.datetime, decimal.Decimal)):
        return str(value)
    return value


def tables():
    words = ["", "a", "Bowline.", "é 你 \U0001f600", "line\nbreak", "x" * 3000]
    rows = [
        {
            "text": None if i % 7 == 3 else words[i % len(words)] + str(i % 5),
            "label": None if i % 5 == 4 else i,
            "score": i / 8,
            "right": i % 2 == 0,
            "answers": {
                "text": [words[j] for j in range(i % 4)],
                "answer_start": [j * i for j in range(i % 4)],
            },
            "tags": None if i % 6 == 5 else [None if j == 1 else f"t{j}" for j in range(i % 3)],
            "nested": [[1, 2], [], [i]],
        }
        for i in range(40)
    ]
    struct = pyarrow.struct([("text", pyarrow.list_(pyarrow.string())), ("answer_start", pyarrow.list_(pyarrow.int32()))])
    schema = pyarrow.schema(
        [
            ("text", pyarrow.string()),
            ("label", pyarrow.int64()),
            ("score", pyarrow.float64()),
            ("right", pyarrow.bool_()),
            ("answers", struct),
            ("tags", pyarrow.list_(pyarrow.string())),
            ("nested", pyarrow.list_(pyarrow.list_(pyarrow.int64()))),
        ]
    )
    chats = [
        {"messages": [{"role": "user", "content": "Hi", "tool_calls": None, "name": None},
                      {"role": "assistant", "content": "Hello", "tool_calls": None, "name": None}], "tools": None},
        {"messages": [{"role": "user", "content": "Weather?", "tool_calls": None, "name": "Ada"},
                      {"role": "assistant", "content": None, "name": None, "tool_calls": [
                          {"type": "function", "function": {"name": "weather", "arguments": {"city": "Delft", "days": None}}},
                          {"type": "function", "function": {"name": "days", "arguments": {"city": None, "days": 2}}}]}],
         "tools": '[{"type": "function", "function": {"name": "weather"}}]'},
    ]  # fmt: skip
    return pyarrow.Table.from_pylist(rows, schema), pyarrow.Table.from_pylist(chats)


def write_parquet(out):
    out.mkdir(parents=True, exist_ok=True)
    table, chats = tables()
    kinds = {
        "snappy": dict(compression="snappy", row_group_size=16),
        "zstd": dict(compression="zstd", row_group_size=9, data_page_version="2.0"),
        "gzip": dict(compression="gzip", use_dictionary=False),
        "none": dict(compression="none", data_page_size=256, write_page_index=True),
    }
    for name, options in kinds.items():
        pyarrow.parquet.write_table(table, out / f"{name}.parquet", **options)
    pyarrow.parquet.write_table(table, out / "lz4.parquet", compression="lz4")
    # As Hugging Face datasets writes: large strings.
    large = pyarrow.table({"text": table["text"].cast(pyarrow.large_string())})
    pyarrow.parquet.write_table(large, out / "large.parquet")
    typed = pyarrow.table(
        {
            "day": pyarrow.array([datetime.date(2031, 8, 24)]),
            "price": pyarrow.array([decimal.Decimal("12.50")]),
            "small": pyarrow.array([-3], pyarrow.int8()),
            "big": pyarrow.array([2**63 - 1]),
            "half": pyarrow.array([0.1], pyarrow.float32()),
            "bytes": pyarrow.array([b"text"]),
            "category": pyarrow.array(["red"]).dictionary_encode(),
            "pairs": pyarrow.array([[("k", "v")]], pyarrow.map_(pyarrow.string(), pyarrow.string())),
        }
    )
    pyarrow.parquet.write_table(typed, out / "typed.parquet")
    pyarrow.parquet.write_table(table.slice(0, 0), out / "empty.parquet")
    with pyarrow.parquet.ParquetWriter(out / "gaps.parquet", table.schema) as writer:
        for rows in (table.slice(0, 0), table.slice(0, 15), table.slice(0, 0), table.slice(15), table.slice(0, 0)):
            writer.write_table(rows)
    pyarrow.parquet.write_table(chats, out / "chat.parquet")
    for name, rows in (("rows", table), ("chat", chats)):
        lines = [json.dumps(plain(row), ensure_ascii=False) for row in rows.to_pylist()]
        (out / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--formats", type=Path, required=True)
    arguments = parser.parse_args()
    golden = {
        "layouts": [{"files": files, "splits": splits(files)} for files in LAYOUTS],
        "slices": [rows_of(text, count) for text, count in SLICES],
    }
    (arguments.library / "dataset_splits.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
    write_parquet(arguments.formats)


if __name__ == "__main__":
    main()
