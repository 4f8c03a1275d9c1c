# Finds a JDK 25 or newer and sets JAVA_HOME to it; sourced by mvnw and bowline.
# Looks at JAVA_HOME, the java on the PATH, then the places where installers put JDKs.

jdk_version() {
    # Sets version to the feature release of the JDK in $1, or fails if there is none.
    [ -x "$1/bin/javac" ] && [ -r "$1/release" ] || return 1
    while IFS='=' read -r key version; do
        if [ "$key" = JAVA_VERSION ]; then
            version=${version#\"}
            version=${version%%[!0-9]*}
            [ -n "$version" ]
            return
        fi
    done <"$1/release"
    return 1
}

is_new_enough() {
    [ -n "$1" ] && jdk_version "$1" && [ "$version" -ge 25 ]
}

find_jdk() {
    if is_new_enough "${JAVA_HOME:-}"; then
        export JAVA_HOME
        return 0
    fi
    on_path=$(command -v javac 2>/dev/null || true)
    if [ -n "$on_path" ]; then
        while [ -L "$on_path" ]; do
            target=$(readlink "$on_path")
            case $target in
                /*) on_path=$target ;;
                *) on_path=${on_path%/*}/$target ;;
            esac
        done
        on_path=${on_path%/bin/*}
    fi
    for candidate in "$on_path" \
        /usr/lib/jvm/* /opt/java/* /opt/jdk* \
        /Library/Java/JavaVirtualMachines/*/Contents/Home \
        "${HOME:-/}"/.sdkman/candidates/java/* "${HOME:-/}"/.jdks/* "${HOME:-/}"/Library/Java/JavaVirtualMachines/*/Contents/Home; do
        if is_new_enough "$candidate"; then
            JAVA_HOME=$candidate
            export JAVA_HOME
            return 0
        fi
    done
    echo "error: Bowline needs a JDK 25 or newer, and none was found" >&2
    echo "  fix: install one (for example Eclipse Temurin 25), or set JAVA_HOME to it" >&2
    return 1
}
