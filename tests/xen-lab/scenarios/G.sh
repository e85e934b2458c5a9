# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what machine.sh and steps.sh know
# Multipath over two portals. First one path is lost, which no guest must feel for long and which nothing is done about;
# then both are, for longer than the sessions wait.
portals=(3260 3261)
lun=/dev/mapper/mpatha

scenario() {
    echo "expected: one path lost: the gate stays open, nothing is done; both lost: as in B"
    start_multipath
    log_in 5
    dom0 'multipath -v2; multipathd show paths' >>"$share/steps.log"
    await_dom0 60 "[ -b $lun ]" || fail_lab "there is no multipath map: see steps.log"
    create_guest 6.1 || fail_lab "the guest did not come up"
    witness=$(write_witnesses)
    start_bridge
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    tell "the guest is well; its disk has two paths"
    note_storage "before the fault"

    lost=$(mark "the packets of one path are dropped")
    drop_packets 3261
    single=$(await 90 record.log ' sd[ab] transport-offline' "$lost") || single=
    sleep 40
    note_storage "with one path"
    dom0 "multipathd show paths" >>"$share/storage.log"
    found=$(mark "they pass again")
    pass_packets
    await 60 record.log ' session[0-9]+ LOGGED_IN' "$found" >/dev/null
    sleep 15
    note_storage "with two paths again"

    both=$(mark "the target is killed")
    kill_target
    closed=$(await_gate 90 lost "$both") || closed=
    aborted=$(await 90 guest-console.log 'Aborting journal' "$both") || aborted=
    note_storage "without a path"
    sleep 5
    back=$(mark "the target is back")
    start_target
    storage=$(await_storage "$back") || storage=
    opening=$(await_gate 60 operational "$back") || opening=
    action=$(await 180 bridge.log 'asked it to reboot' "$back") || action=
    proof=$(await 300 bridge.log 'writes again' "${action:-$back}") || proof=
    note_storage "after the fault"
    stop_bridge
}

outcome() {
    expect "one path was lost" [ -n "$single" ]
    expect "the gate stayed open all the time" \
        [ -z "$(awk -v from="$lost" -v until="$both" '$1 >= from && $1 < until && /are not operational/' \
            "$share/bridge.log")" ]
    expect "no filesystem was aborted by it" \
        [ -z "$(awk -v until="$both" '$1 < until && /Aborting journal/' "$share/guest-console.log")" ]
    expect "the bridge told of it" \
        [ -n "$(first bridge.log 'disks changed their paths and are operational' "$lost")" ]
    expect "and began nothing" nothing_begun 0 "$both"
    expect "without a path the gate closed" [ -n "$closed" ]
    expect "the journal was aborted" [ -n "$aborted" ]
    expect "the bridge found by itself that the storage was back" [ -n "$opening" ]
    expect "it began nothing before the storage had been back for $stable_seconds s" nothing_begun_before_stable
    expect "then it restarted the guest, once, with a forced check" restarted_once_with_check "$both"
    expect "and proved that the root writes" [ -n "$proof" ]
    expect "no later boot will check once more" check_is_taken_back
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the LUN finds nothing" lun_is_clean
    figures "$both" "$aborted" "" "$storage" "$action" "$proof" "$closed"
}

# multipathd sees no path without udevd.
start_multipath() {
    dom0 "set -e
        modprobe -a dm_multipath dm_service_time
        printf 'defaults {\n find_multipaths no\n user_friendly_names yes\n}\n' >/etc/multipath.conf
        /lib/systemd/systemd-udevd --daemon
        multipathd" >>"$share/steps.log" || fail_lab "multipathd did not start: see steps.log"
}
