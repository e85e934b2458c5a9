# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # shared with inside.sh, which sets $run and $share; quoted scripts are for Dom0
# The machine under Xen: the iSCSI target, QEMU, and scripts that run in Dom0. Sourced.
# Needs $LAB_IMAGES, $run (working folder), $share (the folder that Dom0 sees as /share), and speed.sh.

# Two arrays: the guest's root lies on the first; the second is there for the scenarios that need one.
target_name=iqn.2001-04.com.example:lab
second_name=iqn.2001-04.com.example:lab-second
portals=(3260) # the ports at which the first answers; a scenario may name more, before it begins
second_portal=3270
luns=1 # how many disks the first has; a scenario may say more, before it begins
target=
second=
qemu=

# How long Dom0 may take, in seconds of the reference machine (see speed.sh); it takes 15 to 18.
boot_limit=180

# An array is a tgtd of its own: start_array NUMBER NAME PORTS IMAGE...; its process is then $array.
start_array() {
    local number=$1 name=$2 ports=$3 image port lun=0
    shift 3
    rm -f "/run/tgtd/socket.$number"*
    tgtd -f --control-port "$number" --iscsi "portal=127.0.0.1:$((3250 + number))" >>"$share/tgtd.log" 2>&1 &
    array=$!
    until array "$number" show --mode target >/dev/null 2>&1; do
        kill -0 "$array" || fail_lab "tgtd ended: $(tail -n 3 "$share/tgtd.log")"
        sleep 0.1
    done
    array "$number" new --mode target --tid 1 -T "$name"
    for image in "$@"; do
        lun=$((lun + 1))
        array "$number" new --mode logicalunit --tid 1 --lun "$lun" -b "$image"
    done
    array "$number" bind --mode target --tid 1 -I ALL
    # The portals open last: who logs in to a target that is not there yet waits 15 s for nothing.
    for port in $ports; do
        array "$number" new --mode portal --param "portal=127.0.0.1:$port"
    done
}

array() { tgtadm --control-port "$1" --lld iscsi --op "${@:2}"; }

start_target() {
    local images=("$run"/lun*.img)
    start_array 0 "$target_name" "${portals[*]}" "${images[@]}"
    target=$array
}

# Its disks are the files second*.img.
start_second() {
    local images=("$run"/second*.img)
    start_array 1 "$second_name" "$second_portal" "${images[@]}"
    second=$array
}

kill_target() { kill_array "$target"; }
kill_second() { kill_array "$second"; }

# SIGTERM is ignored while there are targets. A scenario may have ended it already.
kill_array() {
    [ -n "$1" ] || return 0
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

boot_dom0() {
    TMPDIR=$run qemu-system-x86_64 -machine pc -accel tcg,thread=multi,tb-size=1024 -smp 2 -m 2560 \
        -cpu Nehalem,+rdrand,+rdseed -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$LAB_IMAGES/hypervisor" -append "console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M dom0_max_vcpus=1 \
loglvl=info guest_loglvl=info noreboot spec-ctrl=no xpti=0 pv-l1tf=0 cpufreq=none" \
        -initrd "$LAB_IMAGES/dom0-vmlinuz console=hvc0 loglevel=7 mitigations=off tsc=reliable random.trust_cpu=on,\
$LAB_IMAGES/dom0-initramfs" \
        -drive "file=$LAB_IMAGES/dom0.img,if=virtio,format=raw,snapshot=on,cache=unsafe" \
        -netdev user,id=n0,hostfwd=tcp:127.0.0.1:2222-:2222 -device virtio-net-pci,netdev=n0,romfile= \
        -virtfs "local,path=$share,mount_tag=share,security_model=none" -device virtio-rng-pci \
        -serial "file:$share/machine-console.log" >>"$share/qemu.log" 2>&1 &
    qemu=$!
    begin_limit "$boot_limit"
    # Who knocks before the door is there waits for QEMU to try again, which it does after 3, 6, 12 s.
    until grep -q 'lab: Dom0 is ready' "$share/machine-console.log" 2>/dev/null && dom0 true >/dev/null 2>&1; do
        kill -0 "$qemu" 2>/dev/null || fail_lab "QEMU cannot run here: $(tail -n 3 "$share/qemu.log")"
        if limit_passed; then
            report_limit machine-console.log "Dom0 did not become ready"
            fail_lab "Dom0 did not become ready: $(tail -n 5 "$share/machine-console.log")"
        fi
        sleep 0.5
    done
    measure_base_slowness
    set_dom0_clock
}

# Dom0's clock begins as this machine's, so that the times of its logs can be read. No two times of both are compared:
# on a busy machine Dom0's falls behind, by a second in some minutes. See "mark".
set_dom0_clock() {
    dom0 "date --set '$(dom0_lag) seconds'" >>"$share/steps.log" 2>&1
}

# By how many seconds Dom0's clock is behind this machine's; the way of one line is in it.
dom0_lag() {
    local theirs
    theirs=$(dom0_time) && awk -v ours="$EPOCHREALTIME" -v theirs="$theirs" 'BEGIN { printf "%.3f", ours - theirs }'
}

# The time by Dom0's clock, which all logs but this machine's own have.
dom0_time() { dom0 'echo $EPOCHREALTIME'; }

stop_dom0() {
    kill -KILL "$qemu" 2>/dev/null || true
    wait "$qemu" 2>/dev/null || true
}

# Runs a script in Dom0: its output and its exit code are this function's. dom0 SCRIPT [LIMIT IN SECONDS]
dom0() {
    local door line code=255 limit
    limit=$(stretched "${2:-300}")
    exec {door}<>/dev/tcp/127.0.0.1/2222 || return 255
    # A process of its own: who writes to a door that was shut is ended, by SIGPIPE and without a word.
    (base64 -w 0 <<<"$1"; echo) >&"$door" || { exec {door}>&-; return 255; }
    # The last line ends it, not the end of the connection: that was missing at times, on a busy machine.
    while IFS= read -r -t "$limit" -u "$door" line; do
        case $line in
        exit=*)
            code=${line#exit=}
            break
            ;;
        *) printf '%s\n' "$line" ;;
        esac
    done
    exec {door}>&-
    return "$code"
}

# Runs a command in the guest, over its console.
guest() { dom0 "LAB_LIMIT=$(stretched 60) guest guest $(printf '%q' "$1")" "${2:-300}"; }

# Ends the scenario: what comes next makes no sense without the step that failed.
fail_lab() {
    echo "lab: $1" >&2
    echo "$1" >>"$share/failed-steps"
    exit 1
}
