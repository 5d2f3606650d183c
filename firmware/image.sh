#!/usr/bin/env bash
# The image of a board: everything below DIRECTORY, and DIRECTORY/image is what goes onto the card.
# What an interrupted run leaves is DIRECTORY.part, so that nobody takes it for whole.
#
#     image.sh BOARD WEIR DIRECTORY [PUBLIC-KEY]
#
# PUBLIC-KEY is the one that updates have to be signed for; without it none is taken.
# The other files there are its parts: slot (root, kernel and ramdisk in one), boot, data, loader.
# WEIR is the program, built for the board. Needs no root. The same packages and the same program
# give the same bytes: every time is SOURCE_DATE_EPOCH, every order and every identifier is fixed.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC
: "${SOURCE_DATE_EPOCH:=1700000000}"
export SOURCE_DATE_EPOCH

# The disk, in MiB. The first four hold the partition table and, at 1 MiB, the state of the slots;
# boot.cmd and init know these numbers too. Slots are filled up by fill_slot.
boot_at=4 boot_mib=48
slot_mib=52 kernel_at=12
slot_a_at=$((boot_at + boot_mib))
slot_b_at=$((slot_a_at + slot_mib))
data_at=$((slot_b_at + slot_mib))

fail() {
    echo "image: $*" >&2
    exit 1
}

# A tree of files without a trace of when it was made, and under which umask it was checked out.
settle() { # DIRECTORY
    chmod -R go=u,go-w "$1"
    find "$1" -print0 | xargs -0 touch -h -d "@$SOURCE_DATE_EPOCH"
}

# A program and the libraries it names, stripped.
add_program() { # FILE TARGET
    local library path
    [ ! -e "$root/$2" ] || return 0
    mkdir -p "$root/$(dirname "$2")"
    llvm-strip -o "$root/$2" "$1"
    chmod 755 "$root/$2"
    for library in $(llvm-readelf --dynamic-table "$1" |
        sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        path=usr/lib/$triplet/$library
        [ -e "$packages/$path" ] || path=usr/lib/$library
        [ -e "$packages/$path" ] || fail "$library, which $1 needs, is in no package"
        add_program "$(realpath "$packages/$path")" "$path"
    done
}

make_root() {
    local name
    mkdir -p "$root"/usr/{bin,sbin,lib} "$root"/{etc/weir,dev,proc,sys,run,tmp,mnt,data,var}
    for name in bin sbin lib; do
        ln -s "usr/$name" "$root/$name"
    done
    ln -s /run "$root/var/run"
    ln -s /data "$root/var/lib"
    ln -s /run/resolv.conf "$root/etc/resolv.conf"
    cp -r "$here/rootfs/." "$root"
    add_program "$packages/usr/bin/busybox" usr/bin/busybox
    # Without what lets somebody in.
    "$emulator" "$packages/usr/bin/busybox" --list |
        grep -vxE 'busybox|dpkg.*|rpm.*|login|su|sulogin|getty|telnetd|httpd|ftp.*' |
        while read -r name; do
            ln -s busybox "$root/usr/bin/$name"
        done
    for name in init reboot; do
        ln -s ../bin/busybox "$root/usr/sbin/$name"
    done
    for name in sbin/mosquitto bin/mosquitto_sub bin/mosquitto_pub bin/openssl sbin/ntpd; do
        add_program "$packages/usr/$name" "usr/$name"
    done
    add_program "$weir" usr/bin/weir
    # Programs name their loader by /lib, and so by usr/lib.
    for name in "$packages"/usr/lib/ld-linux*; do
        cp -P "$name" "$root/usr/lib/"
    done
    cp "$packages/etc/openntpd/ntpd.conf" "$root/etc/ntpd.conf"
    cat "$here/weir.conf" "$here/storage.conf" >"$root/etc/weir/weir.conf"
    echo "$release" >"$root/etc/weir/release"
    echo "$board" >"$root/etc/weir/board"
    [ -z "$key" ] || cp "$key" "$root/etc/weir/update.pub"
    settle "$root"
    mksquashfs "$root" "$directory/root" -comp zstd -Xcompression-level 19 -all-root -noappend \
        -no-xattrs -no-progress -quiet -processors 1 >/dev/null
}

# The kernel's modules for the board, in an order in which they can be loaded.
list_modules() {
    local name
    [ -e "$packages/usr/lib/modules/$version/modules.dep" ] || depmod -b "$packages" "$version"
    # shellcheck disable=SC2086
    for name in $MODULES squashfs ext4 crc32c_generic vfat nls_ascii nls_cp437 af_packet; do
        modprobe --dirname "$packages" --set-version "$version" --show-depends "$name" |
            sed -n 's/^insmod \([^ ]*\).*/\1/p'
    done | awk '!seen[$0]++'
}

make_ramdisk() {
    local tree=$directory/ramdisk.tree module
    mkdir -p "$tree"/{bin,dev,proc,sys,mnt,modules}
    cp "$root/usr/bin/busybox" "$tree/bin/busybox"
    install -m 755 "$here/init" "$tree/init"
    list_modules >"$directory/modules"
    while read -r module; do
        cp "$module" "$tree/modules/"
        basename "$module"
    done <"$directory/modules" >"$tree/modules/order"
    echo "$(stat -c %s "$directory/root") $(sha256sum <"$directory/root" | cut -d' ' -f1)" \
        >"$tree/root.sum"
    settle "$tree"
    # zstd would want megabytes to be unpacked with, which 64 MiB do not leave.
    (cd "$tree" && find . -mindepth 1 | sort |
        cpio --quiet --reproducible --create --format newc --owner 0:0) |
        gzip -9n >"$directory/ramdisk"
}

# What U-Boot's crc32 leaves of files, four bytes each, in one byte order and in the other: which one
# it is depends on how U-Boot was configured.
checksums() { # FILE ...
    /usr/bin/python3 -c 'import sys, zlib
sums = [zlib.crc32(open(name, "rb").read()) for name in sys.argv[1:]]
for order in "big", "little":
    for value in sums:
        sys.stdout.buffer.write(value.to_bytes(4, order))' "$@"
}

blocks() { # FILE
    echo $((($(stat -c %s "$1") + 511) / 512))
}

put() { # FILE TARGET OFFSET-IN-SECTORS
    dd if="$1" of="$2" bs=512 seek="$3" conv=notrunc status=none
}

# A slot: the root, at 12 MiB a sector that says what follows, kernel, initramfs.
make_slot() {
    local slot=$directory/slot head=$directory/head kernel=$directory/kernel
    local start=$((kernel_at * 2048)) ramdisk_at
    cp "$packages/boot/vmlinuz-$version" "$kernel"
    ramdisk_at=$((8 + $(blocks "$kernel")))
    [ "$(stat -c %s "$directory/root")" -le $((kernel_at << 20)) ] || fail "the root is too large"
    [ $((start + ramdisk_at + $(blocks "$directory/ramdisk"))) -le $((slot_mib * 2048)) ] ||
        fail "kernel and initramfs do not fit into a slot"
    printf '%s_at=%x\n%s_blocks=%x\n%s_bytes=%x\n' \
        kernel 8 kernel "$(blocks "$kernel")" kernel "$(stat -c %s "$kernel")" \
        ramdisk "$ramdisk_at" ramdisk "$(blocks "$directory/ramdisk")" \
        ramdisk "$(stat -c %s "$directory/ramdisk")" >"$head"
    truncate -s 256 "$head"
    checksums "$kernel" "$directory/ramdisk" >>"$head"
    truncate -s "${slot_mib}M" "$slot"
    put "$directory/root" "$slot" 0
    put "$head" "$slot" "$start"
    put "$kernel" "$slot" $((start + 8))
    put "$directory/ramdisk" "$slot" $((start + ramdisk_at))
}

# What the loader needs to know of the board, and boot.cmd behind it.
make_boot_script() {
    local command=booti
    [ "$ARCHITECTURE" = arm64 ] || command=bootz
    {
        printf 'setenv %s "%s"\n' load_address "$LOAD_ADDRESS" boot_command "$command" \
            console_device "$CONSOLE" slot_a "$(printf %x $((slot_a_at * 2048)))" \
            slot_b "$(printf %x $((slot_b_at * 2048)))"
        # The firmware of a Pi hands over a device tree that it has completed; an emulator does too.
        # shellcheck disable=SC2016
        case $FIRMWARE in
        raspi) echo 'setenv device_tree_address ${fdt_addr}' ;;
        none) echo 'setenv device_tree_address ${fdtcontroladdr}' ;;
        esac
        cat "$here/boot.cmd"
    } >"$directory/boot.cmd"
    mkimage -A arm -T script -C none -n weir -d "$directory/boot.cmd" "$1" >/dev/null
}

make_raspi_files() { # DIRECTORY
    local trees=$packages/usr/lib/linux-image-$version
    cp "$packages"/usr/lib/raspi-firmware/{bootcode.bin,start.elf,start4.elf,fixup.dat,fixup4.dat} \
        "$1"
    cp "$packages/usr/lib/u-boot/$LOADER/u-boot.bin" "$1/u-boot.bin"
    cp "$trees/$DEVICE_TREE" "$1/"
    {
        printf 'arm_64bit=%d\n' "$([ "$ARCHITECTURE" = arm64 ] && echo 1 || echo 0)"
        printf 'kernel=u-boot.bin\ndevice_tree=%s\n' "$(basename "$DEVICE_TREE")"
        printf 'enable_uart=1\nupstream_kernel=1\ngpu_mem=32\n'
    } >"$1/config.txt"
}

make_boot() {
    local tree=$directory/boot.tree
    mkdir -p "$tree/config"
    cp "$here/config.txt" "$tree/config/README.txt"
    make_boot_script "$tree/boot.scr"
    [ "$FIRMWARE" = none ] || make_raspi_files "$tree"
    settle "$tree"
    truncate -s "${boot_mib}M" "$directory/boot"
    mkfs.vfat -F 32 -s 1 --invariant -i 57656972 -n WEIRBOOT "$directory/boot" >/dev/null
    find "$tree" -mindepth 1 -maxdepth 1 | sort |
        xargs -I{} mcopy -s -m -i "$directory/boot" {} ::
}

make_data() {
    mkdir -p "$directory/data.tree"
    settle "$directory/data.tree"
    truncate -s "${DATA_MIB}M" "$directory/data"
    E2FSPROGS_FAKE_TIME=$SOURCE_DATE_EPOCH mke2fs -q -t ext4 -L weirdata \
        -U 57656972-0000-4000-8000-000000000001 \
        -E hash_seed=57656972-0000-4000-8000-000000000002,lazy_itable_init=0,root_owner=0:0 \
        -d "$directory/data.tree" "$directory/data"
}

make_disk() {
    local image=$directory/image
    # An emulated card wants a power of two.
    truncate -s "$(/usr/bin/python3 -c 'import sys
print(1 << (int(sys.argv[1]) * 2**20 - 1).bit_length())' $((data_at + DATA_MIB)))" "$image"
    sfdisk --quiet --no-reread --no-tell-kernel "$image" <<END
label: dos
label-id: 0x57656972
start=${boot_at}MiB, size=${boot_mib}MiB, type=c, bootable
start=${slot_a_at}MiB, size=${slot_mib}MiB, type=83
start=${slot_b_at}MiB, size=${slot_mib}MiB, type=83
start=${data_at}MiB, size=${DATA_MIB}MiB, type=83
END
    printf 'first=A\ntrial=none\n' >"$directory/state"
    truncate -s 512 "$directory/state"
    put "$directory/state" "$image" 2048
    for part in boot:$boot_at slot:$slot_a_at slot:$slot_b_at data:$data_at; do
        dd if="$directory/${part%:*}" of="$image" bs=1M seek="${part#*:}" conv=notrunc,sparse \
            status=none
    done
}

[ $# -eq 3 ] || [ $# -eq 4 ] || fail "usage: image.sh BOARD WEIR DIRECTORY [PUBLIC-KEY]"
board=$1
weir=$2
target=$(realpath -m "$3")
directory=$target.part
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
[ -f "$here/../boards/$board.conf" ] || fail "no board '$board' in boards/"
# shellcheck source=/dev/null
. "$here/../boards/$board.conf"
case $ARCHITECTURE in
arm64) triplet=aarch64-linux-gnu emulator=qemu-aarch64 ;;
armhf) triplet=arm-linux-gnueabihf emulator=qemu-arm ;;
*) fail "no images for $ARCHITECTURE so far" ;;
esac
packages=$(dirname "$target")/packages-$ARCHITECTURE
root=$directory/root.tree
release=${WEIR_RELEASE:-0}
key=${4:-}
# A private key, taken for a public one, would be on every card.
[ -z "$key" ] || openssl pkey -pubin -in "$key" -noout -text 2>/dev/null |
    grep -q '^ED25519 Public-Key' ||
    fail "'$key' is no public key; openssl pkey -in KEY -pubout makes one of an Ed25519 key"
rm -rf "$directory"
mkdir -p "$directory"
"$here/../toolchains/packages.sh" unpack "$here/$ARCHITECTURE.lock" "$packages"
version=$(cd "$packages/usr/lib/modules" && echo *)
make_root
make_ramdisk
make_slot
make_boot
make_data
make_disk
# What an emulator starts in place of a board's own firmware.
if [ "$FIRMWARE" = none ]; then
    cp "$packages/usr/lib/u-boot/$LOADER/u-boot.bin" "$directory/loader"
fi
rm -rf "$target"
mv "$directory" "$target"
