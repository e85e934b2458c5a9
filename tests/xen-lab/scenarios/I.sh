# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what machine.sh and steps.sh know, and use
# Three guests on one array lose their roots at once: two are recovered at a time, as the cap says.
luns=3
scenario() {
    echo "expected: all three are restarted and proved, never more than two at a time"
    log_in 5
    for number in 1 2 3; do
        guest_disks="'phy:/dev/sd$(cut -c "$number" <<<abc),xvda,w'"
        create_guest 6.1 "guest$number" "6f0c2a52-6f43-4d0f-9e0a-0f4a7c1a1d1$number" || fail_lab "guest$number did not come up"
        tell "guest$number is well"
    done
    start_bridge
    proof=
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"

    fault=$(mark "the target is killed")
    kill_target
    closed=$(await_gate 90 lost "$fault") || closed=
    for number in 1 2 3; do
        await 120 "guest$number-console.log" 'Aborting journal' "$fault" >/dev/null || true
    done
    sleep 5
    back=$(mark "the target is back")
    start_target
    storage=$(await_storage "$back") || storage=
    first=$(await 180 bridge.log 'asked it to reboot' "$back") || first=
    for number in 1 2 3; do
        one=$(await 400 bridge.log "guest$number.* writes again" "${first:-$back}") || one=
        proof=$(printf '%s\n' "$proof" "$one" | sort -n | tail -n 1)
        tell "guest$number: ${one:+proved}"
    done
    stop_bridge
}

outcome() {
    # Between the bridge's intent and its proof a recovery is under way.
    most=$(awk -v from="$back" '$1 >= from && / about to / { now++; if (now > most) most = now }
        $1 >= from && / writes again/ { now-- } END { print most + 0 }' "$share/bridge.log")
    for number in 1 2 3; do
        expect "guest$number was restarted once, with a forced check" restarted_once_with_check "$fault" "guest$number"
        expect "guest$number was proved to write" [ -n "$(first bridge.log "guest$number.* writes again" "$back")" ]
    done
    expect "at most 2 were under way at a time: $most were" [ "$most" = 2 ]
    expect "no later boot will check once more" check_is_taken_back
    for number in 1 2 3; do
        expect "guest$number shuts down cleanly" shut_down_guest "guest$number"
        expect "e2fsck -fn of its disk finds nothing" lun_is_clean "/dev/sd$(cut -c "$number" <<<abc)"
    done
    figures "$fault" "" "" "$storage" "$first" "$proof" "$closed"
}
