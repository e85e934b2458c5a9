#!/bin/sh
# Turns this process into the first process of a testbed domain: its own root image, its own /dev, /proc, /sys
# and /run, and nothing of the machine left in sight. Started by unshare --pid --mount --fork; the arguments are
# the command that the domain runs. The environment says the rest:
#   MACHINE_PID_NAMESPACE  the PID namespace that the domain must NOT be in
#   ROOT_DEVICE ROOT_TYPE  the block device of the root and its filesystem type
#   DATA_MOUNTS            lines "DEVICE TYPE MOUNT-POINT OPTIONS", may be empty
#   XENSTORE_SOCKET        becomes /dev/xen/xenbus
#   BOOT_ID_FILE           becomes /proc/sys/kernel/random/boot_id
#   MOUNT_FOLDER           an empty folder to mount the root at
#   PID_FILE               is given this process's id, as the machine sees it, when all is ready
#   LOG_FILE               takes standard output and standard error
set -eu
exec >>"$LOG_FILE" 2>&1

refuse() {
    echo "launch.sh: refused: $1"
    exit 70
}

# An agent calls reboot(2). In the machine's own PID namespace that would restart the machine.
namespace=$(readlink /proc/self/ns/pid)
[ -n "$namespace" ] && [ -n "$MACHINE_PID_NAMESPACE" ] || refuse "the PID namespaces cannot be told apart"
[ "$namespace" != "$MACHINE_PID_NAMESPACE" ] || refuse "this is the machine's own PID namespace"
[ "$$" -eq 1 ] || refuse "this is not the first process of its PID namespace"

mount --make-rprivate /
root=$MOUNT_FOLDER
mount -t "$ROOT_TYPE" -o rw,relatime,errors=remount-ro "$ROOT_DEVICE" "$root"

# /dev: what every program expects, and the disks of this domain alone.
mount -t tmpfs -o mode=755,size=1m dev "$root/dev"
while read -r name major minor; do
    mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
kmsg 1 11
END
ln -s /proc/self/fd "$root/dev/fd"

disk() {
    mknod -m 660 "$root$1" b "$(stat -c 0x%t "$1")" "$(stat -c 0x%T "$1")"
}
disk "$ROOT_DEVICE"
mkdir "$root/dev/xen"
: >"$root/dev/xen/xenbus"
mount --bind "$XENSTORE_SOCKET" "$root/dev/xen/xenbus"

# /proc: this PID namespace, a boot id of this boot, and no way to the machine's SysRq.
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --bind "$BOOT_ID_FILE" "$root/proc/sys/kernel/random/boot_id"
[ ! -e "$root/proc/sysrq-trigger" ] || mount --bind "$root/dev/null" "$root/proc/sysrq-trigger"

# /sys: the machine's block layer and filesystems, read-only, and the sign of a DomU.
mount -t tmpfs -o mode=755,size=1m sys "$root/sys"
show() {
    mkdir -p "$root/sys/$2"
    mount --bind "/sys/$1" "$root/sys/$2"
    mount -o remount,bind,ro "$root/sys/$2"
}
for folder in block class dev fs; do
    show "$folder" "$folder"
done
mkdir "$root/sys/devices"
for folder in /sys/devices/*/; do
    show "devices/$(basename "$folder")" "devices/$(basename "$folder")"
done

# Its disks are what xen-blkfront would make them: children of a virtual block device.
mount -t tmpfs -o mode=755,size=1m block "$root/sys/class/block"
cp -P /sys/class/block/* "$root/sys/class/block/"
number=51712
virtual_block_device() {
    name=${1#/dev/}
    show "devices/virtual/block/$name" "devices/vbd-$number/block/$name"
    ln -sfn "../../devices/vbd-$number/block/$name" "$root/sys/class/block/$name"
    number=$((number + 16))
}
virtual_block_device "$ROOT_DEVICE"
mkdir "$root/sys/hypervisor"
echo xen >"$root/sys/hypervisor/type"

mount -t tmpfs -o mode=755,size=16m run "$root/run"

while read -r device type target options; do
    [ -n "$device" ] || continue
    disk "$device"
    virtual_block_device "$device"
    mount -t "$type" -o "$options" "$device" "$root$target"
done <<END
$DATA_MOUNTS
END

# The /proc that is still mounted here is the machine's: it knows this process by the machine's number.
read -r machine_pid rest </proc/self/stat
exec 3>"$PID_FILE"

cd "$root"
pivot_root . old-root
cd /
umount -l /old-root

# Told only now: before this line /proc/PID/root was the machine's root.
echo "$machine_pid" >&3
exec 3>&-
unset MACHINE_PID_NAMESPACE ROOT_DEVICE ROOT_TYPE DATA_MOUNTS
unset XENSTORE_SOCKET BOOT_ID_FILE MOUNT_FOLDER PID_FILE LOG_FILE
exec "$@" </dev/null
