# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what machine.sh and steps.sh know, and use; quoted scripts are for Dom0
# Data filesystems of types that the agent knows little of (F2FS, JFS, ReiserFS) lie on an array of their own, which dies
# for long. What a write meets is all that is needed to report them.
data_types=(f2fs jfs reiserfs)
guest_initramfs=-typed

scenario() {
    local type disks="'phy:$lun,xvda,w'" data='' number=0 letter
    echo "expected: each of ${data_types[*]} is reported as writable, and as failing once its array is away"
    for type in "${data_types[@]}"; do
        truncate -s 128M "$run/second$number.img"
        letter=$(cut -c $((number + 2)) <<<abcdefgh)
        disks+=",'phy:/dev/sd$letter,xvd$letter,w'"
        data+=",xvd$letter:$type:/data-$type"
        number=$((number + 1))
    done
    start_second
    log_in 120
    log_in_at "$second_name" 5 "$second_portal"
    await_dom0 60 '[ -b /dev/sdd ]' || fail_lab "the second array's disks did not appear"
    dom0 'mkfs.f2fs -q /dev/sdb && mkfs.jfs -q /dev/sdc && mkreiserfs -q /dev/sdd' >>"$share/steps.log" 2>&1 \
        || fail_lab "the filesystems cannot be made: see steps.log"
    guest_disks=$disks
    guest_arguments="lab.data=${data#,}"
    create_guest 6.1 || fail_lab "the guest did not come up"
    declare -gA well=() failed=() seen=()
    for type in "${data_types[@]}"; do
        well[$type]=$(await 60 record.log "$(reported "$type" writable)") || well[$type]=
    done
    before=$(boot_id)
    start_bridge --grace-seconds 5
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    tell "the guest is well; ${data_types[*]} lie on the second array"

    fault=$(mark "the second array is killed")
    kill_second
    closed=$(await_gate 90 lost "$fault") || closed=
    for type in "${data_types[@]}"; do
        failed[$type]=$(await 150 record.log "$(reported "$type" '(device-failing|remounted-read-only|shut-down|hung)')" \
            "$fault") || failed[$type]=
        seen[$type]=$(line_at record.log "${failed[$type]:-none}" | sed 's/.*verdict=\([^ ]*\).*/\1/')
    done
    show_xenstore
    verdict=$(printf '%s\n' "${failed[@]}" | sort -n | tail -n 1)
    back=$(mark "the second array is back")
    start_second
    storage=$(await_storage "$back") || storage=
    sleep 60
    after=$(boot_id)
    state=$(guest_node state)
    stop_bridge
}

# What record.sh's log says of a data filesystem: reported TYPE VERDICT
reported() { echo "guest-agent/filesystem/[0-9]+ .*mount=/data-$1 .*type=$1 .*verdict=$2( |\$)"; }

outcome() {
    local type
    for type in "${data_types[@]}"; do
        expect "$type was reported as writable" [ -n "${well[$type]:-}" ]
        expect "and as ${seen[$type]:-failing} when its array was away" [ -n "${failed[$type]:-}" ]
    done
    expect "the bridge found by itself that the storage was down" [ -n "$closed" ]
    expect "the root, on the other array, was never reported as anything but writable" \
        [ -z "$(first record.log 'filesystem/[0-9]+ .*mount=/ .*verdict=(device-failing|hung|shut-down|remounted|journal)')" ]
    expect "it repaired nothing of them, and restarted nothing while the root writes" nothing_begun 0
    expect "the guest went on all the time" [ -n "$before" -a "$before" = "$after" ]
    expect "with its storage back it still does not say that all is well: ${state:-nothing}" \
        [ -n "$state" -a "${state#ok}" = "$state" ]
    dom0 'xl destroy guest' || true
    figures "$fault" "" "$verdict" "$storage" "" "" "$closed"
}
