#!/bin/bash
# Puts into the initramfs what asks the host whether the check of the root is to be forced, and what makes that check:
# for an initramfs with systemd its generator, for one without a hook.

check() { return 0; }

depends() { echo fs-lib; }

install() {
    inst_multiple dd sleep sed mkdir cat readlink
    inst_script /usr/libexec/guest-agent/early-boot
    inst_script /usr/libexec/guest-agent/fsck-is-forced
    # dracut takes e2fsck along where it sees an ext root under the running system, which an image is not.
    # shellcheck disable=SC2154 # dracut sets nofscks and dracutsysrootdir
    if [[ $nofscks != yes ]]; then
        inst_multiple -o fsck e2fsck fsck.ext2 fsck.ext3 fsck.ext4
        [[ ! -e $dracutsysrootdir/etc/e2fsck.conf ]] || inst_simple /etc/e2fsck.conf
    fi
    if dracut_module_included systemd; then
        inst_script /usr/lib/systemd/system-generators/guest-agent-fsck
    else
        # shellcheck disable=SC2154 # dracut sets moddir
        inst_hook pre-mount 05 "$moddir/force-fsck.sh"
    fi
}
