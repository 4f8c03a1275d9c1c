#!/bin/sh
# Lets Jazzer look for bytes that break a target, for a while or until it finds some.
#
#   fuzz/run.sh HeaderFuzzer|AuditFuzzer|RepairFuzzer|TemplateFuzzer|RecipeFuzzer [SECONDS [SECONDS_OF_ONE_INPUT]]
#
# An input that takes longer than 10 seconds is a find; give it more on a machine that others use.
#
# Needs `./mvnw -Pfuzz -DskipTests package` first. What it learns is kept in fuzz/target/corpus, and bytes that break the
# target in fuzz/target/found; an input that was found belongs into a test.
set -eu
fuzz=$(cd -- "$(dirname -- "$0")" && pwd -P)
. "$fuzz/../.mvn/jdk.sh"
find_jdk
# After the search, which has a variable of that name.
target=$1
seconds=${2:-60}

mkdir -p "$fuzz/target/corpus/$target" "$fuzz/target/found"
class_path=
for jar in "$fuzz"/target/bowline-fuzz-*.jar "$fuzz"/target/lib/*.jar; do
    class_path=$class_path:$jar
done
cd "$fuzz/target/found"
exec "$JAVA_HOME/bin/java" -Xmx1g --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    -XX:+EnableDynamicAgentLoading -cp "${class_path#:}" com.code_intelligence.jazzer.Jazzer \
    --target_class="dev.bowline.fuzz.$target" \
    --instrumentation_includes='dev.bowline.**' --custom_hook_includes='dev.bowline.**' \
    -max_total_time="$seconds" -timeout="${3:-10}" -dict="$fuzz/dictionary.txt" \
    "$fuzz/target/corpus/$target" "$fuzz/seeds/$target"
