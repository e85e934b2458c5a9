#!/usr/bin/env bash
# Installs, configures, upgrades and removes the packages of out/packages in trees, images and under a systemd. Runs
# in namespaces of its own (tests/contained.sh): what it mounts and starts ends with it. The last line is the sum.
# Usage: tests/contained.sh tests/packages/run.sh [PART]... (documents, lab, programs, debian, redhat, initramfs, systemd)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${TESTBED_OUTER_NAMESPACES:?run me by tests/contained.sh}"

here=$PWD/tests/packages
packages=$PWD/out/packages
cache=${XDG_CACHE_HOME:-$HOME/.cache}/guest-agent-packages
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
parts=("$@")
[ $# -gt 0 ] || parts=(documents lab programs debian redhat initramfs systemd)
passed=0 failed=0 skipped=0
work=/dev/shm/packages
mkdir -p "$work" "$cache"

# Ends a story that has failed: fail WHY
fail() { echo "    $*" >&2; exit 1; }

# Ends a story that cannot be told here: skip WHY
skip() { echo "    skipped: $*" >&2; exit 77; }

# A story is a function; it is told in a shell of its own: story "What holds" FUNCTION [ARGUMENT]...
story() {
    local name=$1 code=0 log=$work/story.log
    shift
    (set -e; "$@") >"$log" 2>&1 </dev/null & wait $! || code=$?
    case $code in
    0) passed=$((passed + 1)) && echo "passed   $name" ;;
    77) skipped=$((skipped + 1)) && echo "skipped  $name" && tail -n 1 "$log" ;;
    *) failed=$((failed + 1)) && echo "FAILED   $name" && sed 's/^/         /' "$log" | tail -n 40 ;;
    esac
}

# shellcheck source=tests/packages/roots.sh
. "$here/roots.sh"
for part in "${parts[@]}"; do
    # shellcheck source=/dev/null # each of them tells stories
    . "$here/$part.sh"
done

echo "packages: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
