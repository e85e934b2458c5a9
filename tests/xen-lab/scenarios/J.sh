# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what machine.sh and steps.sh know, and use; quoted scripts are for Dom0
# People do things to a guest by hand. J-saved: it is paused, saved and restored, and an old request meets it again;
# J-destroyed: it is destroyed in the middle of its recovery, and the bridge keeps its hands off.
scenario() { "scenario_$1"; }
outcome() { "outcome_$1"; }

scenario_saved() {
    echo "expected: the agent publishes again in the new domain, of the same boot; it refuses a request for a fault that is"
    echo "          gone, and one that was meant for another boot"
    log_in 120
    create_guest 6.1 || fail_lab "the guest did not come up"
    start_bridge --stable-seconds 5 --grace-seconds 5
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    boot=$(guest_node boot-id)
    paused=$(mark "the guest is paused for 30 s")
    dom0 'xl pause guest; sleep 30; xl unpause guest'
    resumed=$(mark "it goes on")
    await 90 record.log "guest-agent/heartbeat" "$resumed" >/dev/null || fail_lab "no heartbeat after the pause"

    mark "the guest is saved" >/dev/null
    # Not into the shared folder: 9p cannot write from pages of another domain (EFAULT).
    dom0 'xl save guest /var/tmp/guest.save' 300 >>"$share/steps.log" || fail_lab "xl save failed: see steps.log"
    sleep 5
    restored=$(mark "it is restored")
    dom0 'xl restore /var/tmp/guest.save && rm /var/tmp/guest.save' 300 >>"$share/steps.log" \
        || fail_lab "xl restore failed: see steps.log"
    domain=$(dom0 'xl domid guest')
    again=$(await 90 record.log "^[^ ]* $domain/data/guest-agent/state ok" "$restored") || again=
    # As a bridge would have written them a while ago.
    ask_restart "$domain" lab-1 "$boot"
    refused=$(await 60 record.log "^[^ ]* $domain/data/guest-agent/outcome id=lab-1 .*refused reason=fault-gone" \
        "$restored") || refused=
    ask_restart "$domain" lab-2 "$(cat /proc/sys/kernel/random/uuid)"
    older=$(await 60 record.log "^[^ ]* $domain/data/guest-agent/outcome id=lab-2 .*refused reason=boot-id-differs" \
        "$restored") || older=
    sleep 20
    stop_bridge
}

outcome_saved() {
    expect "the guest is in another domain" [ "$domain" -gt 1 ]
    expect "its agent published again there" [ -n "$again" ]
    expect "and it is the same boot" [ "$(guest_node boot-id)" = "$boot" ]
    expect "a request for a fault that is gone was refused" [ -n "$refused" ]
    expect "and one for another boot, too" [ -n "$older" ]
    expect "the bridge began nothing" nothing_begun 0
    expect "the guest shuts down cleanly" shut_down_guest
    figures "$paused" "" "" "" "" "$again" ""
}

# ask_restart DOMAIN ID BOOT
ask_restart() {
    dom0 "xenstore-write /local/domain/$1/control/guest-agent/request \
        'id=$2 boot=$3 seq=1 filesystem=/ action=reboot lifetime=60'"
}

scenario_destroyed() {
    echo "expected: the bridge ends the incident, and neither checks nor creates what it did not destroy"
    begin_guest --allow-destroy true --offline-check true --exclusive-storage yes
    break_and_mend
    intent=$(await 180 bridge.log 'about to restart it' "$back") || intent=
    stop_arming || fail_lab "the toolstack armed no check: see bridge.log"
    gone=$(mark "the check is being armed; a person destroys the domain")
    dom0 'xl destroy guest'
    ended=$(await 20 bridge.log 'the domain is gone before it was recovered; nothing more is done' "$gone") || ended=
    dom0 'kill -CONT $(cat /run/stopped)' || true # the bridge may have ended it: it waits for 30 s
    sleep 60
    left=$(dom0 'xl list' | awk 'NR > 2') || left="the list could not be had"
    stop_bridge
}

outcome_destroyed() {
    expect "a recovery had begun" [ -n "$intent" ]
    expect "the bridge ended it, as the domain is gone" [ -n "$ended" ]
    expect "it began nothing afterwards, and asked for nothing" nothing_begun "$gone"
    expect "there is no domain but Dom0" [ -z "$left" ]
    figures "$fault" "$aborted" "" "$storage" "" "" "$closed"
}

# The toolstack's first question to xl is stopped, so that the arming lasts; xl holds no lock meanwhile.
stop_arming() {
    dom0 'for turn in {1..2000}; do for file in /proc/[0-9]*/cmdline; do
            mapfile -d "" -t words <$file
            case "${words[*]}" in
            */xl\ list\ -* | */xl\ create\ -n\ *)
                file=${file#/proc/}
                kill -STOP "${file%/cmdline}" && echo "${file%/cmdline}" >/run/stopped && exit 0
                ;;
            esac
        done 2>/dev/null; done; exit 1' 200
}
