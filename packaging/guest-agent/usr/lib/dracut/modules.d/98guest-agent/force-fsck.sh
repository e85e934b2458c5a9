#!/bin/sh
# Sourced by dracut when the device of the root is there and not mounted yet. The check is made here: dracut's own would
# look at fstab's sixth field and at fastboot first, and dracut 056 to 059 give e2fsck "-a -f " as one option, which it
# does not know, so that the boot ends in a shell.
if /usr/libexec/guest-agent/early-boot dracut; then
    # shellcheck disable=SC2154 # dracut sets root and fstype
    case ${root:-} in
    block:*)
        # shellcheck disable=SC1091 # in the initramfs
        command -v fsck_single >/dev/null 2>&1 || . /lib/fs-lib.sh
        fsck_single "${root#block:}" "${fstype:-auto}" "" -af
        echo "root-exit=$?" >>/run/guest-agent-fsck-hook
        ;;
    esac
fi
