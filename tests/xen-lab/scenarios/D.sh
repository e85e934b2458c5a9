# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what machine.sh and steps.sh know, and use
# A guest that does not end: its agent may not restart the machine. The domain is destroyed, its disk checked from Dom0,
# and the guest created again.
scenario() {
    echo "expected: asked to restart, the guest fails; the bridge destroys the domain, runs e2fsck on its disk from Dom0,"
    echo "          creates it with the same uuid, and proves that it writes"
    begin_stuck_guest
    break_and_mend

    action=$(await 180 bridge.log 'asked it to reboot' "$back") || action=
    destroyed=$(await 240 bridge.log 'domain [0-9]+ is (gone|destroyed)' "${action:-$back}") || destroyed=
    checked=$(await 180 bridge.log 'its disks are checked, e2fsck exit [01]' "${destroyed:-$back}") || checked=
    created=$(await 120 bridge.log 'it was created again' "${checked:-$back}") || created=
    proof=$(await 240 bridge.log 'writes again' "${created:-$back}") || proof=
    stop_bridge
}

outcome() {
    expect "the journal was aborted" [ -n "$aborted" ]
    expect "nothing was begun before the storage had been back for $stable_seconds s" nothing_begun_before_stable
    expect "the guest was asked first" [ -n "$action" ]
    expect "the domain was destroyed" [ -n "$destroyed" ]
    expect "its disk was checked from Dom0" [ -n "$checked" ]
    expect "the guest was created again, with its uuid" is_created_anew
    expect "and booted without a second check" booted_once_unchecked "$fault"
    expect "the bridge proved that the root writes" [ -n "$proof" ]
    expect "no later boot will check once more" check_is_taken_back
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the LUN finds nothing" lun_is_clean
    figures "$fault" "$aborted" "" "$storage" "$action" "$proof" "$closed"
}
