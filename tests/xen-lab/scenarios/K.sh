# shellcheck shell=bash
# shellcheck disable=SC2154,SC2016,SC2034 # what machine.sh and steps.sh know, and use; quoted scripts are for Dom0
# The console channel, served by QEMU: K-xenstored stops xenstored while the guest's root aborts; K-backend-VCPUS
# stops the channel's backend for a minute.

# Xen 4.17 drops the first channel of a domain, so a dummy stands there.
guest_channel='channel=["connection=pty,name=dummy","connection=socket,path=/run/channel.sock,name=org.guest-agent.1"]'

scenario() { "scenario_$1" "${@:2}"; }
outcome() { "outcome_$1" "${@:2}"; }

# The channel's backend, which is a QEMU of its own.
backend() { dom0 'pgrep -f "[q]emu.*libxl-channel"'; }

await_channel() { await "${1:-90}" bridge.log 'its channel answers' "${2:-0}"; }

scenario_xenstored() {
    echo "expected: the abort is told over the channel while xenstore does not answer; afterwards both agree"
    log_in 5
    create_guest 6.1 || fail_lab "the guest did not come up"
    start_bridge
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    await_channel >/dev/null || fail_lab "the channel does not answer: see bridge.log"
    tell "the guest is well; the bridge hears it over both"

    stopped=$(mark "xenstored is stopped")
    dom0 'kill -STOP $(pidof xenstored)'
    killed=$(mark "the target is killed")
    kill_target
    aborted=$(await 60 guest-console.log 'Aborting journal' "$killed") || aborted=
    heard=$(await 60 bridge.log 'it reports: .*journal-aborted' "$killed") || heard=
    sleep 5
    mark "xenstored goes on" >/dev/null
    dom0 'kill -CONT $(pidof xenstored)'
    agreed=$(await 90 record.log 'guest-agent/state critical journal-aborted' "$killed") || agreed=
    sleep 70 # until the bridge has read it, and a heartbeat
    stop_bridge
}

outcome_xenstored() {
    expect "the guest's journal was aborted" [ -n "$aborted" ]
    expect "the bridge heard of it while xenstored was stopped" [ -n "$heard" ]
    expect "after xenstored went on, xenstore says the same" [ -n "$agreed" ]
    expect "and the bridge heard of the abort once" \
        [ "$(grep -c 'it reports: .*journal-aborted' "$share/bridge.log")" = 1 ]
    figures "$killed" "$aborted" "$heard" "" "" "" ""
}

# The guest writes a heartbeat of the scenario's own to its console, from each of its processors.
scenario_backend() {
    guest_vcpus=$1
    echo "expected: while the channel's backend is stopped for a minute, the guest goes on, and so does its agent"
    log_in 120
    create_guest 6.1 || fail_lab "the guest did not come up"
    start_bridge
    await_channel >/dev/null || fail_lab "the channel does not answer: see bridge.log"
    for ((cpu = 0; cpu < guest_vcpus; cpu++)); do
        guest "\$b taskset -c $cpu \$b sh -c \"while \$b sleep 1; do echo lab: beat $cpu; done\" >/dev/hvc0 2>&1 &"
        await 30 guest-console.log "lab: beat $cpu" >/dev/null || fail_lab "no heartbeat of processor $cpu"
    done
    tell "the guest is well, and beats"

    stopped=$(mark "the channel's backend is stopped")
    backend >/dev/null || fail_lab "there is no backend"
    dom0 'kill -STOP $(pgrep -f "[q]emu.*libxl-channel")'
    sleep 60
    back=$(mark "the channel's backend goes on")
    dom0 'kill -CONT $(pgrep -f "[q]emu.*libxl-channel")'
    answered=$(await_channel 90 "$back") || answered=
    sleep 5
    stop_bridge
    shut_down_guest
}

outcome_backend() {
    for ((cpu = 0; cpu < guest_vcpus; cpu++)); do
        beats=$(awk -v from="$stopped" -v to="$back" -v beat="lab: beat $cpu" \
            '$1 > from && $1 < to && index($0, beat)' "$share/guest-console.log" | wc -l)
        expect "processor $cpu went on: it beat $beats times in $(awk -v from="$stopped" -v to="$back" \
            'BEGIN { printf "%.0f", to - from }') s" [ "$beats" -ge 40 ]
    done
    expect "no processor of it was stuck" \
        [ -z "$(first guest-console.log 'soft lockup|rcu.*stall|blocked for more than' "$stopped")" ]
    expect "its agent was heard over xenstore meanwhile" \
        [ -n "$(awk -v from="$stopped" -v to="$back" '$1 > from && $1 < to && /guest-agent\/heartbeat/' \
            "$share/record.log")" ]
    expect "the channel answers again" [ -n "$answered" ]
    figures "$stopped" "" "" "" "" "$answered" ""
}
