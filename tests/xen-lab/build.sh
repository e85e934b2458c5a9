#!/usr/bin/env bash
# Builds what the lab boots, into the cache: the hypervisor, Dom0's kernel and image, one kernel and initramfs a guest
# kernel, a guest's root on each type of filesystem. Downloads are made once; an image is made when what it holds has
# changed. For one scenario the images are left out that only others boot.
# Usage: tests/xen-lab/build.sh CACHE [SCENARIO]
set -euo pipefail
exec </dev/null
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=packaging/stamp.sh
. "$here/../../packaging/stamp.sh"
packages=$here/../../out/packages
cache=$1
wanted=${2:-}

suite=bookworm
dom0_packages=xen-utils-4.17,xenstore-utils,open-iscsi,multipath-tools,kmod,udev,iproute2,procps,e2fsprogs,nftables
dom0_packages+=,socat,libatomic1,qemu-system-xen,lvm2,xfsprogs,btrfs-progs,f2fs-tools,jfsutils,reiserfsprogs
domu_packages=e2fsprogs,xenstore-utils
hypervisor=xen-hypervisor-4.17-amd64

# Guest kernel -> the suite that brings it. Dom0 runs 6.1.
declare -A kernel_suites=([5.10]=bullseye [6.1]=$suite [6.12]=$suite-backports)

dom0_modules="virtio_pci virtio_blk virtio_net virtio_rng 9p 9pnet_virtio ext4 loop crc32c_generic sd_mod iscsi_tcp
    dm_multipath dm_service_time xen-blkback xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs nf_tables tun"
dom0_boot_modules="virtio_pci virtio_blk ext4 crc32c_generic"
domu_boot_modules="xen-blkfront ext4 crc32c_generic"

# The types that a guest's root may have; the first is what a guest has unless a scenario says another. All but the ext
# ones are modules that only the larger initramfs has, with those of data filesystems.
root_types=(ext3 xfs btrfs f2fs)
typed_kernel=6.1
typed_modules="$domu_boot_modules xfs btrfs f2fs jfs reiserfs"

say() { echo "build: $*"; }

# The first mirror that this machine itself takes Debian's packages from.
# shellcheck disable=SC2016 # apt replaces $(REPO_URI)
mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(REPO_URI)' "Label: $1" "Created-By: Packages" | head -n 1)
    [ -n "$uri" ] || { echo "build.sh: apt knows no mirror with the label $1; add one to sources.list" >&2; exit 1; }
    echo "$uri"
}

# Unpacks one package of one suite into a folder: unpack SUITE FOLDER PACKAGE, where "kernel" is the suite's kernel.
unpack() {
    local suite=$1 folder=$2 package=$3 apt=$cache/apt/$1
    [ ! -e "$folder/.complete" ] || return 0
    mkdir -p "$apt"/{state/lists/partial,archives/partial}
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror Debian) $suite main" >"$apt/sources"
    local options=(-o Dir::State="$apt/state" -o Dir::State::status=/dev/null -o Dir::Cache="$apt"
        -o Dir::Etc::SourceList="$apt/sources" -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Languages=none)
    apt-get "${options[@]}" update -q
    if [ "$package" = kernel ]; then
        package=$(apt-cache "${options[@]}" depends linux-image-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
    fi
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$apt/archives" && rm -f ./*.deb && apt-get "${options[@]}" download -q "$package" && dpkg-deb -x ./*.deb "$folder")
    touch "$folder/.complete"
}

# The tree of a minimal Debian: bootstrap NAME PACKAGES
bootstrap() {
    local tree=$cache/$1
    [ "$(cat "$tree/.packages" 2>/dev/null)" != "$2" ] || return 0
    rm -rf "$tree"
    debootstrap --variant=minbase --include="$2" "$suite" "$tree" "$(mirror Debian)" >"$cache/$1.log" 2>&1 \
        || { tail -n 20 "$cache/$1.log" >&2; return 1; }
    rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,locale}
    echo "$2" >"$tree/.packages"
}

kernel_version() { basename "$cache/kernel-$1"/lib/modules/*; }

# Copies modules with all that they need, decompressed: install_modules KERNEL FOLDER MODULE...
install_modules() {
    local source=$cache/kernel-$1 folder=$2 version name file
    version=$(kernel_version "$1")
    shift 2
    for name in "$@"; do
        modprobe -d "$source" -S "$version" --show-depends "$name"
    done | sed -n 's/^insmod //p' | tr -d ' ' | sort -u | while read -r file; do
        install -D -m 644 "$file" "$folder/lib/modules/$version/${file#*/lib/modules/*/}"
    done
    find "$folder/lib/modules/$version" -name '*.xz' -exec xz -d {} +
    cp "$source/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$folder/lib/modules/$version/"
    depmod -b "$folder" "$version"
}

# Installs one of the packages that are tested, as dpkg does in an image that does not run: install_package NAME TREE
install_package() {
    cp "$packages/$1"_*.deb "$2/package.deb"
    chroot "$2" dpkg --install /package.deb >"$cache/$1.log" 2>&1 || { tail -n 20 "$cache/$1.log" >&2; return 1; }
    rm "$2/package.deb"
}

# An initramfs: init, busybox, modules, and programs of a tree with their libraries.
# make_initramfs OUTPUT KERNEL INIT MODULES TREE PROGRAM...
make_initramfs() {
    local output=$1 kernel=$2 init=$3 modules=$4 tree=$5 folder=$work/initramfs file
    shift 5
    rm -rf "$folder"
    mkdir -p "$folder"/{bin,dev,proc,sys,run,root}
    install -m 755 "$(command -v busybox)" "$folder/bin/busybox"
    install -m 755 "$init" "$folder/init"
    # shellcheck disable=SC2086 # one word per module
    install_modules "$kernel" "$folder" $modules
    for file in "$@" $([ $# -eq 0 ] || chroot "$tree" ldd "$@" | grep -o '/[^ ]*'); do
        install -D "$tree$file" "$folder$file"
    done
    (cd "$folder" && find . | cpio --quiet -o -H newc) >"$output"
}

# The kernel inside a bzImage, as ELF: extract_kernel BZIMAGE OUTPUT. libxc would unpack it itself, in Dom0, at every
# creation of a guest: under emulation that is most of the time a restart takes. The offsets are those of Linux's
# Documentation/arch/x86/boot.rst (setup_sects, payload_offset, payload_length); four bytes of size follow the payload.
extract_kernel() {
    local sectors offset length unpack
    sectors=$(number_at "$1" 0x1f1 1)
    offset=$(((sectors + 1) * 512 + $(number_at "$1" 0x248 4)))
    length=$(($(number_at "$1" 0x24c 4) - 4))
    case $(number_at "$1" "$offset" 4) in
    1484404733) unpack=xz ;;   # fd 37 7a 58
    4247762216) unpack=zstd ;; # 28 b5 2f fd
    *) echo "build.sh: $1 is packed in a way that is neither xz nor zstd" >&2; return 1 ;;
    esac
    dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none | "$unpack" -dc >"$2"
}

# number_at FILE OFFSET BYTES, little-endian
number_at() { od -An -t "u$3" -j "$(($2))" -N "$3" "$1" | tr -d ' '; }

# A filesystem with a tree in it, made without mounting it: image TYPE TREE NAME SIZE. Those that this machine may have no
# program for are made by Dom0's.
image() {
    local type=$1 tree=$2 file=$cache/$3.img.new
    rm -f "$file"
    truncate -s "$4" "$file"
    case $type in
    ext*) mke2fs -q -t "$type" -E root_owner=0:0 -d "$tree" "$file" ;;
    xfs)
        xfs_prototype "$tree" >"$work/prototype"
        in_dom0_tree "$tree" mkfs.xfs -q -p /run/work/prototype /run/image
        ;;
    btrfs)
        in_dom0_tree "$tree" mkfs.btrfs -q --rootdir /run/tree /run/image 2>"$work/mkfs.log" \
            || { cat "$work/mkfs.log" >&2; return 1; }
        ;;
    f2fs)
        in_dom0_tree "$tree" mkfs.f2fs -q /run/image >/dev/null
        in_dom0_tree "$tree" sload.f2fs -P -f /run/tree /run/image >/dev/null
        ;;
    esac
    mv "$file" "${file%.new}"
}

# Runs a program of Dom0's tree on $file, which it finds as /run/image: in_dom0_tree TREE COMMAND...
in_dom0_tree() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount sh -euc '
        mount --bind /proc "$1/proc"
        mount -t tmpfs run "$1/run"
        mkdir "$1/run/tree" "$1/run/work"
        : >"$1/run/image"
        mount --bind "$2" "$1/run/tree"
        mount --bind "$3" "$1/run/work"
        mount --bind "$4" "$1/run/image"
        dom0=$1
        shift 4
        exec chroot "$dom0" "$@"' sh "$cache/dom0" "$1" "$work" "$file" "${@:2}"
}

# A tree as mkfs.xfs reads it (its -p): two lines about the filesystem, then every entry with its mode and owner, a "$"
# behind the last of a folder. Device nodes are left out: a guest's /dev is the kernel's.
xfs_prototype() {
    printf '%s\n' / '0 0'
    # What is in a folder must follow it at once: the end of a name sorts first, then "/", then everything else.
    (cd "$1" && find . -mindepth 1 \( -type f -o -type l -o -type d \) -printf '%P\t%y\t%m\t%U\t%G\t%l\n') \
        | tr '\t/' '\001\002' | LC_ALL=C sort | tr '\001\002' '\t/' \
        | awk -F '\t' '
        function mode(type, bits) {
            bits = sprintf("%04d", bits)
            return type (bits ~ /^[4567]/ ? "u" : "-") (bits ~ /^[2367]/ ? "g" : "-") substr(bits, 2)
        }
        BEGIN { print "d--755 0 0" }
        {
            count = split($1, parts, "/")
            if ($1 ~ / /) { print "build.sh: mkfs.xfs takes no name with a space: " $1 >"/dev/stderr"; exit 1 }
            # Folders of the last entry that this one is not in are at their end.
            folder = substr($1, 1, length($1) - length(parts[count]))
            while (depth > 0 && index(folder, open[depth]) != 1) { print "$"; depth-- }
            if ($2 == "d") { print parts[count], mode("d", $3), $4, $5; open[++depth] = $1 "/" }
            else if ($2 == "l") print parts[count], mode("l", 777), $4, $5, $6
            else print parts[count], mode("-", $3), $4, $5, "/run/tree/" $1
        }
        END { while (depth-- > 0) print "$"; print "$" }'
}

prepare_dom0() {
    local tree=$work/dom0
    cp -a "$cache/dom0" "$tree"
    # shellcheck disable=SC2086 # one word per module
    install_modules 6.1 "$tree" $dom0_modules
    mkdir -p "$tree"/{lab,share,boot/guests}
    install_package host-bridge "$tree"
    cp "$here"/dom0/* "$tree/lab/"
    chmod 755 "$tree"/lab/*
    for kernel in "${!kernel_suites[@]}"; do
        extract_kernel "$cache/kernel-$kernel"/boot/vmlinuz-* "$tree/boot/guests/vmlinux-$kernel"
        make_initramfs "$tree/boot/guests/initramfs-$kernel" "$kernel" "$here/domu/initramfs-init" \
            "$domu_boot_modules" "$cache/domu" /usr/sbin/e2fsck
    done
    make_initramfs "$tree/boot/guests/initramfs-$typed_kernel-typed" $typed_kernel "$here/domu/initramfs-init" \
        "$typed_modules" "$cache/domu" /usr/sbin/e2fsck
    image ext4 "$tree" dom0 1700M
    make_initramfs "$work/dom0-initramfs" 6.1 "$here/dom0/initramfs-init" "$dom0_boot_modules" "$tree"
    mv "$work/dom0-initramfs" "$cache/"
}

# The image of a guest's root, copied to the LUN at each run: prepare_domu TYPE
prepare_domu() {
    local type=$1 tree=$work/domu check=0
    if [ ! -d "$tree" ]; then
        cp -a "$cache/domu" "$tree"
        mkdir -p "$tree"/{lab,srv,data}
        install_package guest-agent "$tree"
        install -m 755 "$here"/domu/{init,poweroff} "$tree/lab/"
        ln -sfn /lab/poweroff "$tree/sbin/poweroff"
        ln -sfn /lab/poweroff "$tree/sbin/reboot"
        rm -rf "${tree:?}"/dev/*
    fi
    case $type in ext*) check=1 ;; esac
    printf '%s\n' "/dev/xvda / $type defaults 0 $check" '/dev/xvdb /data ext4 defaults,nofail 0 2' >"$tree/etc/fstab"
    image "$type" "$tree" "domu-$type" 800M
}

# A lab that runs keeps what it began with: nothing that is booted is written in place.
prepare_boot() {
    gunzip -c "$cache"/xen/boot/xen-*.gz >"$work/hypervisor"
    cp "$cache"/kernel-6.1/boot/vmlinuz-* "$work/dom0-vmlinuz"
    mv "$work"/{hypervisor,dom0-vmlinuz} "$cache/"
}

# Makes a file of the cache unless it is there, as it was made from these inputs: make_file NAME INPUTS COMMAND...
# Images are told by what the filesystem says of them: to read them would take longer than to make them.
make_file() {
    local file=$cache/$1 inputs=$2
    shift 2
    ! is_current "$file.made" "$inputs $(state_of "$file")" || return 0
    say "making ${file##*/}"
    rm -f "$file.made"
    "$@"
    set_current "$file.made" "$inputs $(state_of "$file")"
}

# Whether what is built is for the scenarios of a letter, or for all.
is_for() { [ -z "$wanted" ] || [ "${wanted%%-*}" = "$1" ]; }

state_of() { stat -c '%i %s %Y' "$1" 2>/dev/null; }

# A hash of what an image is made from, beside what this script says itself: image_inputs TREE PATH...
image_inputs() {
    { content_hash "${BASH_SOURCE[0]}" "${@:2}" "$(command -v busybox)"; cat "$cache/$1/.packages"
        stat -c %Y "$cache/$1/.packages"; ls -d "$cache"/kernel-*/lib/modules/*; } | sha256sum
}

for program in guest-agent host-bridge; do
    ls "$packages/$program"_*.deb >/dev/null 2>&1 || { echo "build.sh: there is no package of $program; run make deb" >&2; exit 1; }
done
mkdir -p "$cache"
exec {building}>"$cache/lock"
flock --nonblock "$building" || { say "waits for another build in $cache"; flock "$building"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say "downloading into $cache what is not there yet"
bootstrap dom0 "$dom0_packages" &
dom0=$!
bootstrap domu "$domu_packages" &
domu=$!
unpack $suite "$cache/xen" $hypervisor
for kernel in "${!kernel_suites[@]}"; do
    unpack "${kernel_suites[$kernel]}" "$cache/kernel-$kernel" kernel
    [ -e "$cache/kernel-$kernel/.depmod" ] || depmod -b "$cache/kernel-$kernel" "$(kernel_version "$kernel")"
    touch "$cache/kernel-$kernel/.depmod"
done
wait "$dom0"
wait "$domu"

make_file hypervisor "$(ls "$cache"/{xen,kernel-6.1}/boot)" prepare_boot
make_file dom0.img "$(image_inputs dom0 "$packages"/host-bridge_*.deb "$here"/dom0 "$here"/domu/initramfs-init)" prepare_dom0
domu_inputs=$(image_inputs domu "$packages"/guest-agent_*.deb "$here"/domu/{init,poweroff})
make_file "domu-${root_types[0]}.img" "$domu_inputs" prepare_domu "${root_types[0]}"
if is_for L; then
    for type in "${root_types[@]:1}"; do
        make_file "domu-$type.img" "$domu_inputs" prepare_domu "$type"
    done
fi
! is_for P || make_file selinux.img "$(content_hash "$here"/selinux-image.sh "$here"/domu/selinux-* "$packages"/guest-agent_*.deb \
    "$cache"/kernel-6.1/.complete)" "$here/selinux-image.sh" "$cache" "$packages"/guest-agent_*.deb "$cache/kernel-6.1" "$cache"
say "done: guest kernels $(for kernel in "${!kernel_suites[@]}"; do kernel_version "$kernel"; done | sort -V | xargs)"
