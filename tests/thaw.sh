#!/bin/sh
# Waits, outside the namespaces of contained.sh, until the command in them has ended, and thaws what it left frozen.
# Nothing but a thaw ends a process that waits for a frozen filesystem, and a PID namespace ends only with its last
# process: a test that is killed between freeze and thaw would stay for ever.
# Usage: tests/thaw.sh PID-OF-UNSHARE FOLDER  (the folder holds an empty file for each frozen device, named like it)
set -u
unshare=$1 folder=$2

has_ended() {
    children=$(cat "/proc/$unshare/task/$unshare/children" 2>/dev/null) || return 0
    for child in $children; do
        ! grep -qs '^State:.Z' "/proc/$child/status" || return 0
    done
    return 1
}

until has_ended; do
    sleep 1
done
mkdir "$folder/mounted"
for device in "$folder"/loop*; do
    [ -e "$device" ] || continue
    # The kernel finds the frozen filesystem by device and type; the device itself may not be readable any more.
    for type in ext4 ext3 xfs btrfs; do
        if mount -t "$type" "/dev/${device##*/}" "$folder/mounted"; then
            fsfreeze --unfreeze "$folder/mounted"
            umount "$folder/mounted"
        fi
    done
done
rm -rf "$folder"
