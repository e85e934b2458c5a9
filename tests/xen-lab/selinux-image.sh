#!/usr/bin/env bash
# Makes the guest with SELinux enforcing: Debian with systemd, selinux-policy-default and our package, a real initramfs of
# initramfs-tools, and the labels of the policy on each file. Usage: selinux-image.sh CACHE PACKAGE KERNEL-FOLDER OUTPUT
# CACHE keeps the tree of Debian; PACKAGE is guest-agent's .deb; KERNEL-FOLDER an unpacked kernel package, whose
# modules are taken; OUTPUT gets selinux.img and selinux-initrd.img.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$1 package=$2 kernel=$3 output=$4
suite=bookworm
packages=systemd,systemd-sysv,e2fsprogs,udev,dbus,initramfs-tools,kmod,busybox,selinux-basics,selinux-policy-default
packages+=,policycoreutils,procps,xenstore-utils,util-linux
tree=$cache/selinux

# shellcheck disable=SC2016 # apt replaces $(REPO_URI)
mirror() { apt-get indextargets --format '$(REPO_URI)' "Label: Debian" "Created-By: Packages" | head -n 1; }

if [ "$(cat "$tree/.packages" 2>/dev/null)" != "$packages" ]; then
    rm -rf "$tree"
    debootstrap --variant=minbase --include="$packages" "$suite" "$tree" "$(mirror)" >"$cache/selinux.log" 2>&1 \
        || { tail -n 20 "$cache/selinux.log" >&2; exit 1; }
    rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,locale}
    echo "$packages" >"$tree/.packages"
fi

work=$(mktemp -d "$cache/selinux-work.XXXXXX")
trap 'rm -rf "$work"' EXIT
guest=$work/guest
cp -a "$tree" "$guest"

# What a disk of a guest, or of plain QEMU, needs; ext4 and its checksum.
version=$(basename "$kernel"/lib/modules/*)
mkdir -p "$guest/lib/modules/$version" "$guest/boot"
cp "$kernel/lib/modules/$version"/modules.{builtin,builtin.modinfo,order} "$guest/lib/modules/$version/"
modules="xen-blkfront virtio_pci virtio_blk ext4 crc32c_generic"
for module in $modules; do
    modprobe -d "$kernel" -S "$version" --show-depends "$module"
done | sed -n 's/^insmod //p' | tr -d ' ' | sort -u | while read -r file; do
    install -D -m 644 "$file" "$guest/lib/modules/$version/${file#*/lib/modules/*/}"
done
depmod -b "$guest" "$version"
cp "$kernel/boot/config-$version" "$guest/boot/"
echo 'MODULES=list' >"$guest/etc/initramfs-tools/conf.d/lab"
echo 'COMPRESS=gzip' >>"$guest/etc/initramfs-tools/conf.d/lab"
# shellcheck disable=SC2086 # one word per module
printf '%s\n' $modules >>"$guest/etc/initramfs-tools/modules"

sed -i 's/^SELINUX=.*/SELINUX=enforcing/' "$guest/etc/selinux/config"
# The sixth field of the root is 0: initramfs-tools leaves fsck out, the package's hook puts it in.
printf '%s\n' 'LABEL=selinux / ext4 defaults 0 0' \
    'LABEL=selinux-data /data ext4 defaults,nofail,x-systemd.device-timeout=20 0 2' >"$guest/etc/fstab"
mkdir "$guest/data"
echo selinux >"$guest/etc/hostname"
# Denials then go to the kernel's log, also before a daemon would take them.
ln -sf /dev/null "$guest/etc/systemd/system/auditd.service"
ln -sf /dev/null "$guest/etc/systemd/system/systemd-journald-audit.socket"
ln -sf /dev/null "$guest/etc/systemd/system/getty@.service"
ln -sf /dev/null "$guest/etc/systemd/system/serial-getty@.service"
install -d "$guest/usr/libexec/lab"
install -m 755 "$here/domu/selinux-shell.sh" "$here/domu/selinux-facts.sh" "$guest/usr/libexec/lab/"
cat >"$guest/etc/systemd/system/lab.service" <<'END'
[Unit]
Description=Runs what is typed at the console
After=multi-user.target

[Service]
ExecStart=/usr/libexec/lab/selinux-shell.sh

[Install]
WantedBy=default.target
END
mkdir -p "$guest/etc/systemd/system/default.target.wants"
ln -sf ../lab.service "$guest/etc/systemd/system/default.target.wants/lab.service"

cp "$package" "$guest/package.deb"
chroot "$guest" dpkg --install /package.deb >"$cache/selinux-dpkg.log" 2>&1 \
    || { tail -n 20 "$cache/selinux-dpkg.log" >&2; exit 1; }
rm "$guest/package.deb"
mount -t proc proc "$guest/proc"
trap 'umount "$guest/proc"; rm -rf "$work"' EXIT
chroot "$guest" mkinitramfs -o /boot/initrd "$version"
mv "$guest/boot/initrd" "$output/selinux-initrd.img.new"
# -m: labels also where this machine's own kernel has no SELinux, so that no mount has the option seclabel.
chroot "$guest" setfiles -m -F -e /proc -e /sys -e /dev /etc/selinux/default/contexts/files/file_contexts /
umount "$guest/proc"
trap 'rm -rf "$work"' EXIT
mke2fs -q -t ext4 -L selinux -I 256 -E root_owner=0:0 -d "$guest" "$output/selinux.img.new" 900M
mv "$output/selinux.img.new" "$output/selinux.img"
mv "$output/selinux-initrd.img.new" "$output/selinux-initrd.img"
