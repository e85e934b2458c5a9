# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what machine.sh and steps.sh know, and use; quoted scripts are for Dom0
# What doctor foretells for the time-outs that are set, and what then happens. H-short: replacement_timeout 5; H-long: 40.
scenario() {
    case $1 in short) timeout=5 ;; long) timeout=40 ;; esac
    echo "expected: the guest's I/O fails when doctor foretold it, by at most 3 s"
    log_in "$timeout"
    create_guest 6.1 || fail_lab "the guest did not come up"
    dom0 'host-bridge doctor' >"$share/doctor.txt" || true # what it finds is told by its exit code, too
    dom0 'host-bridge doctor --json' >"$share/doctor.json" || true
    cat "$share/doctor.txt"
    foretold=$(sed -n 's/.*hangs up to \([0-9]*\) s, then its journal aborts.*/\1/p' "$share/doctor.json" | head -n 1)
    [ -n "$foretold" ] || fail_lab "doctor foretold nothing: see doctor.txt"

    fault=$(mark "the target is killed; doctor foretold $foretold s")
    kill_target
    failed=$(await $((timeout + 60)) dom0-kernel.log 'rejecting I/O|I/O error' "$fault") || failed=
    aborted=$(await 60 guest-console.log 'Aborting journal' "$fault") || aborted=
    after=$(awk -v fault="$fault" -v failed="${failed:-0}" 'BEGIN { printf "%.1f", failed - fault }')
    tell "the disk failed after $after s"
    start_target
    dom0 'xl destroy guest'
}

outcome() {
    expect "the disk failed after $after s: doctor foretold $foretold s" \
        awk -v after="$after" -v foretold="$foretold" 'BEGIN { exit !(after >= foretold - 1 && after <= foretold + 3) }'
    expect "and the guest's journal was aborted" [ -n "$aborted" ]
    figures "$fault" "$aborted" "" "" "" "" ""
}
