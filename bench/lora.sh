#!/bin/sh
# Times LoRA steps of peft with transformers, as installed and tuned, and of Bowline, alternating, and prints a line each.
#
#   PYTHON=path/to/venv/bin/python bench/lora.sh DIR [ROUNDS] [SHAPE...]
#
# DIR receives the models and their batches. Shapes: gemma4-moe llama qwen3-0.6b. CHECKPOINTING=1 turns activation
# checkpointing on, on both sides. Needs `./mvnw -Pbench -DskipTests package` first.
set -eu
project=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
python=${PYTHON:-python3}
directory=$1
rounds=${2:-1}
shift
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- gemma4-moe llama qwen3-0.6b
peft_option=${CHECKPOINTING:+--checkpointing}
bowline_option=${CHECKPOINTING:+checkpointing}

reference() {
    # shellcheck disable=SC2086 # an option or none
    "$python" "$project/bench/python/lora_step.py" --warmup 3 --steps 3 $peft_option "$@"
}

tuned() {
    THP_MEM_ALLOC_ENABLE=1 OMP_WAIT_POLICY=passive MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=34359738368 \
        MALLOC_TRIM_THRESHOLD_=34359738368 reference --experts grouped_mm --optimizer fused --attention sdpa "$@"
}

ours() {
    # shellcheck disable=SC2086
    "$project/bench/java.sh" LoraStepBench "$1" "$2" 3 3 $bowline_option
}

round=1
while [ "$round" -le "$rounds" ]; do
    for shape in "$@"; do
        model=$directory/$shape
        [ -f "$model/batch.safetensors" ] ||
            "$python" "$project/bench/python/lora_step.py" --shape "$shape" --dtype bf16 --save "$model"
        for dtype in fp32 bf16; do
            reference --model "$model" --dtype "$dtype"
            ours "$model" "$dtype"
            tuned --model "$model" --dtype "$dtype"
        done
    done
    round=$((round + 1))
done
