#!/bin/sh
# Runs a command as root in mount and PID namespaces of its own: whatever it mounts, attaches, starts or puts into
# its temporary folder vanishes with it, even when it is killed. What else the machine has mounted is hidden from it
# (hide-mounts.sh). Usage: tests/contained.sh COMMAND [ARGUMENT]...
set -eu
export PATH="$PATH:/usr/sbin:/sbin"

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "contained.sh: needs root or sudo to make namespaces" >&2; exit 1; }
    as_root=sudo
fi

outer="$(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/pid)"
# shellcheck disable=SC2016 # expanded by the shells that run them
exec $as_root env PATH="$PATH" HOME="$HOME" ${DOTNET_ROOT:+DOTNET_ROOT="$DOTNET_ROOT"} \
    ${NUGET_PACKAGES:+NUGET_PACKAGES="$NUGET_PACKAGES"} ${XDG_CACHE_HOME:+XDG_CACHE_HOME="$XDG_CACHE_HOME"} \
    TESTBED_OUTER_NAMESPACES="$outer" TESTBED_TOOLS="$(cd "$(dirname "$0")" && pwd)" \
    sh -c '
        TESTBED_FROZEN=$(mktemp -d /tmp/frozen.XXXXXX)
        "$TESTBED_TOOLS/thaw.sh" $$ "$TESTBED_FROZEN" </dev/null >/dev/null 2>&1 &
        export TESTBED_FROZEN TMPDIR=/dev/shm
        exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- \
            "$TESTBED_TOOLS/hide-mounts.sh" \
            sh -c "mount -t tmpfs -o mode=1777 contained /dev/shm && exec \"\$@\"" sh "$@"' sh "$@"
