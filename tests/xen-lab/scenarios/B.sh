# shellcheck shell=bash
# shellcheck disable=SC2154 # what machine.sh and steps.sh know
# A long failover: the session gives up after 5 s, the guest's root (ext3) aborts its journal. Scenario KERNEL HOW,
# where HOW is killed (the target's process ends, its port refuses), dropped (its packets vanish), or long (killed, and
# away for minutes: what the probes of an aborted root cost in kernel lines).
scenario() {
    kernel=$1 how=$2
    echo "expected: the abort is reported, hidden where the mount table hides it; the bridge finds by itself that the"
    echo "          storage is down, then that it is back and stable for $stable_seconds s, restarts the guest with a"
    echo "          forced check, and proves by its probe that it writes again"
    log_in 5
    create_guest "$kernel" || fail_lab "the guest did not come up"
    witness=$(write_witnesses)
    before=$(boot_id)
    # A boot must have been heard for so long only: what is waited for is the storage.
    start_bridge --grace-seconds 5
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    tell "the guest is well; durable files have the checksum ${witness:0:16}…"
    note_storage "before the fault"

    break_storage "$how"
    closed=$(await_gate 90 lost "$fault") || closed=
    aborted=$(await 90 guest-console.log 'Aborting journal' "$fault") || aborted=
    verdict=$(await 30 record.log 'guest-agent/filesystem/0 .*verdict=journal-aborted' "$fault") || verdict=
    if [ -n "$verdict" ]; then
        seen=$(line_at record.log "$verdict")
        show_xenstore
    fi
    note_storage "during the fault"
    [ "$how" != long ] || count_probe_lines

    mend_storage "$how"
    storage=$(await_storage "$back") || storage=
    opening=$(await_gate 60 operational "$back") || opening=
    note_storage "after the fault"
    action=$(await 180 bridge.log 'asked it to reboot' "$back") || action=
    proof=$(await 180 bridge.log 'writes again' "${action:-$back}") || proof=
    after=$(boot_id)
    stop_bridge
}

outcome() {
    expect "the journal was aborted" [ -n "$aborted" ]
    expect "the guest reported it in xenstore" [ -n "$verdict" ]
    expect "and that the mount table $(hides "$kernel") it" grep -q "hidden=$(is_hidden "$kernel")" <<<"${seen:-}"
    expect "the bridge found by itself that the storage was down" [ -n "$closed" ]
    expect "and that it was back" [ -n "$opening" ]
    expect "it began nothing before the storage had been back for $stable_seconds s" nothing_begun_before_stable
    expect "then it asked for a restart" [ -n "$action" ]
    expect "the guest booted anew, once, with a forced check" restarted_once_with_check "$fault"
    expect "under another boot id" [ -n "$before" -a -n "$after" -a "$before" != "$after" ]
    expect "the bridge proved that the root writes" [ -n "$proof" ]
    expect "no later boot will check once more" check_is_taken_back
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    [ "$how" != long ] || expect "probes of the aborted root cost $probe_lines kernel lines in $quiet_seconds s: at most \
30 in 10 min" [ $((probe_lines * 600)) -le $((30 * quiet_seconds)) -a "$probe_lines" -gt 0 ]
    expect "the guest shuts down cleanly" shut_down_guest
    expect "e2fsck -fn of the LUN finds nothing" lun_is_clean
    figures "$fault" "$aborted" "$verdict" "$storage" "$action" "$proof" "$closed"
}

# Kernels from 5.15.168, 6.1.113 and 6.12 on say rw of a filesystem whose journal is aborted.
is_hidden() { if [ "$1" = 5.10 ]; then echo no; else echo yes; fi; }
hides() { if [ "$1" = 5.10 ]; then echo "does not hide"; else echo "hides"; fi; }

break_storage() {
    case $1 in
    killed | long)
        fault=$(mark "the target is killed")
        kill_target
        ;;
    dropped)
        fault=$(mark "the target's packets are dropped")
        drop_packets 3260
        ;;
    esac
}

mend_storage() {
    back=$(mark "the target is back")
    case $1 in
    killed | long) start_target ;;
    dropped) pass_packets ;;
    esac
}

# Kernel lines that came within 2 s of a line that names a probe's thread. The first 20 s belong to the abort itself; the
# time is that between two probes of an aborted filesystem, and a little.
quiet_seconds=310
count_probe_lines() {
    local from
    sleep 20
    from=$(mark "counting the kernel lines that probes cause")
    sleep "$quiet_seconds"
    probe_lines=$(awk -v from="$from" '
        $1 >= from && $2 ~ /^\[/ { times[++count] = $1 }
        $1 >= from && /comm probe-/ { probes[++probed] = $1 }
        END {
            for (line = 1; line <= count; line++)
                for (probe = 1; probe <= probed; probe++)
                    if (times[line] > probes[probe] - 2 && times[line] < probes[probe] + 2) { sum++; break }
            print sum + 0
        }' "$share/guest-console.log")
    tell "$probe_lines lines"
}
