# shellcheck shell=bash
# The options are what the help text has.
_weir_collect() {
    local words
    words=$("$1" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*')
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2")
}

# Where nothing fits: files.
complete -o default -F _weir_collect weir-collect
