#!/usr/bin/env bash
# The lab: a real Xen in QEMU, guests on a real iSCSI LUN, and scenarios that break it.
# Usage: tests/xen-lab/lab.sh build | test [SCENARIO] | shell [GUEST KERNEL]
# All of it runs in mount, PID and network namespaces of its own: two labs do not meet, and nothing stays behind.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/guest-agent-xen-lab}

case ${1:-} in
build)
    contained=(bash tests/xen-lab/build.sh "$cache")
    ;;
test)
    contained=(env "LAB_LANES=${LAB_LANES:-}" bash tests/xen-lab/claim.sh "$cache"
        bash tests/xen-lab/all.sh "${@:2}")
    ;;
shell)
    contained=(bash tests/xen-lab/claim.sh "$cache" unshare --net --mount -- bash tests/xen-lab/inside.sh "$@")
    ;;
*)
    echo "usage: tests/xen-lab/lab.sh build | test [SCENARIO] | shell [GUEST KERNEL]" >&2
    exit 2
    ;;
esac

# The lab ends when this pipe does, which only this process holds open: by Ctrl-C, by SIGTERM, by SIGKILL.
folder=$(mktemp -d)
mkfifo "$folder/lifeline"
tests/contained.sh bash tests/xen-lab/until-end-of-input.sh "${contained[@]}" <"$folder/lifeline" &
lab=$!
exec 3>"$folder/lifeline"
rm -r "$folder"
trap 'exec 3>&-; wait "$lab" || true; echo "lab: stopped"; exit 143' INT TERM HUP
wait "$lab"
