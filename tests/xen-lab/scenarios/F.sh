# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what machine.sh and steps.sh know, and use; quoted scripts are for Dom0
# A guest without an agent loses its root: its console and what Dom0 saw of its disk make it suspect, and no more.
scenario() {
    echo "expected: the guest is called suspect, with the line of its console and the fault of its disk; nothing is done"
    log_in 5
    guest_arguments=lab.agent=none
    boot_guest 6.1 || fail_lab "the guest did not come up"
    start_bridge
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    tell "the guest is well, and has no agent"

    fault=$(mark "the target is killed")
    kill_target
    closed=$(await_gate 90 lost "$fault") || closed=
    aborted=$(await 90 guest-console.log 'Aborting journal' "$fault") || aborted=
    sleep 5
    back=$(mark "the target is back")
    start_target
    told=$(await 300 bridge.log 'guest .*no agent|guest .*suspect' "$fault") || told=
    await_storage "$back" >/dev/null
    sleep 45
    stop_bridge
}

outcome() {
    expect "the journal was aborted" [ -n "$aborted" ]
    expect "the bridge told of the guest, with its console's line" \
        [ -n "$told" -a -n "$(first bridge.log 'guest .*(Aborting journal|aborting-journal|its console)' "$fault")" ]
    expect "and with the fault of its disk, not with the reset at its end" \
        [ -n "$(first bridge.log 'this host saw a fault on its disks: .*(rejecting I/O|recovery timed out|offline|FREE)')" ]
    expect "nothing was asked, and nothing done" nothing_begun 0
    expect "the domain is the same" [ "$(dom0 'xl domid guest')" = 1 ]
    dom0 'xl destroy guest'
    figures "$fault" "$aborted" "$told" "" "" "" "$closed"
}
