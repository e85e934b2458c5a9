#!/bin/sh
# Installs the Debian packages that a purpose needs and this machine lacks; does nothing when all is there.
# Usage: tests/prepare.sh publish|testbed
set -eu
export PATH="$PATH:/usr/sbin:/sbin"

case ${1:-} in
# What must be there (a program or a file), and the package that brings it.
publish) needs="gcc:gcc objcopy:binutils /usr/include/stdlib.h:libc6-dev" ;;
testbed) needs="gcc:gcc /usr/include/stdlib.h:libc6-dev mke2fs:e2fsprogs e2fsck:e2fsprogs mount:mount losetup:mount
    unshare:util-linux nsenter:util-linux setsid:util-linux pivot_root:util-linux fallocate:util-linux ldd:libc-bin" ;;
*)
    echo "usage: tests/prepare.sh publish|testbed" >&2
    exit 2
    ;;
esac

if ! command -v dotnet >/dev/null; then
    echo "prepare.sh: the .NET SDK 10 is missing; install it from https://dot.net (Debian has no package of it)" >&2
    exit 1
fi

missing=
for need in $needs; do
    thing=${need%:*}
    [ -e "$thing" ] || command -v "$thing" >/dev/null || missing="$missing ${need##*:}"
done

# The real xenstored, for the tests that hold the embedded one against it. Not every system has it; they are skipped
# then. Which version of Xen there is depends on the system.
xen=
if [ "$1" = testbed ]; then
    ls /usr/lib/xen-*/bin/xenstored >/dev/null 2>&1 || xen=wanted
    [ -e /usr/bin/xenstore-ls ] || xen=wanted
fi
[ -n "$missing$xen" ] || exit 0

if ! command -v apt-get >/dev/null; then
    [ -n "$missing" ] || exit 0
    echo "prepare.sh: please install what Debian calls:$missing" >&2
    exit 1
fi

as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
wait_for_lock="-o DPkg::Lock::Timeout=120"
$as_root apt-get $wait_for_lock update -q
if [ -n "$xen" ]; then
    xen_utils=$(apt-cache search --names-only '^xen-utils-4\.[0-9]+$' | cut -d ' ' -f 1 | sort -V | tail -n 1)
    if [ -n "$xen_utils" ]; then
        missing="$missing $xen_utils xenstore-utils"
    else
        echo "prepare.sh: apt offers no xen-utils: the tests with the real xenstored will be skipped"
    fi
fi
[ -n "$missing" ] || exit 0
echo "prepare.sh: installing$missing"
# shellcheck disable=SC2086 # one word per package
$as_root apt-get $wait_for_lock install -q -y --no-install-recommends $missing
