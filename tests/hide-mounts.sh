#!/bin/sh
# Run by contained.sh in its mount namespace, before the command: unmounts there what the machine has mounted and the
# tests do not need, so that no program under test sees a filesystem that is not of the tests, and none is written to.
# Kept are the kernel's own filesystems, what lies under the system's folders, and what leads to the sources, the
# .NET SDK, the caches and the command. AgentProcess excludes the kept ones of an agent by their mount points.
# Usage: tests/hide-mounts.sh COMMAND [ARGUMENT]...   (executes the command afterwards)
set -eu

kernels=" autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue \
nsfs proc pstore ramfs rpc_pipefs securityfs selinuxfs smackfs sysfs tmpfs tracefs "

checkout=$(cd "$(dirname "$0")/.." && pwd -P)
dotnet=$(dirname "$(readlink -f "$(command -v dotnet || echo /usr/bin)")")
cache=${XDG_CACHE_HOME:-$HOME/.cache}
# Kept with all that is mounted below them; of what is mounted at or above a path, only what leads to it.
whole="/usr
/etc
/lib
/lib64
/opt
$checkout
$dotnet
${DOTNET_ROOT:-/usr}
${NUGET_PACKAGES:-$HOME/.nuget}
$cache"
paths="$whole
/bin
/sbin
/tmp
/var/tmp
/var/cache/apt
/var/lib/apt
/var/lib/dpkg
$(pwd -P)
$HOME
$(echo "$PATH" | tr : '\n')"
IFS='
'
for argument in "$@"; do
    case $argument in /*) paths="$paths
$argument" ;; esac
done

# leads MOUNT-POINT PATH: whether the path is the mount point or below it.
leads() { case $2/ in "$1"/*) return 0 ;; *) return 1 ;; esac }

is_needed() {
    for path in $paths; do leads "$1" "$path" && return 0; done
    for path in $whole; do leads "$path" "$1" && return 0; done
    return 1
}

# The newest first: a mount goes before the one that it lies on. Spaces and the like are octal in mountinfo.
sed -n 's/^[0-9]* [0-9]* [^ ]* [^ ]* \([^ ]*\) .* - \([^ ]*\) .*/\2 \1/p' /proc/self/mountinfo | tac \
    | while IFS=' ' read -r type escaped; do
        case $kernels in *" $type "*) continue ;; esac
        mount_point=$(printf '%b.' "$(echo "$escaped" | sed 's/\\/\\0/g')")
        mount_point=${mount_point%.}
        [ "$mount_point" != / ] || continue
        is_needed "$mount_point" || umount -i -c -l -- "$mount_point" 2>/dev/null || true
    done
exec "$@"
