#!/bin/sh
# Runs a program of this directory in the launcher's environment and with its options.
#
#   bench/java.sh CLASS ARGUMENT ...
#   bench/java.sh ComponentBench fp32 attention
#
# Needs `./mvnw -Pbench -DskipTests package` first.
set -eu
project=$(cd -- "$(dirname -- "$0")/.." && pwd -P)
program=$1
shift
. "$project/.mvn/jdk.sh"
find_jdk
# An OpenBLAS kernel forced from outside is for neither side of a comparison; it only reaches ours.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-8}"
export MALLOC_MMAP_THRESHOLD_=34359738368 MALLOC_TRIM_THRESHOLD_=34359738368
export MALLOC_TOP_PAD_=268435456 THP_MEM_ALLOC_ENABLE=0 OMP_WAIT_POLICY=passive
export GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0}"
exec "$JAVA_HOME/bin/java" --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -Xms32m -Xmx2g \
    -Dorg.bytedeco.javacpp.maxphysicalbytes=0 -Dorg.bytedeco.javacpp.maxbytes=0 \
    -Dorg.bytedeco.javacpp.nopointergc=true \
    -cp "$project/bench/target/classes:$project/library/target/classes:$project/cli/target/lib/*" \
    "dev.bowline.bench.$program" "$@"
