# Sourced by ./bowline and ./mvnw: sets JAVA_HOME to a JDK of at least $required_java, or stops with exit code 1.
# Order: JAVA_HOME, then the java on PATH, then the places where installers put JDKs.

required_java=25

# The major version of the JDK in $1; nothing if there is no JDK (javac included) there.
java_version() {
    [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 0
    sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

is_new_enough() {
    found_version=$(java_version "$1")
    [ -n "$found_version" ] && [ "$found_version" -ge "$required_java" ]
}

# The home of the java that PATH names; nothing if there is none.
java_home_on_path() {
    java_on_path=$(command -v java 2>/dev/null) || return 0
    while [ -L "$java_on_path" ]; do
        link_target=$(readlink "$java_on_path")
        case $link_target in
            /*) java_on_path=$link_target ;;
            *) java_on_path=$(dirname -- "$java_on_path")/$link_target ;;
        esac
    done
    (cd -- "$(dirname -- "$java_on_path")/.." 2>/dev/null && pwd -P) || return 0
}

find_jdk() {
    if [ -n "${JAVA_HOME:-}" ] && is_new_enough "$JAVA_HOME"; then
        return 0
    fi
    jdk_on_path=$(java_home_on_path)
    if [ -n "$jdk_on_path" ] && is_new_enough "$jdk_on_path"; then
        JAVA_HOME=$jdk_on_path
        return 0
    fi
    for candidate in \
        ${BOWLINE_JDK_DIRS-/usr/lib/jvm/* /usr/java/* /opt/java/* /Library/Java/JavaVirtualMachines/*/Contents/Home} \
        "${HOME:-/nonexistent}"/.sdkman/candidates/java/* \
        "${HOME:-/nonexistent}"/.jdks/* \
        "${HOME:-/nonexistent}"/Library/Java/JavaVirtualMachines/*/Contents/Home; do
        if is_new_enough "$candidate"; then
            JAVA_HOME=$candidate
            return 0
        fi
    done
    {
        echo "error: no JDK $required_java or newer was found"
        if [ -n "${JAVA_HOME:-}" ]; then
            echo "  JAVA_HOME is $JAVA_HOME, version $(java_version "$JAVA_HOME" | grep . || echo unknown)"
        fi
        echo "  fix: install a JDK $required_java (such as Eclipse Temurin), or set JAVA_HOME to one"
    } >&2
    exit 1
}

find_jdk
export JAVA_HOME
