#!/bin/sh
# Makes checkpoints and measures what `bowline audit` promises: start, memory, the pair at reading speed, many shards.
#
#   bench/audit.sh DIR [RUNS]
#
# DIR receives about 8 GiB, most of it holes or equal halves; what is there already is used again. Needs a built Bowline,
# Python 3 for making files and timing, and cmp. Prints a line of JSON per measurement: the median of RUNS (10) wall
# times in seconds, the least and the most, and the largest resident memory in MiB.
set -eu
project=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
directory=$1
runs=${2:-10}
inputs=$project/bench/python/audit_inputs.py
python=${PYTHON:-python3}

mkdir -p "$directory"
"$python" "$inputs" make "$directory"

measure() {
    name=$1
    shift
    "$python" "$inputs" measure "$name" "$runs" "$@"
}

once() {
    name=$1
    shift
    "$python" "$inputs" measure "$name" 1 "$@"
}

export BOWLINE_BUILD=never
bowline=$project/bowline
tiny=$directory/tiny

measure "start" "$bowline" audit "$tiny" --json
BOWLINE_JAVA_OPTS=-Xshare:auto measure "start without the start-up file" "$bowline" audit "$tiny" --json
measure "100,000 tensors" "$bowline" audit "$directory/tensors100k" --json
measure "300,000 tensors" "$bowline" audit "$directory/tensors300k" --json
measure "1,000 shards" "$bowline" audit "$directory/shards1000" --json
once "pair of 2 x 5.3 GiB of zeros" "$bowline" audit "$directory/hole" --json

# Alternating, so that both meet the same machine.
file=$directory/pair/model.safetensors
set -- $("$python" "$inputs" ranges "$file")
cat "$file" >/dev/null
for _ in 1 2; do
    measure "cmp, equal pair of 2 x 1 GiB" cmp -n "$3" -i "$1:$2" "$file" "$file"
    measure "audit, equal pair of 2 x 1 GiB" "$bowline" audit "$directory/pair" --json
done
if command -v taskset >/dev/null; then
    measure "audit, the same on one processor" taskset -c 0 "$bowline" audit "$directory/pair" --json
fi
for two in exact rounded differs; do
    cat "$directory/twotypes-$two/model.safetensors" >/dev/null
    measure "cmp, as many bytes as the pair of two types" cmp -n "$(($3 * 3 / 4))" -i "$1:$2" "$file" "$file"
    measure "audit, F32 of 1 GiB and BF16 of 0.5 GiB: $two" "$bowline" audit "$directory/twotypes-$two" --json
done
file=$directory/differs/model.safetensors
cat "$file" >/dev/null
measure "audit, every row differs, 2 x 1 GiB" "$bowline" audit "$directory/differs" --json
