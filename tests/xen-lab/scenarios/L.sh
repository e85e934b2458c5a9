# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what inside.sh, machine.sh and steps.sh know, and use
# L-TYPE: a guest whose root is an XFS, btrfs or F2FS, dies as in B: it has no check, so a restart is what heals it.
root_type=${words[1]}
guest_initramfs=-typed

scenario() {
    echo "expected: the dead root is reported; when the storage is back and stable for $stable_seconds s, the bridge restarts the"
    echo "          guest and proves by its probe that it writes again; nobody speaks of a check that $root_type has not got"
    begin_guest --grace-seconds 5
    before=$(boot_id)
    note_storage "before the fault"
    fault=$(mark "the target is killed")
    kill_target
    closed=$(await_gate 90 lost "$fault") || closed=
    died=$(await 90 guest-console.log "$(dies)" "$fault") || died=
    verdict=$(await 90 record.log "guest-agent/filesystem/0 .*mount=/ .*verdict=$(verdicts)( |\$)" "$fault") || verdict=
    seen=
    if [ -n "$verdict" ]; then
        seen=$(line_at record.log "$verdict")
        show_xenstore
    fi
    note_storage "during the fault"
    back=$(mark "the target is back")
    start_target
    storage=$(await_storage "$back") || storage=
    opening=$(await_gate 60 operational "$back") || opening=
    action=$(await 180 bridge.log 'asked it to reboot' "$back") || action=
    proof=$(await 240 bridge.log 'writes again' "${action:-$back}") || proof=
    after=$(boot_id)
    stop_bridge
}

outcome() {
    expect "the filesystem died: the kernel said so" [ -n "$died" ]
    expect "the guest reported its root, of type $root_type, as $(verdicts)" grep -q "type=$root_type " <<<"${seen:-}"
    expect "the bridge found by itself that the storage was down" [ -n "$closed" ]
    expect "and that it was back" [ -n "$opening" ]
    expect "it began nothing before the storage had been back for $stable_seconds s" nothing_begun_before_stable
    expect "then it asked for a restart" [ -n "$action" ]
    expect "the guest booted anew, once, and nothing was checked" booted_once "$fault" guest 'forced=(yes)? exit=none'
    expect "under another boot id" [ -n "$before" -a -n "$after" -a "$before" != "$after" ]
    expect "the bridge proved that the root writes, without a check" \
        grep -q "writes again: .*fsck: none for $root_type" "$share/bridge.log"
    expect "what was durable before the fault is intact" witnesses_are_intact "$witness"
    expect "the guest shuts down cleanly" shut_down_guest
    expect "the check of $root_type, from Dom0, finds nothing" finds_nothing
    figures "$fault" "$died" "$verdict" "$storage" "$action" "$proof" "$closed"
}

# What the guest's kernel prints when it gives the filesystem up.
dies() {
    case $root_type in
    xfs) echo 'XFS \(xvda\): .*(shut down|[Ss]hutting down)' ;;
    btrfs) echo 'BTRFS.* forced readonly|BTRFS: error .*xvda' ;;
    f2fs) echo 'F2FS-fs \(xvda\): .*([Ss]topped|error)|I/O error, dev xvda' ;;
    esac
}

# What the agent may say of it. Of F2FS it knows what a probe meets.
verdicts() {
    case $root_type in
    f2fs) echo '(device-failing|remounted-read-only|shut-down)' ;;
    *) echo shut-down ;;
    esac
}

finds_nothing() {
    case $root_type in
    xfs) dom0 "xfs_repair -n $lun" ;;
    btrfs) dom0 "btrfs check --readonly $lun" ;;
    f2fs) dom0 "fsck.f2fs --dry-run $lun" ;;
    esac >>"$share/steps.log" 2>&1
}
