# Reads the table of process settings, process.properties; sourced by bowline and bench/java.sh.

read_settings() {
    # Sets java_options and collector, and start_settings to the environment variables of the C library.
    java_options=
    collector=
    start_settings=
    if [ ! -r "$1" ]; then
        echo "error: the table of process settings is missing: $1" >&2
        echo "  fix: restore the file, or install Bowline again" >&2
        return 1
    fi
    while IFS='=' read -r key value; do
        case $key in
            java.collector) collector=$value ;;
            java.*) java_options="$java_options $value" ;;
            start.*) start_settings="$start_settings ${key#start.}=$value" ;;
        esac
    done <"$1"
}

export_start_settings() {
    # A variable that has a value keeps it. An empty variable is removed, which leaves the default of the C library.
    [ "${BOWLINE_TUNE_PROCESS:-}" != false ] || return 0
    for setting in $start_settings; do
        name=${setting%%=*}
        eval "current=\${$name-unset}"
        case $current in
            unset) export "$name=${setting#*=}" ;;
            '') unset "$name" ;;
        esac
    done
}
