#!/bin/bash
# Puts into the initramfs what asks the host whether the check of the root is to be forced: for an initramfs with
# systemd its generator, for one without a hook.

check() { return 0; }

depends() { return 0; }

install() {
    inst_multiple dd sleep sed mkdir cat
    inst_script /usr/lib/guest-agent/fsck-is-forced
    if dracut_module_included systemd; then
        inst_script /usr/lib/systemd/system-generators/guest-agent-fsck
    else
        # shellcheck disable=SC2154 # dracut sets moddir
        inst_hook pre-mount 05 "$moddir/force-fsck.sh"
    fi
}
