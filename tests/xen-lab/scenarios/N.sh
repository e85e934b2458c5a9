# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what inside.sh, machine.sh and steps.sh know, and use
# N-lvm: the guest's root is a logical volume of Dom0, on the iSCSI LUN.
lun=/dev/lab/root

# A LUN on which Dom0 makes a volume group with one volume of all its space: data begin at 1 MiB, as pvcreate aligns
# them, and there the root already lies.
make_lun() {
    truncate -s 816M "$1"
    dd if="$LAB_IMAGES/domu-$root_type.img" of="$1" bs=1M seek=1 conv=sparse,notrunc status=none
}

make_volume() {
    # Nothing here tells udev, which does not run.
    dom0 "set -e
        modprobe dm_mod
        printf 'activation { udev_sync=0 udev_rules=0 }\n' >/etc/lvm/lvmlocal.conf
        printf 'devices { obtain_device_list_from_udev=0 external_device_info_source=\"none\" }\n' >>/etc/lvm/lvmlocal.conf
        pvcreate -q --dataalignment 1m /dev/sda
        vgcreate -q lab /dev/sda
        lvcreate -q -y -Wn -Zn -l 100%FREE -n root lab
        vgchange -q -ay lab
        [ \"\$(pvs --noheadings --units k -o pe_start | tr -d ' ')\" = 1024.00k ]
        ls -l $lun /dev/mapper
        dmsetup table" >>"$share/steps.log" 2>&1 || fail_lab "there is no logical volume: see steps.log"
}

scenario() {
    echo "expected: as in B; the gate names the LUN under the volume"
    log_in 5
    make_volume
    create_guest 6.1 || fail_lab "the guest did not come up"
    witness=$(write_witnesses)
    before=$(boot_id)
    start_bridge --grace-seconds 5
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    tell "the guest is well; its disk is $lun"
    break_and_mend
    action=$(await 180 bridge.log 'asked it to reboot' "$back") || action=
    proof=$(await 240 bridge.log 'writes again' "${action:-$back}") || proof=
    after=$(boot_id)
    stop_bridge
}

outcome() {
    expect "the journal was aborted" [ -n "$aborted" ]
    expect "the gate closed, and named the disk under the volume" \
        [ -n "$(first bridge.log 'dm-0 .*sda|sda .*dm-0' "$fault")" ]
    expect "it began nothing before the storage had been back for $stable_seconds s" nothing_begun_before_stable
    expect "then it asked for a restart" [ -n "$action" ]
    expect "the guest booted anew, once, with a forced check" restarted_once_with_check "$fault"
    expect "under another boot id" [ -n "$before" -a -n "$after" -a "$before" != "$after" ]
    expect "the bridge proved that the root writes" [ -n "$proof" ]
    expect "no later boot will check once more" check_is_taken_back
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the volume finds nothing" lun_is_clean
    figures "$fault" "$aborted" "" "$storage" "$action" "$proof" "$closed"
}
