# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # shared with machine.sh and inside.sh; quoted scripts are for Dom0
# The steps that scenarios are made of, and how their results are told. Sourced; needs machine.sh and speed.sh.

guest_uuid=6f0c2a52-6f43-4d0f-9e0a-0f4a7c1a1d01
lun=/dev/sda # what the guest's disk is in Dom0, which has no other SCSI disk

stable_seconds=30 # the bridge's default

started=
broken=

# ---- telling

# Seconds since the scenario began, for a time since 1970.
since_start() { awk -v now="$1" -v start="$started" 'BEGIN { printf "%8.1f s", now - start }'; }
tell() { printf '%s  %s\n' "$(since_start "$EPOCHREALTIME")" "$*"; }

# A time so many seconds later: seconds_after TIME SECONDS
seconds_after() { awk -v time="$1" -v seconds="$2" 'BEGIN { printf "%.6f", time + seconds }'; }

# Whether a command holds: expect WHAT COMMAND...
expect() {
    local what=$1
    shift
    if "$@"; then
        echo "ok      $what"
    else
        echo "FAILED  $what"
        broken=yes
    fi
}

# The time of the first line of a log, at or after a time, that matches: first LOG REGEX [TIME]. An empty time is that of
# something that did not happen: nothing comes after it.
first() {
    local from=${3-0}
    [ -n "$from" ] || return 1
    awk -v regex="$2" -v from="$from" '$1 >= from && $0 ~ regex { print $1; exit }' "$share/$1" 2>/dev/null
}

# Waits for such a line and prints its time: await LIMIT LOG REGEX [TIME]. The limit is one of speed.sh; behind a colon
# there may be another, in seconds of this machine, where a scenario has no more of them. What the bridge should do is
# not waited for any more when it says that an operator is needed.
await() {
    local time limits needs
    [ -n "${4-0}" ] || return 1
    IFS=: read -r -a limits <<<"$1"
    begin_limit "${limits[@]}"
    shift
    until time=$(first "$@") && [ -n "$time" ]; do
        if [[ $2 =~ asked\ it|writes\ again ]] && needs=$(first bridge.log 'operator needed' "${3-0}") && [ -n "$needs" ]; then
            tell "the bridge: $(line_at bridge.log "$needs")" >&2
            return 1
        fi
        if limit_passed; then
            report_limit "$1" "nothing in $1 matches $2"
            return 1
        fi
        sleep 0.5
    done
    echo "$time"
}

# Waits until a script succeeds in Dom0: await_dom0 LIMIT SCRIPT
await_dom0() {
    begin_limit "$1"
    until dom0 "$2" >/dev/null 2>&1; do
        if limit_passed; then
            report_limit steps.log "this did not come true in Dom0: $2"
            return 1
        fi
        sleep 0.5
    done
}

# The whole line of that time, without it.
line_at() { awk -v time="$2" '$1 == time { $1 = ""; print substr($0, 2); exit }' "$share/$1"; }

# Whether a line of that time matches: line_is LOG TIME REGEX
line_is() { awk -v time="$2" -v regex="$3" '$1 == time && $0 ~ regex { found = 1 } END { exit !found }' "$share/$1"; }

# Lines of the logs as one timeline: the regexes say what of each log is worth telling.
timeline() {
    {
        told 'xenstore, sysfs' record.log ' (session[0-9]+|connection[0-9]+:0|sd[a-z]) |data/lab/fsck'
        told 'xenstore, sysfs' record.log '(data|control)/guest-agent/(state|boot-id|request|outcome)'
        told 'Dom0 kernel' dom0-kernel.log 'conn error|ping timeout|session recovery|rejecting I/O|Failing path'
        told guest guest-console.log 'Aborting journal|emounting filesystem read-only|Linux version'
        told guest guest-console.log 'lab: (e2fsck|guest is ready|the load)'
        told bridge bridge.log . | sed -E 's/ [^ ]*Z ([A-Z]{3} )?/ /; s/\([-0-9a-f]{36}, /(/'
        told scenario marks.log .
    } | sort -n | awk -v start="$started" '
        $1 >= start { time = $1; sub(/^[^ ]* /, ""); printf "%8.1f s  %s\n", time - start, $0 }' | cut -c 1-240
}

# Lines of a log with who says them after the time: told WHO LOG REGEX. There may be none.
told() { { grep -shE "$3" "$share/$2" || true; } | sed "s/^\([^ ]*\) /\1 $(printf '%-16s' "$1") /"; }

# Writes down what the scenario does next, for the timeline: mark TEXT; prints the time. It is Dom0's, and from before
# the step: whatever the step causes comes later by the same clock, however far that is behind this machine's.
mark() {
    local now
    now=$(dom0_time) || { echo "lab: Dom0 does not say what time it is: $*" >&2; return 1; }
    echo "$now $*" >>"$share/marks.log"
    tell "$@" >&2
    echo "$now"
}

# ---- doing

# The session gives up after this many seconds and fails what waits: replacement_timeout.
log_in() {
    log_in_at "$target_name" "$1" "${portals[@]}"
    await_dom0 60 "[ -b /dev/sda ] && [ \$(ls -d /sys/block/sd* | wc -l) = $((luns * ${#portals[@]})) ]" \
        || fail_lab "no disk appeared: see steps.log"
    dom0 '(record >/share/record.log 2>&1 </dev/null &)'
}

# log_in_at TARGET REPLACEMENT_TIMEOUT PORT...
log_in_at() {
    local name=$1 timeout=$2
    shift 2
    dom0 "set -e
        for port in $*; do iscsiadm -m node -o new -T $name -p 10.0.2.2:\$port; done
        iscsiadm -m node -T $name -o update -n node.session.timeo.replacement_timeout -v $timeout
        iscsiadm -m node -T $name --login" >>"$share/steps.log" || fail_lab "iSCSI login failed: see steps.log"
}

# What the next guest is, where it differs from a guest with one disk, one processor and an agent that may do all.
guest_vcpus=1
guest_channel=
guest_disks=     # in xl's words; empty for the LUN as xvda
guest_arguments= # for its kernel; domu/init and domu/initramfs-init say which there are
guest_initramfs= # "-typed" for the one with modules of more types of filesystems

# Creates a guest and waits until it runs: boot_guest KERNEL [NAME [UUID]]
boot_guest() {
    local name=${2:-guest} uuid=${3:-$guest_uuid}
    dom0 "set -e
        cat >/etc/xen/$name.cfg <<END
name=\"$name\"
uuid=\"$uuid\"
type=\"pv\"
kernel=\"/boot/guests/vmlinux-$1\"
ramdisk=\"/boot/guests/initramfs-$1$guest_initramfs\"
extra=\"console=hvc0 loglevel=7 mitigations=off rootfstype=$root_type $guest_arguments\"
memory=384
vcpus=$guest_vcpus
$guest_channel
disk=[${guest_disks:-'phy:$lun,xvda,w'}]
on_reboot=\"restart\"
on_crash=\"preserve\"
END
        : >/var/log/xen/console/guest-$name.log
        (tail -F /var/log/xen/console/guest-$name.log </dev/null 2>/dev/null | stamp >/share/$name-console.log &)
        xl create /etc/xen/$name.cfg" >>"$share/steps.log" || fail_lab "xl create failed: $(tail -n 3 "$share/steps.log")"
    local ready
    ready=$(await 400 "$name-console.log" 'lab: guest is ready|Kernel panic') || return 1
    ! line_is "$name-console.log" "$ready" 'Kernel panic' || { tell "the guest's kernel panicked"; return 1; }
}

# The same, and until its agent reports.
create_guest() {
    boot_guest "$@" || return 1
    await 120 record.log "^[^ ]* $(dom0 "xl domid ${2:-guest}")/data/guest-agent/state ok" >/dev/null
}

# Files that are durable in the guest; prints the checksum of their checksums.
write_witnesses() {
    guest "$(
        cat <<'END' | tr '\n' ' '
mkdir -p /srv/witness; cd /srv/witness; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
$b dd if=/dev/urandom of=$i bs=100k count=1 conv=fsync 2>/dev/null || exit 1; done;
$b sha256sum * >/tmp/sums; $b cp /tmp/sums sums; $b sync; $b sha256sum sums
END
    )" | awk '{ print $1 }'
}

witnesses_are_intact() {
    [ -n "$1" ] && [ "$(guest "cd /srv/witness && \$b sha256sum -c sums >/dev/null && \$b sha256sum sums" \
        | awk '{ print $1 }')" = "$1" ]
}

bridge_runs=

# Starts host-bridge in Dom0: start_bridge [OPTION]...
start_bridge() {
    bridge_runs=yes
    dom0 "( setsid host-bridge --mode recover \
            --toolstack xl $* </dev/null 2>&1 & echo \$! >/run/host-bridge.pid; wait ) \
        </dev/null 2>&1 | stamp >>/share/bridge.log &"
}

# A bridge that ended by itself did nothing either, so that counts as a failure.
stop_bridge() {
    bridge_runs=
    tell "Dom0's clock is $(dom0_lag) s behind this machine's"
    expect "the bridge was there to the end" dom0 "kill -TERM \$(cat /run/host-bridge.pid)"
    dom0 "for turn in {1..100}; do [ -d /proc/\$(cat /run/host-bridge.pid) ] || break; sleep 0.1; done
        cp -r /var/lib/host-bridge /share/"
}

# When the bridge's own gate finds the storage operational, or not, for the first time at or after a time:
# await_gate LIMIT operational|lost [TIME]
await_gate() {
    local words=' disks are operational,'
    [ "$2" != lost ] || words=' disks are not operational,'
    await "$1" bridge.log "storage: [0-9]+$words" "${3-0}"
}

# When session and disk are operational again, by sysfs alone.
await_storage() {
    await 120 record.log ' session[0-9]+ LOGGED_IN' "$1" >/dev/null && await 60 record.log ' sd[a-z] running' "$1"
}

# What sysfs says of the storage under the guest at this moment, into storage.log: note_storage WHEN
note_storage() {
    { echo "---- $1"; dom0 storage; } >>"$share/storage.log" 2>&1
}

# Packets to and from some of the target's ports vanish, until they pass again: drop_packets PORT...
drop_packets() {
    local ports
    ports="{ $(IFS=, && echo "$*") }"
    dom0 "nft -f - <<END
table ip lab {
    chain input { type filter hook input priority 0; tcp sport $ports drop; }
    chain output { type filter hook output priority 0; tcp dport $ports drop; }
}
END"
}

pass_packets() { dom0 "nft delete table ip lab"; }

# A clean shutdown; true when the domain was there and is gone within a minute and a half: shut_down_guest [NAME]
shut_down_guest() {
    dom0 "xl domid ${1:-guest} || exit 1
        timeout $(stretched 90) xl shutdown -w ${1:-guest}
        for turn in {1..50}; do xl domid ${1:-guest} 2>/dev/null || exit 0; sleep 0.3; done
        exit 1" >>"$share/steps.log" 2>&1
}

# Ends the bridge as a crash would; its steps and their programs go on.
kill_bridge() { dom0 'kill -KILL $(cat /run/host-bridge.pid)'; }

# Whether the bridge, which spoke, was about to do nothing and asked for nothing between two times:
# nothing_begun FROM [UNTIL]
nothing_begun() {
    grep -q 'host-bridge starts' "$share/bridge.log" \
        && [ -z "$(awk -v from="$1" -v until="${2:-9e99}" \
            '$1 >= from && $1 < until && / about to |asked it to (reboot|remount|repair)/' "$share/bridge.log")" ]
}

# The same until the storage had been stable for as long as the bridge waits; record may be a second late.
nothing_begun_before_stable() { nothing_begun 0 "$(seconds_after "${storage:-9e9}" $((stable_seconds - 1)))"; }

# How often a line stands in a guest's console since a time: console_count TIME REGEX [NAME]
console_count() {
    awk -v from="$1" -v regex="$2" '$1 >= from && $0 ~ regex { count++ } END { print count + 0 }' \
        "$share/${3:-guest}-console.log"
}

# Whether a guest, which runs, booted once since a time, and what the check of that boot was: booted_once TIME NAME CHECK
booted_once() {
    [ "$(console_count "$1" 'lab: guest is ready' "$2")" = 1 ] \
        && [ -n "$(first record.log "^[^ ]* $(dom0 "xl domid $2")/data/lab/fsck $3\$" "$1")" ]
}

# restarted_once_with_check TIME [NAME]: it was forced, and left no errors.
restarted_once_with_check() { booted_once "$1" "${2:-guest}" 'forced=yes exit=[01]'; }

# booted_once_unchecked TIME: none was forced, as the disk had been checked from Dom0.
booted_once_unchecked() { booted_once "$1" guest 'forced= exit=0'; }

# Whether no later boot will check once more: what the bridge gave to one it took back. After stop_bridge.
check_is_taken_back() { [ -d "$share/host-bridge/steps" ] && ! compgen -G "$share/host-bridge/steps/*.armed" >/dev/null; }

# Whether e2fsck finds nothing: lun_is_clean [DEVICE]. It names a filesystem by its label, if that has one.
lun_is_clean() {
    local device=${1:-$lun}
    dom0 "e2fsck -fn $device" 2>&1 | tee -a "$share/steps.log" | grep -q '^[^ ]*: [0-9]*/[0-9]* files' \
        && dom0 "e2fsck -fn $device >/dev/null 2>&1"
}

# What an administrator sees of the guest in Dom0.
show_xenstore() {
    dom0 'xenstore-ls -f "/local/domain/$(xl domid guest)/data/guest-agent"'
}

boot_id() { dom0 'xenstore-read "/local/domain/$(xl domid guest)/data/lab/boot-id"'; }

# What a run measured, for the table: times since 1970 or empty.
# figures FAULT ABORT VERDICT STORAGE ACTION PROOF CLOSED
figures() { (IFS='|' && echo "$*") >"$share/figures"; }

# ---- a guest whose root dies, as several scenarios need it

# A guest with a bridge that may act; sets witness. begin_guest [OPTION OF THE BRIDGE]...
begin_guest() {
    log_in 5
    create_guest 6.1 || fail_lab "the guest did not come up"
    witness=$(write_witnesses)
    start_bridge "$@"
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    tell "the guest is well; durable files have the checksum ${witness:0:16}…"
}

# The same with a guest that does not end when it is asked to, and a bridge that may destroy it and check its disk.
begin_stuck_guest() {
    guest_arguments=lab.agent=no-restart
    begin_guest --grace-seconds 5 --allow-destroy true --offline-check true --exclusive-storage yes
}

# The target is killed and comes back when the guest has aborted its journal; sets fault, closed, aborted, back, storage.
break_and_mend() {
    fault=$(mark "the target is killed")
    kill_target
    closed=$(await_gate 90 lost "$fault") || closed=
    aborted=$(await 90 guest-console.log 'Aborting journal' "$fault") || aborted=
    await 30 record.log 'guest-agent/filesystem/0 .*verdict=journal-aborted' "$fault" >/dev/null || true
    note_storage "during the fault"
    back=$(mark "the target is back")
    start_target
    storage=$(await_storage "$back") || storage=
    note_storage "after the fault"
}

# Whether the guest is in another domain than the first, with its uuid, in the hypervisor's words.
is_created_anew() {
    dom0 'xl list -v' | awk -v uuid="$guest_uuid" '$1 == "guest" && $2 > 1 && index($0, uuid) { found = 1 }
        END { exit !found }'
}

# What the guest's agent wrote: guest_node NAME
guest_node() { dom0 "xenstore-read \"/local/domain/\$(xl domid guest)/data/guest-agent/$1\""; }
