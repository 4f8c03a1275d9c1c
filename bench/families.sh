#!/bin/sh
# Times a training step of a small model of each family, transformers at its best setting and Bowline alternating, and
# prints a line of JSON each. The best setting: fused AdamW, a tuned allocator, sdpa in float32 and eager attention in
# bfloat16, as compare.sh found; eager for Gemma 2 in both, whose cap on scores sdpa leaves out. For Baichuan, which
# transformers does not have, the other side is its reference in torch, tools/families/baichuan2.py.
#
#   PYTHON=path/to/venv/bin/python bench/families.sh DIR [FAMILY ...]
#
# DIR receives the models and their batches. WARMUP and STEPS count the steps of each side, 1 and 3 where they are not set;
# DTYPES="fp32" leaves bfloat16 out, which torch hardly computes in without AVX-512.
# Needs `./mvnw -Pbench -DskipTests package` first.
set -eu
project=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
python=${PYTHON:-python3}
directory=$1
shift
[ $# -gt 0 ] || set -- llama smollm3 qwen2 qwen3 qwen3moe mistral ministral3 gemma2 gemma3 phi3 baichuan2
warmup=${WARMUP:-1}
steps=${STEPS:-3}

reference() {
    THP_MEM_ALLOC_ENABLE=1 OMP_WAIT_POLICY=passive MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=34359738368 \
        MALLOC_TRIM_THRESHOLD_=34359738368 \
        "$python" "$project/bench/python/family_step.py" --warmup "$warmup" --steps "$steps" "$@"
}

ours() {
    "$project/bench/java.sh" TrainingStepBench "$directory/$1" "$2" "$warmup" "$steps"
}

for family in "$@"; do
    [ -f "$directory/$family/batch.safetensors" ] || reference --family "$family" --save "$directory/$family"
    for dtype in ${DTYPES:-fp32 bf16}; do
        attention=sdpa
        [ "$family" != gemma2 ] && [ "$dtype" != bf16 ] || attention=eager
        reference --family "$family" --dtype "$dtype" --attention "$attention"
        ours "$family" "$dtype"
    done
done
