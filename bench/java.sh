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
. "$project/.mvn/settings.sh"
find_jdk
read_settings "$project/library/src/main/resources/dev/bowline/platform/process.properties"
# An OpenBLAS kernel forced from outside is for neither side of a comparison; it only reaches ours.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export_start_settings
# shellcheck disable=SC2086 # options are separate words
exec "$JAVA_HOME/bin/java" $java_options $collector -Xms32m -Xmx2g \
    -cp "$project/bench/target/classes:$project/library/target/classes:$project/cli/target/lib/*" \
    "dev.bowline.bench.$program" "$@"
