#!/bin/sh
# Installs the Debian packages that a purpose needs and this machine lacks; does nothing when all is there.
# Usage: tests/prepare.sh publish|packages|test-packages|testbed|bench|lab
set -eu
export PATH="$PATH:/usr/sbin:/sbin"

case ${1:-} in
# What must be there (a program or a file), and the package that brings it.
publish) needs="gcc:gcc objcopy:binutils /usr/include/stdlib.h:libc6-dev /usr/include/sqlite3.h:libsqlite3-dev" ;;
packages) needs="clang:clang ld.lld:lld objcopy:binutils dpkg-deb:dpkg rpmbuild:rpm xz:xz-utils git:git
    /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring" ;;
test-packages) needs="debootstrap:debootstrap rpm:rpm rpmlint:rpmlint lintian:lintian mandoc:mandoc
    systemd-nspawn:systemd-container mke2fs:e2fsprogs mount:mount unshare:util-linux nsenter:util-linux cpio:cpio
    socat:socat busybox:busybox-static shellcheck:shellcheck" ;;
testbed) needs="gcc:gcc /usr/include/stdlib.h:libc6-dev mke2fs:e2fsprogs e2fsck:e2fsprogs mount:mount losetup:mount
    unshare:util-linux nsenter:util-linux setsid:util-linux strace:strace pivot_root:util-linux fallocate:util-linux
    fsfreeze:util-linux blockdev:util-linux ldd:libc-bin
    /usr/include/fuse3/fuse_lowlevel.h:libfuse3-dev fusermount3:fuse3 pkg-config:pkg-config
    mkfs.xfs:xfsprogs xfs_io:xfsprogs mkfs.btrfs:btrfs-progs curl:curl /usr/include/sqlite3.h:libsqlite3-dev" ;;
bench) needs="gcc:gcc /usr/include/stdlib.h:libc6-dev /usr/include/xenstore.h:libxen-dev unshare:util-linux
    /usr/include/sqlite3.h:libsqlite3-dev" ;;
lab) needs="qemu-system-x86_64:qemu-system-x86 debootstrap:debootstrap tgtd:tgt tgtadm:tgt busybox:busybox-static
    cpio:cpio xz:xz-utils zstd:zstd depmod:kmod ip:iproute2 mke2fs:e2fsprogs mount:mount unshare:util-linux
    ldd:libc-bin" ;;
*)
    echo "usage: tests/prepare.sh publish|packages|test-packages|testbed|bench|lab" >&2
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

# The real xenstored, for the benchmark and for the tests that hold the embedded one against it: they are skipped
# where there is none.
xenstored=
if [ "$1" = testbed ] || [ "$1" = bench ]; then
    ls /usr/lib/xen-*/bin/xenstored /usr/bin/xenstore-ls >/dev/null 2>&1 || xenstored=wanted
fi
[ -n "$missing$xenstored" ] || exit 0

if ! command -v apt-get >/dev/null; then
    [ -n "$missing" ] || exit 0
    echo "prepare.sh: please install what Debian calls:$missing" >&2
    exit 1
fi

as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
# No service of a package is started; tgt's would open a port, and does so at no later boot either.
install() {
    echo "prepare.sh: installing $*"
    policy=/usr/sbin/policy-rc.d
    if [ -d /run/systemd/system ] && [ ! -e "$policy" ]; then
        trap '$as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod 755 "$policy"
    fi
    $as_root apt-get -o DPkg::Lock::Timeout=120 install -q -y --no-install-recommends "$@"
    case " $* " in *" tgt "*) [ ! -d /run/systemd/system ] || $as_root systemctl -q disable tgt ;; esac
}

updated=yes
$as_root apt-get -o DPkg::Lock::Timeout=120 update -q || updated=
if [ -n "$missing" ]; then
    [ -n "$updated" ]
    # shellcheck disable=SC2086 # one word per package
    install $missing
fi
if [ -n "$xenstored" ]; then
    # The name of the package holds the version of Xen.
    xen_utils=$(apt-cache search --names-only '^xen-utils-4\.[0-9]+$' | cut -d ' ' -f 1 | sort -V | tail -n 1)
    { [ -n "$xen_utils" ] && install "$xen_utils" xenstore-utils; } \
        || echo "prepare.sh: no xenstored can be installed: what needs the real one is skipped"
fi
