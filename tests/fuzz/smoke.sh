#!/usr/bin/env bash
# A short run of one fuzz target over a copy of its corpus, and of files that have their place
# elsewhere: what the fuzzer finds new does not land in the source tree.
#
#     smoke.sh TARGET CORPUS [FILE...]
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
target=$1
if [ -d "$2" ]; then
    cp -R "$2/." "$work/corpus"
fi
shift 2
if [ $# -gt 0 ]; then
    cp "$@" "$work/corpus"
fi
cd "$work"
"$target" -max_total_time=5 -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 "$work/corpus"
