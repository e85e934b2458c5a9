#!/usr/bin/env bash
# The inner side of lab.sh, in namespaces of its own: runs scenarios, or a shell in Dom0.
# Usage: inside.sh CACHE test [SCENARIO] | CACHE shell [GUEST KERNEL]
# shellcheck disable=SC2034 # shared with machine.sh and steps.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$1 purpose=$2 wanted=${3:-}
results=$here/../../out/lab
run=$(mktemp -d)
share=
# shellcheck source=machine.sh
. "$here/machine.sh"
# shellcheck source=steps.sh
. "$here/steps.sh"

scenarios=(A B-6.1-killed B-5.10-killed B-6.12-killed B-6.1-dropped B-5.10-dropped B-6.12-dropped B-6.1-long C D
    E-bridge E-fsck E-xenstored F G H-short H-long I J-saved J-destroyed K-xenstored K-backend-1 K-backend-2)

# tgtd's socket is named by a number alone: a folder of its own keeps two labs apart.
mkdir -p /run/tgtd
mount -t tmpfs tgtd /run/tgtd
ip link set lo up

# A target, a Dom0, and nothing else yet: the beginning of each scenario. Its folder is $results/NAME.
begin() {
    share=$results/$1
    rm -rf "$share"
    mkdir -p "$share"
    touch "$share"/{marks,record,guest-console,bridge}.log
    local number
    for ((number = 1; number <= luns; number++)); do
        cp --sparse=always "$cache/domu.img" "$run/lun$number.img"
    done
    started=$EPOCHREALTIME
    start_target
    boot_dom0
    tell "Dom0 is ready"
}

# One scenario, in a process of its own: NAME-ARGUMENT-... is the function "scenario" of scenarios/NAME.sh.
play() {
    local name=$1 words=() status=0
    IFS=- read -r -a words <<<"$name"
    (
        set -o errtrace
        trap 'echo "lab: a step failed: $BASH_COMMAND (line $LINENO of ${BASH_SOURCE[0]##*/})" >&2' ERR
        trap 'stop_dom0; kill_target; kill_second' EXIT
        # shellcheck disable=SC1090 # one of scenarios/*.sh
        . "$here/scenarios/${words[0]}.sh"
        begin "$name"
        scenario "${words[@]:1}"
        [ -z "$broken" ]
    ) 2>&1 | tee "$run/output" || status=1
    { cp "$run/output" "$results/$name/output.txt"; } || status=1
    return "$status"
}

test_all() {
    local name passed=0 failed=0 skipped=0 chosen=no
    for name in "${scenarios[@]}"; do
        if [ -n "$wanted" ] && [ "$name" != "$wanted" ] && [ "${name#"$wanted"-}" = "$name" ]; then
            continue
        fi
        chosen=yes
        echo
        echo "=== $name"
        if play "$name"; then
            passed=$((passed + 1))
            echo "=== $name: passed"
        else
            failed=$((failed + 1))
            echo "=== $name: FAILED; its logs are in out/lab/$name"
        fi
    done
    if [ "$chosen" = no ]; then
        echo "lab: no scenario is named $wanted; there are: ${scenarios[*]}"
        failed=1
    fi
    "$here/table.sh" "$results" || true
    echo "lab: $passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}

# Lines typed are run in Dom0.
shell() {
    local line
    begin shell
    log_in 120
    create_guest "${wanted:-6.1}" || echo "the guest did not report"
    echo "Dom0 answers, a line at a time; guest guest COMMAND runs in the guest; an empty line ends."
    while IFS= read -r -p 'dom0# ' line </dev/tty && [ -n "$line" ]; do
        dom0 "$line" 600 || echo "exit code $?"
    done
    stop_dom0
}

case $purpose in
test) test_all ;;
shell) shell ;;
esac
