#!/usr/bin/env bash
# Runs a command until it ends or standard input does, which the command may read; then this process ends. As the first
# process of a PID namespace it takes everything in it along.
set -euo pipefail
[ $$ -eq 1 ] || { echo "until-end-of-input.sh: must be the first process of a PID namespace" >&2; exit 1; }
trap 'exit 143' TERM
exec 3<&0
"$@" < <(cat <&3; kill -TERM 1) 3<&- &
command=$!
exec 3<&-
wait "$command"
