#!/usr/bin/env bash
# Debian packages of another architecture, by lock file: exactly those versions, whatever the
# machine itself has installed. Needs no root, no foreign architecture in dpkg and no second apt
# configuration: archives and keys are the machine's own.
#
#     packages.sh fetch LOCK               the packages themselves, each checked against its hash:
#                                          prints the names of their files
#     packages.sh unpack LOCK DIRECTORY    a tree of them: fetched where they are not there yet
#     packages.sh lock LOCK                writes the lock file anew, with the newest versions
#
# It exits with 77 where the archive cannot be reached, or has a package no longer.
#
# A lock file begins with what is wanted, one `key: words` a line:
#
#     architecture, suite     of Debian
#     component               besides main
#     closure                 packages with all they depend on
#     given                   packages taken for there already, with all that only they need
#     alone                   packages without what they depend on
#     newest                  packages that stand for the newest one they depend on, which is alone
#
# and lists after an empty line what that came to: name, version, SHA-256.
#
# WEIR_PACKAGES names the directory where fetched packages are kept, build/packages unless set.
set -euo pipefail
umask 022
export LC_ALL=C

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
cache=$(realpath -m "${WEIR_PACKAGES:-$(dirname "${BASH_SOURCE[0]}")/../build/packages}")

fail() {
    echo "packages: $*" >&2
    exit 1
}

give_up() {
    echo "packages: $*" >&2
    exit 77
}

# The words of a key in the lock file's head.
wanted() { # KEY
    sed -n "/^\$/q; s/^$1: *//p" "$lock"
}

listed() {
    sed '1,/^$/d' "$lock"
}

# Where the machine's apt has Debian and its security updates from: two addresses.
archives() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' \
        'Created-By: Packages' 'Origin: Debian' | sort -u
}

write_sources() { # TARGET
    local label uri suite
    while read -r label uri; do
        case $label in
        Debian) suite=$release ;;
        Debian-Security) suite=$release-security ;;
        *) continue ;;
        esac
        echo "deb [arch=$architecture signed-by=$keyring] $uri $suite main $(wanted component)"
    done < <(archives) >"$1"
    grep -q " $release " "$1" || give_up "this machine's apt knows of no Debian archive" \
        "(apt-get update makes it read its lists)"
}

# The packages that count as installed: those given, in a version that satisfies whatever is asked.
write_status() { # TARGET
    local name
    for name in $(wanted given); do
        printf 'Package: %s\nStatus: install ok installed\nArchitecture: %s\nVersion: 999\n' \
            "$name" "$architecture"
        printf 'Multi-Arch: foreign\nMaintainer: none\nDescription: given\n\n'
    done >"$1"
}

# An apt of its own, below the cache.
set_up_apt() {
    local root=$cache/apt-$release-$architecture
    mkdir -p "$root/lists/partial" "$root/archives/partial" "$root/empty"
    write_sources "$root/sources.list"
    write_status "$root/status"
    cat >"$root/apt.conf" <<END
APT { Architecture "$architecture"; Architectures { "$architecture"; };
      Install-Recommends "false"; Sandbox::User "root"; };
Acquire { Languages "none"; Retries "3"; ForceHash "sha256"; };
Debug::NoLocking "true";
Dir::State "$root"; Dir::State::Lists "$root/lists"; Dir::State::status "$root/status";
Dir::Cache "$root"; Dir::Cache::archives "$root/archives";
Dir::Etc::sourcelist "$root/sources.list"; Dir::Etc::sourceparts "$root/empty";
Dir::Etc::parts "$root/empty"; Dir::Etc::main "$root/empty/none";
Dir::Etc::preferencesparts "$root/empty"; Dir::Etc::preferences "$root/empty/none";
END
    export APT_CONFIG=$root/apt.conf
    apt-get -q update >"$root/log" 2>&1 || true
    [[ $(apt-cache policy libc6) =~ Candidate:\ [0-9] ]] || {
        cat "$root/log" >&2
        give_up "no $architecture packages of $release from this machine's archives"
    }
}

file_name() { # NAME VERSION
    echo "$1_${2//:/%3a}.deb"
}

matches() { # FILE HASH
    [ -f "$1" ] && echo "$2  $1" | sha256sum --check --status
}

# Fetches what the cache lacks; the hash in the lock file decides, not the archive's.
fill_cache() {
    local name version hash target missing=()
    while read -r name version hash; do
        matches "$debs/$(file_name "$name" "$version")" "$hash" || missing+=("$name=$version")
    done < <(listed)
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "packages: fetching ${#missing[@]} of $architecture" >&2
    (
        set_up_apt
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        cd "$work"
        apt-get -q download "${missing[@]}" >log 2>&1 || {
            cat log >&2
            give_up "a version in $lock is no longer in the archive; ./dev lock takes the newest"
        }
        for target in *.deb; do
            name=$(dpkg-deb --field "$target" Package)
            mv "$target" "$debs/$(file_name "$name" "$(dpkg-deb --field "$target" Version)")"
        done
    )
    while read -r name version hash; do
        matches "$debs/$(file_name "$name" "$version")" "$hash" ||
            fail "$name $version is not what $lock says: its SHA-256 differs"
    done < <(listed)
}

verb_fetch() {
    local name version _
    fill_cache
    while read -r name version _; do
        echo "$debs/$(file_name "$name" "$version")"
    done < <(listed)
}

# Links to absolute paths would lead out of the tree.
make_links_relative() { # DIRECTORY
    local link
    find "$1" -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
        ln -sfnr "$1$(readlink "$link")" "$link"
    done
}

verb_unpack() { # DIRECTORY
    local directory identity name version _
    directory=$(realpath -m "$1")
    identity=$(cat "$lock" "${BASH_SOURCE[0]}" | sha256sum)
    if [ -f "$directory/.identity" ] && [ "$(cat "$directory/.identity")" = "$identity" ]; then
        return
    fi
    fill_cache
    rm -rf "$directory"
    # The packages of Debian 12 still come with /bin and /lib beside /usr.
    mkdir -p "$directory"/usr/{bin,sbin,lib}
    for name in bin sbin lib; do
        ln -s "usr/$name" "$directory/$name"
    done
    while read -r name version _; do
        dpkg-deb --fsys-tarfile "$debs/$(file_name "$name" "$version")" |
            tar -x --keep-directory-symlink --no-same-owner --exclude='./usr/share/doc/*' \
                --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' -C "$directory"
    done < <(listed)
    make_links_relative "$directory"
    echo "$identity" >"$directory/.identity"
}

# The one package that a meta package depends on by a name with a version in it.
resolve_newest() { # NAME
    apt-cache depends --no-recommends --no-suggests "$1" |
        sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1
}

print_package() { # NAME
    apt-cache show --no-all-versions "$1" |
        awk '/^Package:/ {name = $2} /^Version:/ {version = $2} /^SHA256:/ {hash = $2}
             END {if (hash == "") exit 1; print name, version, hash}'
}

list_names() {
    local name closure
    closure=$(wanted closure)
    if [ -n "$closure" ]; then
        # shellcheck disable=SC2086
        apt-get -qq -s install $closure | sed -n 's/^Inst \([^ :]*\).*/\1/p'
    fi
    for name in $(wanted alone); do
        echo "$name"
    done
    for name in $(wanted newest); do
        resolve_newest "$name"
    done
}

verb_lock() {
    local name new=$lock.new
    set_up_apt
    sed '/^$/q' "$lock" >"$new"
    list_names | sort -u | while read -r name; do
        print_package "$name" || fail "no package $name for $architecture"
    done >>"$new"
    mv "$new" "$lock"
    echo "packages: $(listed | wc -l) in $lock"
}

[ $# -ge 2 ] || fail "usage: packages.sh fetch LOCK, unpack LOCK DIRECTORY, or lock LOCK"
verb=$1
lock=$2
shift 2
[ -f "$lock" ] || fail "no lock file $lock"
architecture=$(wanted architecture)
release=$(wanted suite)
debs=$cache/$architecture
[ "$verb" = lock ] || [ -n "$(listed)" ] || fail "$lock lists no package; ./dev lock fills it"
mkdir -p "$debs"
case $verb in
fetch | unpack | lock) "verb_$verb" "$@" ;;
*) fail "unknown: $verb" ;;
esac
