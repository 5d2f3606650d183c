# Which slot to boot. U-Boot runs this from the first partition, with devtype and devnum set.
#
# Sector 0x800 of the disk holds what is known of the slots, as text: `first`, the slot to boot, and
# `trial`, a slot to try once before it, or none. What is unreadable counts as A and none. A trial
# is crossed out before it begins, and nothing else is ever written here.
#
# A slot begins with the root file system. 12 MiB on is a sector that says where kernel and
# initramfs are and what their checksums must be, in either byte order, since U-Boots differ in the
# one they use; both begin on a sector. A slot that fails is
# passed over for the other.

setexpr ramdisk_address ${load_address} + 0x2600000
setexpr scratch ${load_address} - 0x80000
setenv first A
setenv trial none
setenv weir_options
${devtype} dev ${devnum}
if ${devtype} read ${scratch} 0x800 1; then env import -t ${scratch} 0x200 first trial; fi
if test "${first}" != "B"; then setenv first A; fi
if test "${first}" = "A"; then setenv order "A B"; else setenv order "B A"; fi
if test "${trial}" = "A" -o "${trial}" = "B"; then
    setenv order "${trial} ${order}"
    setenv trial none
    mw.b ${scratch} 0 0x200
    env export -t -s 0x200 ${scratch} first trial
    ${devtype} write ${scratch} 0x800 1
fi
if load ${devtype} ${devnum}:1 ${scratch} options.txt; then
    env import -t ${scratch} ${filesize} weir_options
fi

for slot in ${order}; do
    if test "${slot}" = "A"; then setenv start ${slot_a}; else setenv start ${slot_b}; fi
    setexpr head ${start} + 0x6000
    setexpr sums ${scratch} + 0x100
    setexpr swapped_sums ${scratch} + 0x108
    setexpr kernel_sum ${scratch} + 0x400
    setexpr ramdisk_sum ${scratch} + 0x404
    setenv kernel_blocks
    ${devtype} read ${scratch} ${head} 1
    env import -t ${scratch} 0x100 kernel_at kernel_blocks kernel_bytes ramdisk_at ramdisk_blocks ramdisk_bytes
    if test -n "${kernel_blocks}"; then
        setexpr at ${head} + ${kernel_at}
        ${devtype} read ${load_address} ${at} ${kernel_blocks}
        setexpr at ${head} + ${ramdisk_at}
        ${devtype} read ${ramdisk_address} ${at} ${ramdisk_blocks}
        crc32 ${load_address} ${kernel_bytes} ${kernel_sum}
        crc32 ${ramdisk_address} ${ramdisk_bytes} ${ramdisk_sum}
        if cmp.l ${kernel_sum} ${sums} 2 || cmp.l ${kernel_sum} ${swapped_sums} 2; then
            echo "weir: slot ${slot}"
            setenv bootargs "console=${console_device} panic=5 quiet weir.slot=${slot}"
            setenv bootargs "${bootargs} ${weir_options}"
            setenv initrd_high 0xffffffffffffffff
            ${boot_command} ${load_address} ${ramdisk_address}:${ramdisk_bytes} ${device_tree_address}
        fi
    fi
    echo "weir: slot ${slot} is not whole"
done
reset
