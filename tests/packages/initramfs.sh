# The hooks that force a check at boot: the reader of control/guest-agent/fsck, and the initramfs it is put into.

asker=$PWD/packaging/guest-agent/usr/libexec/guest-agent/fsck-is-forced
kernel=6.1.0-none

# READ of control/guest-agent/fsck as PROTOCOL.md has it: type 2, request id "fsck", transaction 0, length 25.
printf '\2\0\0\0fsck\0\0\0\0\31\0\0\0control/guest-agent/fsck\0' >"$work/request"
# The answers of a xenstore: type, request id, transaction, length, value.
printf '\2\0\0\0fsck\0\0\0\0\5\0\0\0force' >"$work/answer-force"
printf '\2\0\0\0fsck\0\0\0\0\2\0\0\0no' >"$work/answer-no"
printf '\20\0\0\0fsck\0\0\0\0\7\0\0\0ENOENT\0' >"$work/answer-ENOENT"
printf '\2\0\0\0cksf\0\0\0\0\5\0\0\0force' >"$work/answer-other-request"
printf 'force force force\n' >"$work/answer-garbage"
: >"$work/answer-nothing"

# A device that takes the request and gives one of these answers; sets device: new_device ANSWER
new_device() {
    local folder tries=0
    folder=$(mktemp -d "$work/device.XXXXXX")
    cat >"$folder/xenstore" <<END
#!/bin/sh
head -c $(stat -c %s "$work/request") | cmp - "$work/request" || exit
cat "$work/answer-$1"
sleep 9
END
    chmod +x "$folder/xenstore"
    socat "PTY,link=$folder/device,raw,echo=0" EXEC:"$folder/xenstore" 2>"$folder/socat" &
    until [ -e "$folder/device" ]; do
        tries=$((tries + 1))
        [ $tries -lt 500 ] || fail "socat made no device: $(cat "$folder/socat")"
        sleep 0.02
    done
    device=$(readlink -f "$folder/device")
}

the_answer_decides() {
    local answer=$1 expected=$2 shell code
    for shell in dash bash "busybox sh"; do
        new_device "$answer"
        code=0
        # shellcheck disable=SC2086 # "busybox sh" are two words
        timeout 9 $shell "$asker" "$device" || code=$?
        [ "$code" -eq "$expected" ] || fail "$shell: exit code $code with the answer \"$answer\""
    done
}

no_device_is_no() {
    local code=0
    "$asker" "$work/no-such-device" || code=$?
    [ "$code" -eq 1 ] || fail "exit code $code"
}

# A root with the package and a device that answers: new_guest_root ANSWER
new_guest_root() {
    new_root bookworm
    in_root dpkg -i "/packages/guest-agent_$version-1_amd64.deb"
    mkdir -p "$root/lib/modules/$kernel" "$root/boot"
    touch "$root/lib/modules/$kernel"/modules.{order,builtin,builtin.modinfo}
    in_root depmod "$kernel"
    mount -t tmpfs dev "$root/dev"
    touch "$root"/dev/{null,zero}
    mount --bind /dev/null "$root/dev/null"
    mount --bind /dev/zero "$root/dev/zero"
    give_device "$root" "$1"
}

# Binds a device that answers to a tree: give_device TREE ANSWER
give_device() {
    new_device "$2"
    mkdir -p "$1/dev/xen"
    : >>"$1/dev/xen/xenbus"
    mount --bind "$device" "$1/dev/xen/xenbus"
}

an_initramfs_of_initramfs_tools_asks() {
    local tree=$work/initramfs
    new_guest_root force
    echo 'MODULES=list' >"$root/etc/initramfs-tools/conf.d/test"
    # It asks the kernel's configuration whether the kernel can unpack what it makes.
    echo 'CONFIG_RD_GZIP=y' >"$root/boot/config-$kernel"
    in_root mkinitramfs -o "/boot/initrd.img-$kernel" "$kernel"
    rm -rf "$tree"
    mkdir -p "$tree"
    in_root unmkinitramfs "/boot/initrd.img-$kernel" /tmp/unpacked
    mount --bind "$root/tmp/unpacked" "$tree"
    [ ! -d "$tree/main" ] || mount --bind "$tree/main" "$tree"
    grep -q '/scripts/local-premount/guest-agent' "$tree/scripts/local-premount/ORDER" || fail "it is not called"
    mkdir -p "$tree/conf" "$tree/dev"
    give_device "$tree" force
    : >"$tree/dev/null"
    mount --bind /dev/null "$tree/dev/null"
    # As run_scripts of init does, by the shell and tools that the initramfs has.
    chroot "$tree" /bin/sh -c '. /scripts/functions; run_scripts /scripts/local-premount; echo "forcefsck=$forcefsck"' \
        >"$work/premount"
    grep -qx forcefsck=y "$work/premount" || fail "the check is not forced: $(cat "$work/premount")"
}

an_initramfs_of_dracut_asks() {
    local part
    new_guest_root force
    in_root dracut --force --no-kernel --kver "$kernel" --no-hostonly --modules "$1 guest-agent" /boot/dracut.img
    mkdir "$root/tmp/unpacked"
    in_root sh -c 'cd /tmp/unpacked && lsinitrd --unpack /boot/dracut.img >/dev/null'
    for part in usr/libexec/guest-agent/fsck-is-forced "${@:2}"; do
        [ -n "$(find "$root/tmp/unpacked/" -path "*/$part")" ] || fail "$part is not in it"
    done
}

the_generator_forces_the_checks_of_systemd() {
    new_guest_root force
    in_root /lib/systemd/system-generators/guest-agent-fsck /tmp/units /tmp/units /tmp/units
    grep -q 'SYSTEMD_PROC_CMDLINE=.* fsck.mode=force fsck.repair=preen"' \
        "$root/tmp/units/systemd-fsck@.service.d/guest-agent.conf" || fail "nothing is forced"
    umount "$root/dev/xen/xenbus"
    give_device "$root" ENOENT
    in_root /lib/systemd/system-generators/guest-agent-fsck /tmp/none /tmp/none /tmp/none
    [ ! -e "$root/tmp/none" ] || fail "it is forced although the host does not ask for it"
}

story "A host that says force has the check forced" the_answer_decides force 0
for answer in no ENOENT other-request garbage nothing; do
    story "The answer \"$answer\" forces nothing" the_answer_decides $answer 1
done
story "Without a xenstore device nothing is forced" no_device_is_no
story "An initramfs of initramfs-tools asks the host, and forces the check of the root" an_initramfs_of_initramfs_tools_asks
story "An initramfs of dracut with systemd has the generator" \
    an_initramfs_of_dracut_asks "systemd base" usr/lib/systemd/system-generators/guest-agent-fsck
story "An initramfs of dracut without systemd has the hook" \
    an_initramfs_of_dracut_asks base 'usr/lib/dracut/hooks/pre-mount/05-force-fsck.sh'
story "systemd's checks are forced by the generator, when the host asks" the_generator_forces_the_checks_of_systemd
