# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what machine.sh and steps.sh know, and use; quoted scripts are for Dom0
# What runs in Dom0 fails in the middle of a recovery. E-bridge: the bridge is killed right after it asked for a restart;
# E-fsck: while e2fsck works on the disk of a domain that it destroyed; E-xenstored: xenstored does not answer while the
# bridge waits for the storage.
scenario() { "scenario_$1"; }
outcome() { "outcome_$1"; }

scenario_bridge() {
    echo "expected: the bridge that is started anew takes the restart up again; the guest is restarted once"
    begin_guest
    before=$(boot_id)
    break_and_mend
    sleep 10
    # So that the old boot is still there when the other bridge comes.
    mark "the guest is paused" >/dev/null
    dom0 'xl pause guest'
    action=$(await 180 bridge.log 'asked it to reboot' "$back") || action=
    kill_bridge
    mark "the bridge is killed" >/dev/null
    sleep 3
    anew=$(mark "the bridge is started anew")
    start_bridge
    await 60 bridge.log 'connected to xenstore' "$anew" >/dev/null || fail_lab "it does not start: see bridge.log"
    sleep 5
    domain=$(dom0 'xl domid guest')
    mark "the guest goes on" >/dev/null
    dom0 'xl unpause guest'
    proof=$(await 300 bridge.log 'writes again' "${action:-$back}") || proof=
    sleep 20
    after=$(boot_id)
    stop_bridge
}

outcome_bridge() {
    expect "the journal was aborted" [ -n "$aborted" ]
    expect "the guest was asked to restart" [ -n "$action" ]
    expect "the bridge that was started anew met the old boot" [ "$domain" = 1 ]
    expect "the bridge that was started anew proved that the root writes" [ -n "$proof" ]
    expect "the guest booted anew, once, with a forced check" restarted_once_with_check "$fault"
    expect "under another boot id" [ -n "$before" -a -n "$after" -a "$before" != "$after" ]
    expect "one request was made, however often it was asked" [ "$(grep -o 'request reboot-[-0-9a-f]*' "$share/bridge.log" \
        | sort -u | wc -l)" = 1 ]
    expect "no later boot will check once more" check_is_taken_back
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the LUN finds nothing" lun_is_clean
    figures "$fault" "$aborted" "" "$storage" "$action" "$proof" "$closed"
}

scenario_fsck() {
    echo "expected: e2fsck outlives the bridge; the one that is started anew waits for it, and checks nothing twice"
    begin_stuck_guest
    break_and_mend
    action=$(await 180 bridge.log 'asked it to reboot' "$back") || action=
    # It is stopped as soon as it is there, so that it lasts.
    dom0 'for turn in {1..6000}; do for file in /proc/[0-9]*/comm; do
            read -r name <$file && [ "$name" = e2fsck ] && kill -STOP $(basename $(dirname $file)) && exit 0
        done 2>/dev/null; sleep 0.02; done; exit 1' 300 || fail_lab "no e2fsck was seen: see bridge.log"
    stopped=$(mark "e2fsck is at work, and stopped; the bridge is killed")
    kill_bridge
    sleep 2
    alive=$(dom0 'pgrep -x e2fsck')
    mark "the bridge is started anew" >/dev/null
    start_bridge --grace-seconds 5 --allow-destroy true --offline-check true --exclusive-storage yes
    taken=$(await 120 bridge.log 'goes on after the bridge was stopped' "$stopped") || taken=
    sleep 20
    still=$(dom0 'pgrep -x e2fsck')
    goes=$(mark "e2fsck goes on")
    dom0 'kill -CONT $(pgrep -x e2fsck)'
    proof=$(await 300 bridge.log 'writes again' "$stopped") || proof=
    stop_bridge
}

outcome_fsck() {
    expect "e2fsck outlived the bridge" [ -n "$alive" ]
    expect "the bridge that was started anew met it at work" [ -n "$taken" ]
    expect "and began no other" [ -n "$still" -a "$still" = "$alive" ]
    expect "nothing was created while it was at work" \
        [ -z "$(awk -v from="$stopped" -v until="$goes" '$1 > from && $1 < until && /about to create/' \
            "$share/bridge.log")" ]
    expect "its disks were checked once" [ "$(grep -c 'its disks are checked, e2fsck exit' "$share/bridge.log")" = 1 ]
    expect "the guest was created again, with its uuid" is_created_anew
    expect "and booted without a second check" booted_once_unchecked "$fault"
    expect "the bridge proved that the root writes" [ -n "$proof" ]
    expect "no later boot will check once more" check_is_taken_back
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the LUN finds nothing" lun_is_clean
    figures "$fault" "$aborted" "" "$storage" "$action" "$proof" "$closed"
}

scenario_xenstored() {
    echo "expected: the bridge loses xenstore while it waits, finds it again, and goes on"
    begin_guest
    break_and_mend
    stopped=$(mark "xenstored does not answer for a minute")
    dom0 'kill -STOP $(pidof xenstored)'
    sleep 60
    mark "xenstored goes on" >/dev/null
    dom0 'kill -CONT $(pidof xenstored)'
    action=$(await 300 bridge.log 'asked it to reboot' "$stopped") || action=
    proof=$(await 300 bridge.log 'writes again' "${action:-$stopped}") || proof=
    stop_bridge
}

outcome_xenstored() {
    expect "the journal was aborted" [ -n "$aborted" ]
    expect "the bridge said that xenstore was away" [ -n "$(first bridge.log 'xenstore' "$stopped")" ]
    expect "it restarted the guest afterwards, once, with a forced check" restarted_once_with_check "$stopped"
    expect "and proved that the root writes" [ -n "$proof" ]
    expect "no later boot will check once more" check_is_taken_back
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the LUN finds nothing" lun_is_clean
    figures "$fault" "$aborted" "" "$storage" "$action" "$proof" "$closed"
}
