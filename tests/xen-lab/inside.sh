#!/usr/bin/env bash
# One scenario, or a shell in Dom0, in network and mount namespaces of its own.
# Usage: inside.sh play SCENARIO | shell [GUEST KERNEL]; $LAB_IMAGES is what is booted, $LAB_TERMINAL not empty when a
# person types the commands
# shellcheck disable=SC2034 # shared with machine.sh and steps.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
purpose=$1
results=$here/../../out/lab
run=$(mktemp -d)
share=
words=()
root_type=ext3 # of a guest's root; a scenario may say another (see build.sh), before it begins
LAB_TERMINAL=${LAB_TERMINAL:-}
# shellcheck source=tests/xen-lab/speed.sh
. "$here/speed.sh"
# shellcheck source=tests/xen-lab/machine.sh
. "$here/machine.sh"
# shellcheck source=tests/xen-lab/steps.sh
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
    # shellcheck disable=SC2154 # machine.sh
    for ((number = 1; number <= luns; number++)); do
        make_lun "$run/lun$number.img"
    done
    started=$EPOCHREALTIME
    start_target
    boot_dom0
    tell "Dom0 is ready"
}

# A disk with the root of a guest; a scenario may make another, before it begins.
make_lun() { cp --sparse=always "$LAB_IMAGES/domu-$root_type.img" "$1"; }

# NAME-ARGUMENT-... is scenarios/NAME.sh: its function "scenario" does the steps, and "outcome" says what must hold then
# and what was measured. A step that fails fails the scenario, and the next ones go on without what it should have found:
# just then one wants to see what happened.
play() {
    IFS=- read -r -a words <<<"$1"
    trap finish EXIT
    # shellcheck disable=SC1090 # one of scenarios/*.sh
    . "$here/scenarios/${words[0]}.sh"
    begin "$1"
    set +e -o errtrace
    trap 'note_failed_step "$BASH_COMMAND" "$LINENO" "${BASH_SOURCE[0]##*/}"' ERR
    scenario "${words[@]:1}"
}

note_failed_step() {
    local step="$1 (line $2 of $3)"
    echo "lab: a step failed: $step" >&2
    echo "$step" >>"$share/failed-steps"
}

# The end of each scenario, however far it came: the timeline, what holds, and the figures.
finish() {
    local code=$?
    trap - ERR EXIT
    set +eu
    [ -z "$bridge_runs" ] || stop_bridge
    timeline
    [ ! -s "$share/failed-steps" ] || echo "a step failed (see above); what can be said all the same:"
    outcome "${words[@]:1}"
    stop_dom0
    kill_target
    kill_second
    rm -rf "$run"
    [ "$code" -ne 0 ] || [ -n "$broken" ] || [ -s "$share/failed-steps" ] || exit 0
    exit 1
}

# Commands on standard input, or typed at a terminal, are run in Dom0, each when it is complete; ends with the exit code
# of the last.
shell() {
    local code=0 command
    rm -rf "$results/shell"
    {
        begin shell
        log_in 120
        create_guest "${1:-6.1}" || echo "the guest did not report"
    } >&2
    [ -z "$LAB_TERMINAL" ] \
        || echo "Dom0 answers; guest guest COMMAND runs in the guest; an empty line ends."
    while read_command; do
        code=0
        dom0 "$command" 600 || code=$?
        [ "$code" -eq 0 ] || [ -z "$LAB_TERMINAL" ] || echo "exit code $code"
    done
    stop_dom0
    rm -rf "$run"
    return "$code"
}

# Reads a command, of as many lines as the shell's grammar asks for, into $command; fails at the end. What lab.sh hands on
# of its own input ends with a line of one end-of-transmission character.
read_command() {
    local line prompt='dom0# '
    command=
    while read_line; do
        [ "$line" != $'\004' ] || break
        if [ -z "$command$line" ]; then
            [ -z "$LAB_TERMINAL" ] || return 1
            continue
        fi
        command+=$line$'\n'
        is_complete "$command" && return 0
        prompt='> '
    done
    [ -n "$command" ]
}

read_line() {
    if [ -n "$LAB_TERMINAL" ]; then IFS= read -r -p "$prompt" line </dev/tty; else IFS= read -r line; fi
}

# Whether a script lacks no line at its end: bash says so of an open quote, block or here-document.
is_complete() { ! LC_ALL=C bash -n <<<"$1" 2>&1 | grep -Eq 'unexpected end of file|unexpected EOF|here-document'; }

case $purpose in
play | shell) "$purpose" "${@:2}" ;;
esac
