#!/usr/bin/env bash
# Plays scenarios, as many at a time as LAB_LANES says, each in network and mount namespaces of its own; the last line
# is the sum. Usage: all.sh [SCENARIO]
set -euo pipefail
exec </dev/null
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
wanted=${1:-}
results=$here/../../out/lab

# Long ones come early, so that the lanes end together.
scenarios=(E-fsck J-destroyed E-bridge F D B-6.1-long I P M G O-6.12 L-xfs L-btrfs L-f2fs N-lvm J-saved H-long E-xenstored
    H-short K-backend-2 K-backend-1 K-xenstored C B-6.1-dropped B-5.10-dropped B-6.12-dropped B-6.1-killed B-5.10-killed
    B-6.12-killed A)

# By default what the machine carries: a QEMU works on more than one processor only while a guest boots, and takes up
# to 4.5 GB.
lanes=${LAB_LANES:-}
if [ -z "$lanes" ]; then
    lanes=$(nproc)
    room=$(awk '/^MemAvailable:/ { print int($2 / 4500000) }' /proc/meminfo)
    [ "$lanes" -le "$room" ] || lanes=$room
    [ "$lanes" -ge 1 ] || lanes=1
    [ "$lanes" -le 4 ] || lanes=4
fi

passed=0 failed=0 skipped=0
declare -A playing=() # process -> scenario

is_wanted() { [ -z "$wanted" ] || [ "$1" = "$wanted" ] || [ "${1#"$wanted"-}" != "$1" ]; }

# One alone tells what it does while it does it; of several each is told as a whole when it has ended.
begin_one() {
    local name=$1 told=$results/$1/output.txt
    rm -rf "${results:?}/$name"
    mkdir -p "$results/$name"
    if [ "$lanes" -eq 1 ]; then
        printf '\n=== %s\n' "$name"
        { play "$name" | tee "$told"; } &
    else
        play "$name" >"$told" &
    fi
    playing[$!]=$name
}

play() { unshare --net --mount -- bash "$here/inside.sh" play "$1" 2>&1; }

end_one() {
    local process='' name status=0
    wait -n -p process "${!playing[@]}" || status=$?
    name=${playing[$process]}
    unset "playing[$process]"
    [ "$lanes" -eq 1 ] || { printf '\n=== %s\n' "$name"; cat "$results/$name/output.txt"; }
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        echo "=== $name: passed"
    else
        failed=$((failed + 1))
        local slow=
        ! grep -qs '^too slow' "$results/$name/limits" || slow=" (this machine was too slow for it)"
        echo "=== $name: FAILED$slow; its logs are in out/lab/$name"
    fi
}

chosen=()
for name in "${scenarios[@]}"; do
    ! is_wanted "$name" || chosen+=("$name")
done
if [ ${#chosen[@]} -eq 0 ]; then
    echo "lab: no scenario is named $wanted; there are: ${scenarios[*]}"
    exit 1
fi
[ "$lanes" -le ${#chosen[@]} ] || lanes=${#chosen[@]}
# A table of a whole run has no line of an earlier one.
[ -n "$wanted" ] || rm -rf "$results"
echo "lab: ${#chosen[@]} scenarios, $lanes at a time"
for name in "${chosen[@]}"; do
    [ ${#playing[@]} -lt "$lanes" ] || end_one
    begin_one "$name"
done
while [ ${#playing[@]} -gt 0 ]; do
    end_one
done
"$here/table.sh" "$results" || true
echo "lab: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
