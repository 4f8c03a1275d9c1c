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
. "$project/.mvn/jdk.sh"
find_jdk
# An OpenBLAS kernel forced from outside is for neither side; it only reaches ours.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

reference() {
    "$python" "$project/bench/python/transformers_step.py" --vocabulary "$vocabulary" --batch "$batch" --warmup 1 --steps 4 "$@"
}

tuned() {
    THP_MEM_ALLOC_ENABLE=1 OMP_WAIT_POLICY=passive MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=34359738368 \
        MALLOC_TRIM_THRESHOLD_=34359738368 reference --experts grouped_mm --optimizer fused "$@"
}

# The environment and the options of the launcher.
ours() {
    MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=34359738368 MALLOC_TRIM_THRESHOLD_=34359738368 \
        MALLOC_TOP_PAD_=268435456 THP_MEM_ALLOC_ENABLE=0 OMP_WAIT_POLICY=passive \
        "$JAVA_HOME/bin/java" --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx2g \
        -Dorg.bytedeco.javacpp.maxphysicalbytes=0 -Dorg.bytedeco.javacpp.maxbytes=0 \
        -Dorg.bytedeco.javacpp.nopointergc=true \
        -cp "$project/bench/target/classes:$project/library/target/classes:$project/cli/target/lib/*" \
        dev.bowline.bench.TrainingStepBench "$directory" "$1" 1 4
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
