# shellcheck shell=bash
# shellcheck disable=SC2154 # what machine.sh and steps.sh know
# A short failover: the target does not answer for 20 s, and the session waits longer than that (120 s).
scenario() {
    echo "expected: the guest reports a hang that clears by itself; nothing is done about it"
    log_in 120
    create_guest 6.1 || fail_lab "the guest did not come up"
    # A bridge that means to act would not wait long.
    start_bridge --stable-seconds 5 --grace-seconds 5
    await_gate 60 operational >/dev/null || fail_lab "the bridge did not find the storage operational: see bridge.log"
    tell "the guest is well; the bridge follows it"
    note_storage "before the fault"

    stopped=$(mark "the target stops answering")
    kill -STOP "$target"
    local end=$((SECONDS + 20))
    hung=$(await 19:60 record.log 'guest-agent/state .*hung' "$stopped") || hung=
    [ -z "$hung" ] || show_xenstore
    closed=$(await_gate 19:40 lost "$stopped") || closed=
    note_storage "during the fault"
    while [ "$SECONDS" -lt "$end" ]; do sleep 0.2; done
    back=$(mark "the target answers again")
    kill -CONT "$target"
    well=$(await 60 record.log 'guest-agent/state ok' "$back") || well=
    opening=$(await_gate 60 operational "$back") || opening=
    # Longer than the stable time, so that a bridge that means to act would.
    sleep 40
    stop_bridge
    shut_down_guest
}

outcome() {
    expect "the hang was reported" [ -n "$hung" ]
    expect "it cleared by itself" [ -n "$well" ]
    expect "the bridge found by itself that the storage was down" [ -n "$closed" ]
    expect "and that it was back" [ -n "$opening" ]
    expect "no filesystem was reported as aborted" [ -z "$(first record.log 'journal-aborted')" ]
    expect "the guest had no kernel message about its disk" \
        [ -z "$(first guest-console.log 'I/O error|Aborting journal|EXT4-fs (error|warning)' "$stopped")" ]
    expect "the bridge began nothing" nothing_begun 0
    figures "$stopped" "" "$hung" "" "" "$well" "$closed"
}
