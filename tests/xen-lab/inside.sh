#!/usr/bin/env bash
# One scenario, or a shell in Dom0, in network and mount namespaces of its own.
# Usage: inside.sh play SCENARIO | shell [GUEST KERNEL]; $LAB_IMAGES is what is booted
# shellcheck disable=SC2034 # shared with machine.sh and steps.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
purpose=$1
results=$here/../../out/lab
run=$(mktemp -d)
share=
# shellcheck source=machine.sh
. "$here/machine.sh"
# shellcheck source=steps.sh
. "$here/steps.sh"

# tgtd's socket is named by a number alone: a folder of its own keeps two labs apart.
mkdir -p /run/tgtd
mount -t tmpfs tgtd /run/tgtd
ip link set lo up

# A target, a Dom0, and nothing else yet: the beginning of each scenario. Its folder is $results/NAME.
begin() {
    share=$results/$1
    mkdir -p "$share"
    touch "$share"/{marks,record,guest-console,bridge}.log
    local number
    for ((number = 1; number <= luns; number++)); do
        cp --sparse=always "$LAB_IMAGES/domu.img" "$run/lun$number.img"
    done
    started=$EPOCHREALTIME
    start_target
    boot_dom0
    tell "Dom0 is ready"
}

# NAME-ARGUMENT-... is the function "scenario" of scenarios/NAME.sh.
play() {
    local name=$1 words=()
    IFS=- read -r -a words <<<"$name"
    set -o errtrace
    trap 'echo "lab: a step failed: $BASH_COMMAND (line $LINENO of ${BASH_SOURCE[0]##*/})" >&2' ERR
    trap 'stop_dom0; kill_target; kill_second; rm -rf "$run"' EXIT
    # shellcheck disable=SC1090 # one of scenarios/*.sh
    . "$here/scenarios/${words[0]}.sh"
    begin "$name"
    scenario "${words[@]:1}"
    [ -z "$broken" ]
}

# Lines typed are run in Dom0.
shell() {
    local line
    rm -rf "$results/shell"
    begin shell
    log_in 120
    create_guest "${1:-6.1}" || echo "the guest did not report"
    echo "Dom0 answers, a line at a time; guest guest COMMAND runs in the guest; an empty line ends."
    while IFS= read -r -p 'dom0# ' line </dev/tty && [ -n "$line" ]; do
        dom0 "$line" 600 || echo "exit code $?"
    done
    stop_dom0
}

case $purpose in
play | shell) "$purpose" "${@:2}" ;;
esac
