#!/bin/sh
# Times a training step of transformers, as installed and tuned, and of Bowline, alternating, and prints a line each.
#
#   PYTHON=path/to/venv/bin/python bench/compare.sh DIR [ROUNDS] [VOCABULARY BATCH]
#
# DIR receives the model and its batch. Needs `./mvnw -Pbench -DskipTests package` first.
set -eu
project=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
python=${PYTHON:-python3}
directory=$1
rounds=${2:-3}
vocabulary=${3:-32768}
batch=${4:-4}

reference() {
    "$python" "$project/bench/python/transformers_step.py" --vocabulary "$vocabulary" --batch "$batch" --warmup 10 --steps 7 "$@"
}

tuned() {
    THP_MEM_ALLOC_ENABLE=1 OMP_WAIT_POLICY=passive MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=34359738368 \
        MALLOC_TRIM_THRESHOLD_=34359738368 reference --experts grouped_mm --optimizer fused "$@"
}

ours() {
    "$project/bench/java.sh" TrainingStepBench "$directory" "$1" 10 7
}

[ -f "$directory/batch.safetensors" ] || reference --steps 1 --save "$directory" >/dev/null
round=1
while [ "$round" -le "$rounds" ]; do
    reference --dtype fp32
    ours fp32
    tuned --dtype fp32 --attention sdpa
    reference --dtype bf16
    ours bf16
    tuned --dtype bf16 --attention eager
    round=$((round + 1))
done
