#!/usr/bin/env bash
# The lab: a real Xen in QEMU, guests on a real iSCSI LUN, and scenarios that break it.
# Usage: tests/xen-lab/lab.sh build [SCENARIO] | test [SCENARIO] | shell [GUEST KERNEL]
# All of it runs in mount, PID and network namespaces of its own: two labs do not meet, and nothing stays behind.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/guest-agent-xen-lab}
terminal=

case ${1:-} in
build)
    contained=(bash tests/xen-lab/build.sh "$cache" "${@:2}")
    ;;
test)
    contained=(env "LAB_LANES=${LAB_LANES:-}" bash tests/xen-lab/claim.sh "$cache"
        bash tests/xen-lab/all.sh "${@:2}")
    ;;
shell)
    [ ! -t 0 ] || terminal=yes
    contained=(env "LAB_TERMINAL=$terminal" bash tests/xen-lab/claim.sh "$cache"
        unshare --net --mount -- bash tests/xen-lab/inside.sh "$@")
    ;;
*)
    echo "usage: tests/xen-lab/lab.sh build [SCENARIO] | test [SCENARIO] | shell [GUEST KERNEL]" >&2
    exit 2
    ;;
esac

# The lab ends when this pipe does, which only this process holds open: by Ctrl-C, by SIGTERM, by SIGKILL.
folder=$(mktemp -d)
mkfifo "$folder/lifeline"
exec 4<&0
tests/contained.sh bash tests/xen-lab/until-end-of-input.sh "${contained[@]}" <"$folder/lifeline" 4<&- &
lab=$!
exec 3>"$folder/lifeline"
rm -r "$folder"
# What this process is given to read goes the same way, and a last line tells its end. Who hands it on is one process, and
# ends with this one, or the pipe would not.
if [ "${1:-}" = shell ] && [ -z "$terminal" ]; then
    # shellcheck disable=SC2016 # expanded by the inner shell
    setpriv --pdeathsig KILL bash -c 'while IFS= read -r line || [ -n "$line" ]; do printf "%s\n" "$line"; done
        printf "\004\n"' <&4 >&3 &
fi
trap 'exec 3>&-; wait "$lab" || true; echo "lab: stopped"; exit 143' INT TERM HUP
wait "$lab"
