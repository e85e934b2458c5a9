# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what machine.sh and steps.sh know, and use; quoted scripts are for Dom0
# People do things to a guest by hand. J-saved: it is paused, saved and restored, and an old request meets it again;
# J-destroyed: it is destroyed in the middle of its recovery, and the bridge keeps its hands off.
scenario() { "scenario_$1"; }

scenario_saved() {
    local paused resumed restored again boot domain request refused
    echo "expected: the agent publishes again in the new domain, of the same boot; a request from before is refused"
    log_in 120
    create_guest 6.1 || fail_lab "the guest did not come up"
    start_bridge --stable-seconds 5 --grace-seconds 5
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    boot=$(guest_node boot-id)
    paused=$(mark "the guest is paused for 30 s")
    dom0 'xl pause guest; sleep 30; xl unpause guest'
    resumed=$(mark "it goes on")
    await 90 record.log "guest-agent/heartbeat" "$resumed" >/dev/null || fail_lab "no heartbeat after the pause"
    # As the bridge would have written it a while ago: for this boot, and a fault that is not there.
    request="id=lab-1 boot=$boot seq=1 filesystem=/ action=reboot lifetime=60"

    mark "the guest is saved" >/dev/null
    # Not into the shared folder: 9p cannot write from pages of another domain (EFAULT).
    dom0 'xl save guest /var/tmp/guest.save' 300 >>"$share/steps.log" || fail_lab "xl save failed: see steps.log"
    sleep 5
    restored=$(mark "it is restored")
    dom0 'xl restore /var/tmp/guest.save && rm /var/tmp/guest.save' 300 >>"$share/steps.log" \
        || fail_lab "xl restore failed: see steps.log"
    domain=$(dom0 'xl domid guest')
    again=$(await 90 record.log "^[^ ]* $domain/data/guest-agent/state ok" "$restored") || again=
    dom0 "xenstore-write /local/domain/$domain/control/guest-agent/request '$request'"
    refused=$(await 60 record.log "^[^ ]* $domain/data/guest-agent/outcome .*lab-1.*refused" "$restored") || refused=
    sleep 20
    stop_bridge
    timeline
    expect "the guest is in another domain" [ "$domain" -gt 1 ]
    expect "its agent published again there" [ -n "$again" ]
    expect "and it is the same boot" [ "$(guest_node boot-id)" = "$boot" ]
    expect "the old request was refused" [ -n "$refused" ]
    expect "the bridge asked for nothing" nothing_asked 0
    expect "the guest shuts down cleanly" shut_down_guest
    figures "$paused" "" "" "" "" "$again" ""
}

scenario_destroyed() {
    local fault aborted closed back storage intent gone ended witness
    echo "expected: the bridge ends the incident, and neither checks nor creates what it did not destroy"
    begin_guest --allow-destroy true --offline-check true --exclusive-storage yes
    break_and_mend
    # The toolstack arms the check now, which takes some seconds.
    intent=$(await 180 bridge.log 'about to restart it' "$back") || intent=
    dom0 'xl destroy guest'
    gone=$(mark "a person destroyed the domain")
    ended=$(await 120 bridge.log 'guest guest .*(is gone|vanished|no longer|ended)' "$intent") || ended=
    sleep 60
    stop_bridge
    timeline
    expect "a recovery had begun" [ -n "$intent" ]
    expect "the bridge said that the domain is gone" [ -n "$ended" ]
    expect "it asked for nothing afterwards" nothing_asked "$gone"
    expect "it created nothing" [ -z "$(dom0 'xl domid guest 2>/dev/null' || true)" ]
    expect "and checked nothing" [ -z "$(first bridge.log 'about to (check|create|destroy)' "$gone")" ]
    figures "$fault" "$aborted" "" "$storage" "" "" "$closed"
}
