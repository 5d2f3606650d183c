#!/usr/bin/env bash
# Makes an update of an image: its slot, signed.
#
#     update.sh BOARD RELEASE IMAGE-DIRECTORY PRIVATE-KEY > UPDATE
#
# rootfs/usr/bin/weir-update says what an update looks like. A key is made by
# `openssl genpkey -algorithm ed25519 -out KEY`, its public half by `openssl pkey -in KEY -pubout`.
set -euo pipefail

[ $# -eq 4 ] || {
    echo "usage: update.sh BOARD RELEASE IMAGE-DIRECTORY PRIVATE-KEY > UPDATE" >&2
    exit 2
}
slot=$3/slot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
hash=$(sha256sum <"$slot")
echo "weir-update/1 $1 $2 $(stat -c %s "$slot") ${hash%% *}" >"$work/line"
openssl pkeyutl -sign -inkey "$4" -rawin -in "$work/line" -out "$work/signature"
cat "$work/line"
base64 -w 0 "$work/signature"
echo
gzip -9n <"$slot"
