# Refuses platforms without native libraries of libtorch; sourced by mvnw and bowline.

require_platform() {
    # Sets system, such as Linux.
    machine=$(uname -sm)
    system=${machine% *}
    case $machine in
        'Linux x86_64' | 'Linux amd64')
            if [ ! -e /lib/ld-musl-x86_64.so.1 ] || [ -e /lib64/ld-linux-x86-64.so.2 ]; then
                return 0
            fi
            echo "error: libtorch needs the C library glibc, and this system has musl" >&2
            echo "  fix: use a distribution with glibc, such as Debian, Ubuntu or Fedora, in place of Alpine" >&2
            return 1
            ;;
        'Darwin arm64' | MINGW*' x86_64' | MSYS*' x86_64' | CYGWIN*' x86_64') return 0 ;;
    esac
    echo "error: libtorch has no native libraries for $system on ${machine##* }" >&2
    echo "  fix: use Linux on x86_64, macOS on Apple silicon, or Windows on x86_64" >&2
    return 1
}
