#!/bin/sh
# Times loading and saving a checkpoint of 2 GB against reading the file, into a small buffer and into memory for all of
# it, and against writing it with dd and fsync, alternating, and prints a line each.
#
#   PYTHON=path/to/venv/bin/python bench/checkpoint.sh DIR [ROUNDS]
#
# DIR receives the checkpoint and copies of it, 6 GB. It is read from the page cache. Needs
# `./mvnw -Pbench -DskipTests package` first, and GNU dd.
set -eu
project=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
directory=$1
rounds=${2:-5}
model=$directory/model

[ -f "$model/batch.safetensors" ] || "${PYTHON:-python3}" "$project/bench/python/transformers_step.py" \
    --vocabulary 950000 --batch 1 --length 8 --warmup 0 --steps 1 --save "$model" >/dev/null
file=$model/model.safetensors
cat "$file" >/dev/null
round=1
while [ "$round" -le "$rounds" ]; do
    echo "read, a piece at a time: $(dd if="$file" of=/dev/null bs=1M 2>&1 | tail -1)"
    # With one block as large as the file dd has to get memory for all of it, as a load has.
    echo "read, all at once: $(dd if="$file" of=/dev/null bs="$(wc -c <"$file")" 2>&1 | tail -1)"
    rm -rf "$directory/saved"
    "$project/bench/java.sh" CheckpointBench "$model" "$directory/saved"
    echo "write: $(dd if="$file" of="$directory/copy" bs=1M conv=fsync 2>&1 | tail -1)"
    rm -rf "$directory/copy" "$directory/saved"
    round=$((round + 1))
done
