# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what machine.sh and steps.sh know, and use; quoted scripts are for the guest
# O-KERNEL: the agent dies just before the storage does, and is started again, as a service manager would, when the root
# answers every read with EIO (6.12): its configuration cannot be read.
scenario() {
    local kernel=$1
    echo "expected: the agent starts all the same, reports what it meets, and the guest is restarted with a forced check"
    log_in 5
    create_guest "$kernel" || fail_lab "the guest did not come up"
    witness=$(write_witnesses)
    before=$(boot_id)
    start_bridge --grace-seconds 5
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    # The programs of a running service are in the page cache; those of one that ended may be, or not.
    guest "$(keep_in_memory)" >>"$share/steps.log" || fail_lab "the program cannot be kept in memory: see steps.log"
    tell "the guest is well; its agent's program and libraries are in memory"

    mark "the agent is killed" >/dev/null
    guest '$b killall -KILL guest-agent; $b sleep 1; ! $b pidof guest-agent' >>"$share/steps.log" \
        || fail_lab "the agent did not end"
    fault=$(mark "the target is killed")
    kill_target
    closed=$(await_gate 90 lost "$fault") || closed=
    aborted=$(await 90 guest-console.log 'Aborting journal' "$fault") || aborted=
    sleep 5
    answer=$(guest '$b ls /etc/guest-agent 2>&1; $b cat /etc/guest-agent/guest-agent.conf 2>&1; true')
    began=$(mark "the agent is started; /etc/guest-agent: $(head -n 1 <<<"$answer")")
    guest '(guest-agent; echo "lab: guest-agent ended with $?") </dev/null >/dev/hvc0 2>&1 &' >>"$share/steps.log"
    verdict=$(await 60 record.log 'guest-agent/filesystem/0 .*verdict=(journal-aborted|shut-down|device-failing)' "$began") \
        || verdict=
    [ -z "$verdict" ] || show_xenstore
    alive=$(guest '$b pidof guest-agent')
    note_storage "during the fault"
    back=$(mark "the target is back")
    start_target
    storage=$(await_storage "$back") || storage=
    action=$(await 240 bridge.log 'asked it to reboot' "$back") || action=
    proof=$(await 240 bridge.log 'writes again' "${action:-$back}") || proof=
    after=$(boot_id)
    stop_bridge
}

# Everything that the running agent has mapped, copied into memory and bound over itself.
keep_in_memory() {
    tr '\n' ' ' <<'END'
$b mkdir -p /run/agent && $b awk '$6 ~ /^\// && $2 ~ /x|r/ { print $6 }' /proc/$($b pidof guest-agent | $b cut -d ' ' -f 1)/maps
| $b sort -u | while read -r file; do [ -f "$file" ] || continue; copy=/run/agent/$(echo "$file" | $b tr / _);
$b cp -p "$file" "$copy" && $b mount --bind "$copy" "$file" && echo "$file" || exit 1; done
END
}

outcome() {
    expect "the journal was aborted" [ -n "$aborted" ]
    expect "the agent's configuration could not be read: $(tail -n 1 <<<"${answer:-}")" \
        grep -q 'Input/output error' <<<"${answer:-}"
    expect "the agent started, and went on" [ -n "$alive" ]
    expect "and never ended by itself" [ -z "$(first guest-console.log 'guest-agent ended with [0-9]+' "$began")" ]
    expect "it reported the fault in xenstore" [ -n "$verdict" ]
    expect "the bridge found by itself that the storage was down" [ -n "$closed" ]
    expect "it began nothing before the storage had been back for $stable_seconds s" nothing_begun_before_stable
    expect "then it asked for a restart" [ -n "$action" ]
    expect "the guest booted anew, once, with a forced check" restarted_once_with_check "$fault"
    expect "under another boot id" [ -n "$before" -a -n "$after" -a "$before" != "$after" ]
    expect "the bridge proved that the root writes" [ -n "$proof" ]
    expect "no later boot will check once more" check_is_taken_back
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the LUN finds nothing" lun_is_clean
    figures "$fault" "$aborted" "$verdict" "$storage" "$action" "$proof" "$closed"
}
