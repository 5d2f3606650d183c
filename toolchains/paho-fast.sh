#!/usr/bin/env bash
# Builds the distribution's paho.mqtt.c, in the version that is installed, without its tracing and
# heap tracking (PAHO_HIGH_PERFORMANCE), as a static library.
#
#     paho-fast.sh DIRECTORY COMPILER FLAGS
#
# Leaves DIRECTORY/lib/libpaho-mqtt3as.a and DIRECTORY/include. Does nothing when they are there for
# the same version, compiler and flags. The system's package lists are left as they are: source
# lists are derived from the machine's own binary ones, into a temporary directory.
set -euo pipefail

directory=$1
compiler=$2
flags=$3

fail() {
    echo "paho-fast: $*" >&2
    exit 1
}

# Binary sources turned into source ones: the one-line and the deb822 form.
derive_sources() { # TARGET-DIRECTORY
    local parts list name
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    for name in "$list" "$parts"/*.list; do
        [ -f "$name" ] || continue
        sed -nE 's/^[[:space:]]*deb([[:space:]])/deb-src\1/p' "$name" \
            >"$1/$(basename "$name" .list).list"
    done
    for name in "$parts"/*.sources; do
        [ -f "$name" ] || continue
        sed -E 's/^Types:.*/Types: deb-src/I' "$name" >"$1/$(basename "$name")"
    done
}

fetch_source() { # SOURCE=VERSION
    local options=(
        -q
        -o Dir::Etc::sourcelist=/dev/null
        -o Dir::Etc::sourceparts="$work/sources"
        -o Dir::State::lists="$work/lists"
        -o Dir::Cache="$work/cache"
        -o APT::Sandbox::User=root
    )
    mkdir -p "$work/sources" "$work/lists/partial" "$work/cache/archives/partial" "$work/source"
    derive_sources "$work/sources"
    # One list that cannot be had must not hide the one that has the source.
    apt-get "${options[@]}" update >"$work/log" 2>&1 || true
    (cd "$work/source" && apt-get "${options[@]}" --only-source --download-only source "$1") \
        >>"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "no source of $1 from the sources that this machine's apt has;" \
            "without WEIR_PAHO=fast weir is built over the packaged library"
    }
}

# A failing step shows the log, which is of no interest otherwise.
logged() {
    "$@" >>"$work/log" 2>&1 && return
    cat "$work/log" >&2
    fail "failed: $1 $2"
}

build() {
    logged dpkg-source --no-check -x "$work"/source/*.dsc "$work/tree"
    logged cmake -S "$work/tree" -B "$work/build" -G Ninja \
        -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_COMPILER="$compiler" \
        -DCMAKE_C_FLAGS_RELEASE="$flags -ffile-prefix-map=$work/tree=paho" \
        -DCMAKE_INSTALL_PREFIX="$directory" \
        -DCMAKE_INSTALL_LIBDIR=lib \
        -DPAHO_HIGH_PERFORMANCE=TRUE -DPAHO_WITH_SSL=TRUE \
        -DPAHO_BUILD_STATIC=TRUE -DPAHO_BUILD_SHARED=FALSE \
        -DPAHO_BUILD_SAMPLES=FALSE -DPAHO_BUILD_DOCUMENTATION=FALSE -DPAHO_ENABLE_TESTING=FALSE
    logged cmake --build "$work/build" --target install
}

for tool in apt-get dpkg-query dpkg-source cmake ninja; do
    command -v "$tool" >/dev/null ||
        fail "$tool is needed; is this a Debian with dpkg-dev, cmake and ninja-build?"
done
source=$(dpkg-query -W -f '${source:Package}=${source:Version}' libpaho-mqtt-dev) ||
    fail "libpaho-mqtt-dev is needed: its version is the one that is built"

identity="$source $("$compiler" -dumpfullversion -dumpversion) $compiler $flags"
if [ -f "$directory/identity" ] && [ "$(cat "$directory/identity")" = "$identity" ]; then
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "paho-fast: building $source into $directory"
fetch_source "$source"
rm -rf "$directory"
mkdir -p "$directory"
build
[ -f "$directory/lib/libpaho-mqtt3as.a" ] || fail "the build left no libpaho-mqtt3as.a"
printf '%s\n' "$identity" >"$directory/identity"
