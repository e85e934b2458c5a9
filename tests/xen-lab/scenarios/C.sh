# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what machine.sh and steps.sh know, and use
# A data disk on an array of its own dies for long; the root's array does not. The data filesystem is repaired in the guest.
scenario() {
    echo "expected: the data filesystem's abort is reported; when its storage is back and stable, it is unmounted, checked"
    echo "          and mounted again in the running guest: no restart"
    dom0 "mke2fs -q -t ext4 -L data /share/second.img 64M" >>"$share/steps.log"
    cp --sparse=always "$share/second.img" "$run/second.img"
    rm "$share/second.img"
    start_second
    log_in 120
    log_in_at "$second_name" 5 "$second_portal"
    await_dom0 60 '[ -b /dev/sdb ]' || fail_lab "the second disk did not appear"
    guest_disks="'phy:$lun,xvda,w','phy:/dev/sdb,xvdb,w'"
    create_guest 6.1 || fail_lab "the guest did not come up"
    await 60 record.log 'guest-agent/filesystem/. .*mount=/data .*verdict=writable' >/dev/null \
        || fail_lab "the guest does not report /data"
    # shellcheck disable=SC2016 # for the guest
    witness=$(guest 'echo durable >/data/witness; $b sync; cat /data/witness')
    before=$(boot_id)
    start_bridge --grace-seconds 5
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    tell "the guest is well; /data lies on the second array"

    fault=$(mark "the second array is killed")
    kill_second
    closed=$(await_gate 90 lost "$fault") || closed=
    aborted=$(await 120 guest-console.log 'Aborting journal on device xvdb' "$fault") || aborted=
    verdict=$(await 120 record.log 'guest-agent/filesystem/. .*mount=/data .*verdict=journal-aborted' "$fault") || verdict=
    [ -z "$verdict" ] || show_xenstore
    note_storage "during the fault"
    back=$(mark "the second array is back")
    start_second
    storage=$(await_storage "$back") || storage=
    action=$(await 180 bridge.log 'asked it to repair' "$back") || action=
    proof=$(await 180 bridge.log '/data writes again' "${action:-$back}") || proof=
    after=$(boot_id)
    stop_bridge
}

outcome() {
    expect "the data filesystem's abort was reported" [ -n "$verdict" ]
    expect "the bridge found by itself that its storage was down" [ -n "$closed" ]
    expect "it began nothing before the storage had been back for $stable_seconds s" nothing_begun_before_stable
    expect "then it asked for a repair, and for no restart" [ -n "$action" -a -z "$(first bridge.log 'asked it to reboot')" ]
    expect "the bridge proved that the data filesystem was checked, and writes" \
        grep -q '/data writes again: fsck exit [01],' "$share/bridge.log"
    expect "the guest went on all the time" [ -n "$before" -a "$before" = "$after" ]
    expect "what was durable before the fault is intact" \
        [ "$witness" = durable -a "$(guest 'cat /data/witness')" = durable ]
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the second disk finds nothing" lun_is_clean /dev/sdb
    figures "$fault" "$aborted" "$verdict" "$storage" "$action" "$proof" "$closed"
}
