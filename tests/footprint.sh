#!/usr/bin/env bash
# What watching costs: guest-agent at its default intervals on an ext4 root and an ext4 data filesystem, and beside
# it, in the same minute and on the same filesystems, node_exporter and monit from Debian's packages (unpacked into
# out/, never installed or started as services). Then what 2,000 bind mounts add, what one probe writes, and what each
# of the three notices of faults. Run by make footprint, as root in tests/contained.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"

measured_seconds=60
asked_probes=20
bind_mounts=2000
noticed_after_seconds=60
fault_disk_bytes=$((64 * 1024 * 1024))
agent_folder=$PWD/out/publish/guest-agent
peers=$PWD/out/peers
stage=$(mktemp -d)
root=$stage/root
started=()
disks=()
declare -A control

end() {
    kill "$1" 2>/dev/null || return 0
    wait "$1" || true
}

clean_up() {
    for name in "${!control[@]}"; do echo pass >&"${control[$name]}" || true; done
    for pid in "${started[@]}"; do end "$pid"; done
    umount -R "$root" || true
    for pid in "${disks[@]}"; do end "$pid"; done
}
trap clean_up EXIT

# Debian's package NAME, unpacked into out/peers/NAME; fails where it cannot be had.
unpack() {
    [ -d "$peers/$1" ] && return
    mkdir -p "$peers/download" && chmod 777 "$peers/download"
    (cd "$peers/download" && apt-get download -q "$1" >/dev/null 2>&1) || return
    dpkg-deb -x "$peers/download/$1"_*.deb "$peers/$1"
}

filesystem() {
    truncate -s 256M "$stage/$1.image"
    mke2fs -q -F -t ext4 "$stage/$1.image"
    mkdir -p "$2"
    mount -o loop "$stage/$1.image" "$2"
}

# An ext4 on a disk of tests/testbed/FaultDisk, which fails when told, at srv/NAME; its modes are written to
# ${control[NAME]}. The loop device goes with the mount.
fault_filesystem() {
    local disk=$stage/$1.disk loop
    mkdir -p "$disk" "$root/srv/$1"
    mkfifo "$stage/$1.control"
    "$stage/fault-disk" "$disk" "$fault_disk_bytes" <"$stage/$1.control" >"$stage/$1.answers" &
    disks+=($!)
    # shellcheck disable=SC1083,SC2086,SC2093 # a descriptor that stays open, its number in control[NAME]
    exec {control[$1]}>"$stage/$1.control"
    until [ -s "$stage/$1.answers" ]; do sleep 0.1; done
    loop=$(losetup --find --show --direct-io=on "$disk/disk")
    mke2fs -q -F -t ext4 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$loop"
    mount -o errors=remount-ro "$loop" "$root/srv/$1"
    losetup --detach "$loop"
}

# A root of the agent's own: in a chroot a mounted image is "/" in /proc/self/mountinfo.
build_root() {
    filesystem root "$root"
    mkdir -p "$root"/{proc,sys,dev,run,srv}
    filesystem data "$root/srv"
    for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
    mount -t tmpfs footprint "$root/run"
    cp "$agent_folder"/* "$root/"
    ldd "$agent_folder"/* | grep -o "/[^ :]*" | sort -u | grep -v "^$agent_folder" | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done
}

# All processes of a program: it and its children.
tree() {
    echo "$1"
    for child in $(cat "/proc/$1/task/$1/children"); do tree "$child"; done
}

# The sum over all threads of a program: wakeups so far, nanoseconds on a processor so far.
activity() {
    local wakeups=0 nanoseconds=0 task
    for pid in $(tree "$1"); do
        for task in "/proc/$pid/task"/*; do
            wakeups=$((wakeups + $(awk '/^voluntary_ctxt_switches/ { print $2 }' "$task/status")))
            nanoseconds=$((nanoseconds + $(cut -d ' ' -f 1 "$task/schedstat")))
        done
    done
    echo "$wakeups $nanoseconds"
}

# The sum of a field of smaps_rollup over all processes of a program, in kB.
memory() {
    for pid in $(tree "$1"); do cat "/proc/$pid/smaps_rollup"; done \
        | awk -v field="$2:" '$1 == field { sum += $2 } END { print sum }'
}

# What a device and its journal have written so far: writes, sectors, flushes, commits.
written() {
    echo "$(awk '{ print $5, $7, $16 }' "/sys/block/$1/stat")" \
        "$(awk 'NR == 1 { print $1 }' "/proc/fs/jbd2/$1-8/info" 2>/dev/null || echo 0)"
}

# The number of the last record of the kernel log.
last_record() {
    { timeout 0.3 cat /dev/kmsg || true; } | grep -a '^[0-9]' | tail -n 1 | cut -d , -f 2
}

start_agent() {
    chroot "$root" /guest-agent --status-directory /run/agent --xenstore /dev/none >"$stage/agent.log" 2>&1 &
    started+=($!)
    agent=$!
}

start_node_exporter() {
    unpack prometheus-node-exporter || return
    "$peers/prometheus-node-exporter/usr/bin/prometheus-node-exporter" \
        --web.listen-address=127.0.0.1:19100 --collector.filesystem.mount-points-exclude='^/(proc|sys)($|/)' \
        >"$stage/node_exporter.log" 2>&1 &
    started+=($!)
    node_exporter=$!
}

# start_monit NAME=PATH...: it looks at these filesystems every 5 s.
start_monit() {
    unpack monit || return
    local folder check
    folder=$(mktemp -d -p "$stage" monit.XXXX)
    {
        printf 'set daemon 5\nset logfile %s\n' "$folder/log"
        printf 'set %s\n' "pidfile $folder/pid" "idfile $folder/id" "statefile $folder/state"
        for check in "$@"; do
            printf 'check filesystem "%s" with path %s\n' "${check%%=*}" "${check#*=}"
            printf '    if changed fsflags then alert\n'
        done
    } >"$folder/monitrc"
    chmod 600 "$folder/monitrc"
    "$peers/monit/usr/bin/monit" -I -c "$folder/monitrc" >"$folder/out" 2>&1 &
    started+=($!)
    monit=$! monit_log=$folder/log
}

metrics() {
    { exec 3<>/dev/tcp/127.0.0.1/19100 && printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3 && timeout 10 cat <&3; } \
        2>/dev/null || true
}

# As Prometheus does, every 15 s: without it node_exporter looks at nothing.
scrape() {
    while sleep 15; do metrics >/dev/null; done
}

# One line of the table: line NAME PID BINARY BEFORE
line() {
    local after wakeups nanoseconds
    read -r -a after <<<"$(activity "$2")"
    wakeups=$((after[0] - $4))
    nanoseconds=$((after[1] - $5))
    awk -v name="$1" -v size="$(stat -L -c %s "$3")" -v pss="$(memory "$2" Pss)" -v locked="$(memory "$2" Locked)" \
        -v wakeups="$wakeups" -v nanoseconds="$nanoseconds" -v seconds="$measured_seconds" \
        -v threads="$(for pid in $(tree "$2"); do ls "/proc/$pid/task"; done | wc -l)" 'BEGIN {
            printf "%-16s %9.1f %9.1f %9.1f %8d %12.0f %9.3f\n", name, size / 1e6, pss / 1024, locked / 1024, threads,
                wakeups * 60 / seconds, nanoseconds / 1e7 / seconds }'
}

build_root
agent='' node_exporter='' monit=''
start_agent
start_node_exporter || echo "footprint.sh: Debian's package prometheus-node-exporter cannot be had here"
start_monit "root=$root" "data=$root/srv" || echo "footprint.sh: Debian's package monit cannot be had here"
scrape &
started+=($!)
# What the kernel said earlier of a device of that name makes it probe each second for 20 s.
sleep 30

record_before=$(last_record)
read -r -a agent_before <<<"$(activity "$agent")"
[ -z "$node_exporter" ] || read -r -a node_exporter_before <<<"$(activity "$node_exporter")"
[ -z "$monit" ] || read -r -a monit_before <<<"$(activity "$monit")"
sleep "$measured_seconds"
printf '%-16s %9s %9s %9s %8s %12s %9s\n' '' 'binary MB' 'PSS MiB' 'locked' threads 'wakeups/min' 'CPU %'
line guest-agent "$agent" "$agent_folder/guest-agent" "${agent_before[@]}"
[ -z "$node_exporter" ] || line node_exporter "$node_exporter" \
    "$peers/prometheus-node-exporter/usr/bin/prometheus-node-exporter" "${node_exporter_before[@]}"
[ -z "$monit" ] || line monit "$monit" "$peers/monit/usr/bin/monit" "${monit_before[@]}"
echo "the kernel log had $(($(last_record) - record_before)) records meanwhile; each wakes guest-agent once"
echo "guest-agent: itself, its probe process and the spare; / every 5 s, /srv every 15 s; no xenstore here"
echo "node_exporter: scraped every 15 s; monit: every 5 s"

device=$(basename "$(findmnt -n -o SOURCE "$root")")
sync -f "$root"
read -r -a before <<<"$(written "$device")"
slowest=0
for _ in $(seq "$asked_probes"); do
    milliseconds=$(chroot "$root" /guest-agent probe / --json --status-directory /run/agent \
        | sed -n 's/.*"duration_ms":\([0-9.]*\).*/\1/p')
    slowest=$(printf '%s\n%s\n' "$slowest" "$milliseconds" | sort -g | tail -n 1)
    sleep 0.6
done
read -r -a after <<<"$(written "$device")"
awk -v probes="$asked_probes" -v writes=$((after[0] - before[0])) -v sectors=$((after[1] - before[1])) \
    -v flushes=$((after[2] - before[2])) -v commits=$((after[3] - before[3])) -v slowest="$slowest" 'BEGIN {
        printf "one probe (mean of %d on ext4): %.1f writes, %.1f sectors, %.1f flushes, %.1f journal commits; " \
            "the slowest took %s ms\n", probes, writes / probes, sectors / probes, flushes / probes, commits / probes,
            slowest }'

# What the agent takes of a processor, in percent, while a command runs and for some seconds afterwards.
agent_share() {
    local before after began=$EPOCHREALTIME
    read -r -a before <<<"$(activity "$agent")"
    "$@"
    read -r -a after <<<"$(activity "$agent")"
    awk -v used=$((after[1] - before[1])) -v began="$began" -v ended="$EPOCHREALTIME" \
        'BEGIN { printf "%.2f %%", used / 1e7 / (ended - began) }'
}

bind_many() {
    for number in $(seq "$bind_mounts"); do
        mkdir -p "$root/run/binds/$number"
        mount --bind "$root/srv" "$root/run/binds/$number"
    done
}

making=$(agent_share bind_many)
keeping=$(agent_share sleep 30)
echo "$bind_mounts bind mounts: $making of a processor while they are made, $keeping afterwards"
[ -z "$monit" ] || end "$monit"
for number in $(seq "$bind_mounts"); do umount "$root/run/binds/$number"; done

# shellcheck disable=SC2046 # the flags are words
gcc -O1 -o "$stage/fault-disk" tests/testbed/FaultDisk/fault-disk.c $(pkg-config --cflags --libs fuse3)
faults=(abort emergency_ro hang administrator)
checks=()
for fault in "${faults[@]}"; do
    fault_filesystem "$fault"
    checks+=("$fault=$root/srv/$fault")
done
[ -z "$monit" ] || start_monit "${checks[@]}"
sleep 20

# The commit thread meets the error, and no program has touched the filesystem since.
echo fail-writes >&"${control[abort]}"
touch "$root/srv/abort/touched"
# Programs wrote, and met it.
echo fail-writes >&"${control[emergency_ro]}"
for _ in $(seq 50); do
    dd if=/dev/zero of="$root/srv/emergency_ro/victim" bs=4k count=1 conv=fsync 2>/dev/null || true
    ! grep -q "$root/srv/emergency_ro .*emergency_ro" /proc/self/mounts || break
    sleep 0.1
done
echo block-all >&"${control[hang]}"
# Not a fault: what all of them can see.
mount -o remount,ro "$root/srv/administrator"
sleep "$noticed_after_seconds"

# The third word of the agent's line, and whether mount says otherwise.
agent_says() {
    sed -n "s,^/srv/$1 \([a-z-]*\)\( (hidden[^)]*)\)\? .*,\1\2,p" "$root/run/agent/status"
}

node_exporter_says() {
    [ -n "$node_exporter" ] || { echo "not there" && return; }
    local said
    said=$(metrics | sed -n "s,^node_filesystem_\(readonly\|device_error\){.*mountpoint=\"$root/srv/$1\".*} 1.*,\1,p" \
        | paste -s -d ' ')
    echo "${said:-nothing}"
}

monit_says() {
    [ -n "$monit" ] || { echo "not there" && return; }
    local said
    said=$(sed -n "s/.*'$1' //p" "$monit_log" | head -n 1)
    echo "${said:-nothing}"
}

printf '\n%-16s %-42s %-16s %s\n' "after $noticed_after_seconds s" guest-agent node_exporter monit
for fault in "${faults[@]}"; do
    printf '%-16s %-42s %-16s %s\n' "$fault" "$(agent_says "$fault")" "$(node_exporter_says "$fault")" \
        "$(monit_says "$fault")"
done
