#!/bin/sh
# Makes this machine's files, behind an overlay, the root of another one, mounted at DIRECTORY, and
# boots it if asked to. Run in namespaces of its own:
#
#     machine.sh DIRECTORY [CGROUP]
#
# CGROUP, a control group that this is in, is the machine's root of them. The line "mounted" tells
# that all is there.
set -eu

directory=$1
cgroup=${2:-}
root=$directory/root

# Parts of systemd that reach for the machine below, or wait for what is not there.
masked="cgroupfs-mount.service dev-hugepages.mount dev-mqueue.mount proc-sys-fs-binfmt_misc.automount
    swap.target sys-kernel-debug.mount sys-kernel-tracing.mount systemd-binfmt.service
    systemd-firstboot.service systemd-hwdb-update.service systemd-modules-load.service
    systemd-networkd.service systemd-random-seed.service systemd-remount-fs.service
    systemd-resolved.service systemd-sysctl.service systemd-timesyncd.service
    systemd-tmpfiles-setup-dev.service systemd-udev-trigger.service systemd-udevd.service
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-update-utmp.service"

make_devices() {
    mount -t tmpfs -o mode=755 weir-test "$root/dev"
    for name in null zero full random urandom tty; do
        : >"$root/dev/$name"
        mount --bind "/dev/$name" "$root/dev/$name"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 weir-test "$root/dev/pts"
    mount -t tmpfs weir-test "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
}

make_control_groups() {
    mount -t tmpfs weir-test "$root/sys"
    mkdir -p "$root/sys/fs/cgroup"
    if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
        mount -t cgroup2 weir-test "$root/sys/fs/cgroup"
    else
        mount -t tmpfs weir-test "$root/sys/fs/cgroup"
        mkdir "$root/sys/fs/cgroup/systemd"
        mount -t cgroup -o none,name=systemd weir-test "$root/sys/fs/cgroup/systemd"
    fi
}

# What this machine starts on its own is not the other's to start.
make_target() {
    rm -f "$root"/etc/systemd/system/*.wants/*
    for unit in $masked; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    : >"$root/etc/fstab"
    printf '[Unit]\nWants=systemd-journald.service\n' >"$root/etc/systemd/system/test.target"
}

mount -t tmpfs weir-test "$directory"
mkdir "$directory/upper" "$directory/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$directory/upper,workdir=$directory/work" weir-test "$root"
mount -t proc weir-test "$root/proc"
mount -t tmpfs -o mode=755 weir-test "$root/run"
make_devices
if [ -n "$cgroup" ]; then
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    make_control_groups
    make_target
fi
mkdir "$root/old"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
mount --make-rshared /
echo mounted
exec >/dev/null
[ -n "$cgroup" ] || exec sleep infinity
exec setpriv \
    --bounding-set=-sys_module,-sys_rawio,-sys_time,-sys_boot,-mac_admin,-mac_override,-syslog,-net_admin \
    env -i container=weir-test PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    /lib/systemd/systemd --system --unit=test.target --log-target=journal --show-status=no
