#!/usr/bin/env bash
# What watching costs: guest-agent at its default intervals on an ext4 root and an ext4 data filesystem, and beside
# it, in the same minute and on the same filesystems, node_exporter and monit from Debian's packages (unpacked into
# out/, never installed or started as services). Run by make footprint, as root in tests/contained.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"

measured_seconds=60
asked_probes=20
agent_folder=$PWD/out/publish/guest-agent
peers=$PWD/out/peers
stage=$(mktemp -d)
root=$stage/root
started=()

clean_up() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait || true
    umount -R "$root" 2>/dev/null || true
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
        --web.listen-address=127.0.0.1:19100 >"$stage/node_exporter.log" 2>&1 &
    started+=($!)
    node_exporter=$!
}

start_monit() {
    unpack monit || return
    cat >"$stage/monitrc" <<END
set daemon 5
set logfile $stage/monit.log
set pidfile $stage/monit.pid
set idfile $stage/monit.id
set statefile $stage/monit.state
check filesystem root with path $root
    if changed fsflags then alert
check filesystem data with path $root/srv
    if changed fsflags then alert
END
    chmod 600 "$stage/monitrc"
    "$peers/monit/usr/bin/monit" -I -c "$stage/monitrc" >"$stage/monit.out" 2>&1 &
    started+=($!)
    monit=$!
}

# As Prometheus does, every 15 s: without it node_exporter looks at nothing.
scrape() {
    while sleep 15; do
        { exec 3<>/dev/tcp/127.0.0.1/19100 && printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3 && cat <&3 >/dev/null; } \
            2>/dev/null || true
    done
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
start_monit || echo "footprint.sh: Debian's package monit cannot be had here"
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
