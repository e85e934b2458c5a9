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

# An initramfs of initramfs-tools, made as in an image, unpacked at tree: its init could run there. new_initramfs
new_initramfs() {
    tree=$(mktemp -d "$work/initramfs.XXXXXX")
    echo 'MODULES=list' >"$root/etc/initramfs-tools/conf.d/test"
    # It asks the kernel's configuration whether the kernel can unpack what it makes.
    echo 'CONFIG_RD_GZIP=y' >"$root/boot/config-$kernel"
    in_root mkinitramfs -o "/boot/initrd.img-$kernel" "$kernel"
    in_root unmkinitramfs "/boot/initrd.img-$kernel" /tmp/unpacked
    mount --bind "$root/tmp/unpacked" "$tree"
    [ ! -d "$tree/main" ] || mount --bind "$tree/main" "$tree"
    mkdir -p "$tree"/{conf,dev,run/initramfs,proc}
    mount -t proc proc "$tree/proc"
    : >"$tree/dev/null"
    mount --bind /dev/null "$tree/dev/null"
    a_quietly_broken_disk "$tree/disk"
}

# A filesystem that is marked clean and is not: only a forced check finds that a link count is wrong.
a_quietly_broken_disk() {
    rm -f "$1"
    truncate -s 8M "$1"
    mke2fs -q -t ext4 "$1"
    debugfs -w -R 'set_inode_field /lost+found links_count 7' "$1"
}

is_still_broken() { ! e2fsck -f -n "$1" >/dev/null; }

# Runs the scripts before the mount of the root, and the check, as init does by the shell and tools of the initramfs.
premount_and_check() {
    chroot "$tree" /bin/sh -c '. /scripts/functions; quiet=n fastboot=n forcefsck=n fsckfix= debug= ; export fastboot forcefsck
        run_scripts /scripts/local-premount; echo "forcefsck=$forcefsck fastboot=$fastboot"
        checkfs /disk root ext4' >"$work/premount" 2>&1 || fail "$(cat "$work/premount")"
}

marked() { grep -qx "$1" "$2/run/guest-agent-fsck-hook" || fail "no $1: $(cat "$2/run/guest-agent-fsck-hook")"; }

an_initramfs_of_initramfs_tools_asks() {
    new_guest_root force
    new_initramfs
    grep -q '/scripts/local-premount/guest-agent' "$tree/scripts/local-premount/ORDER" || fail "it is not called"
    give_device "$tree" force
    premount_and_check
    grep -qx 'forcefsck=y fastboot=n' "$work/premount" || fail "the check is not forced: $(cat "$work/premount")"
    ! is_still_broken "$tree/disk" || fail "nothing was checked: $(cat "$work/premount")"
    marked "boot=$(cat /proc/sys/kernel/random/boot_id)" "$tree"
    marked fsck=yes "$tree"
    marked e2fsck=yes "$tree"
    marked forced=yes "$tree"
}

# Where initramfs-tools leaves fsck out: the sixth field is 0. a_root_without_a_check FSTAB LINE
a_root_without_a_check_is_checked_when_forced_only() {
    new_guest_root no
    printf '%s\n' "$1" >"$root/etc/fstab"
    new_initramfs
    give_device "$tree" no
    premount_and_check
    is_still_broken "$tree/disk" || fail "it was checked, though nobody asked for it: $(cat "$work/premount")"
    marked forced=no "$tree"
    give_device "$tree" force
    rm -f "$tree/conf/param.conf"
    premount_and_check
    ! is_still_broken "$tree/disk" || fail "nothing was checked: $(cat "$work/premount")"
}

a_root_with_a_check_is_checked_as_before() {
    new_guest_root no
    # As where the type of the root is known: initramfs-tools puts fsck in.
    echo 'FSTYPE=ext4' >>"$root/etc/initramfs-tools/initramfs.conf"
    new_initramfs
    give_device "$tree" no
    premount_and_check
    grep -qx 'forcefsck=n fastboot=n' "$work/premount" || fail "$(cat "$work/premount")"
    grep -q 'clean' "$work/premount" "$tree/run/initramfs/fsck.log" || fail "it was not checked: $(cat "$work/premount")"
}

# Without one of the programs: nothing is promised. an_initramfs_without PROGRAM MARK
an_initramfs_without() {
    new_guest_root force
    new_initramfs
    find "$tree/" -name "$1" \( -type f -o -type l \) -delete
    give_device "$tree" force
    chroot "$tree" /usr/libexec/guest-agent/early-boot initramfs-tools >"$work/premount" 2>&1 \
        && fail "it would force a check: $(cat "$work/premount")"
    grep -q 'which this initramfs cannot make' "$work/premount" || fail "it does not say so: $(cat "$work/premount")"
    marked "$2" "$tree"
}

# dracut_image MODULES [OPTION]...: made and unpacked, at tree.
dracut_image() {
    in_root dracut --force --no-kernel --kver "$kernel" --no-hostonly --modules "$1 fs-lib guest-agent" "${@:2}" \
        /boot/dracut.img
    tree=$root/tmp/unpacked
    mkdir "$tree"
    in_root sh -c 'cd /tmp/unpacked && lsinitrd --unpack /boot/dracut.img >/dev/null'
    mkdir -p "$tree"/{proc,run,dev,tmp,etc}
    mount -t proc proc "$tree/proc"
    : >"$tree/dev/null"
    mount --bind /dev/null "$tree/dev/null"
}

an_initramfs_of_dracut_asks() {
    local part
    new_guest_root force
    dracut_image "$1"
    for part in usr/libexec/guest-agent/fsck-is-forced usr/libexec/guest-agent/early-boot "${@:2}"; do
        [ -n "$(find "$tree/" -path "*/$part")" ] || fail "$part is not in it"
    done
    give_device "$tree" force
    chroot "$tree" /usr/libexec/guest-agent/early-boot systemd yes || fail "it would force no check"
    marked fsck=yes "$tree"
    marked e2fsck=yes "$tree"
}

dracut_without_fsck_promises_nothing() {
    new_guest_root force
    dracut_image "systemd base" --nofscks
    find "$tree/" -name 'e2fsck*' -o -name 'fsck.ext*' | grep . && fail "--nofscks was not respected"
    give_device "$tree" force
    ! chroot "$tree" /usr/libexec/guest-agent/early-boot systemd yes || fail "it would force a check"
    marked e2fsck=no "$tree"
}

# As dracut's init does it without systemd, with fstab's sixth field still unread; with the fs-lib of this dracut.
dracut_without_systemd_checks_by_itself() {
    local script
    new_guest_root force
    dracut_image base
    a_quietly_broken_disk "$tree/disk"
    give_device "$tree" force
    script=$(cd "$tree" && find usr lib -name 05-force-fsck.sh | head -n 1)
    chroot "$tree" /bin/sh -c 'NEWROOT=/sysroot root=block:/disk fstype=ext4; . /lib/dracut-lib.sh; . /lib/fs-lib.sh
        label_uuid_to_dev() { echo "$1"; }; det_fs() { echo ext4; }
        . "/$1"' sh "$script" >"$work/premount" 2>&1 </dev/null || true
    ! is_still_broken "$tree/disk" || fail "nothing was checked: $(cat "$work/premount")"
    marked root-exit=1 "$tree"
}

generator=/lib/systemd/system-generators/guest-agent-fsck
in_generator() { in_root "$generator" "$1" "$1" "$1"; }
forced_in() { [ -e "$root$1/systemd-fsck@.service.d/guest-agent.conf" ]; }

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

a_word_that_skips_checks_does_not_win() {
    local words
    new_guest_root force
    echo 'root=/dev/xvda ro fastboot fsck.mode=skip fsck.repair=no a="b%c" fastboot quiet' >"$work/cmdline"
    mount --bind "$work/cmdline" "$root/proc/cmdline"
    in_generator /tmp/units
    words=$(cat "$root/tmp/units/systemd-fsck-root.service.d/guest-agent.conf")
    grep -qF 'ro a=\"b%%c\" quiet fsck.mode=force fsck.repair=preen"' <<<"$words" || fail "$words"
    ! grep -qE 'fastboot|skip' <<<"$words" || fail "$words"
}

# A systemd that would check nothing. systemd_that_checks_nothing COMMAND IN ITS TREE
systemd_that_checks_nothing() {
    new_guest_root force
    (cd "$root" && eval "$1")
    [ ! -s "$work/masking" ] || mount --bind "$work/masking" "$root/proc/cmdline"
    in_generator /tmp/units
    ! forced_in /tmp/units || fail "a check is forced that is not made"
    # In an initramfs the mark says so.
    : >"$root/etc/initrd-release"
    # Written in place: the file is what stands at /proc/cmdline.
    [ ! -s "$work/masking" ] || echo "ro rd.systemd.mask=systemd-fsck@.service quiet" >"$work/masking"
    in_generator /tmp/units
    ! forced_in /tmp/units || fail "a check is forced that is not made"
    marked fsck=no "$root"
    rm -f "$work/masking"
}

what_an_initramfs_was_told_is_not_asked_again() {
    new_guest_root ENOENT
    printf '%s\n' "boot=$(cat /proc/sys/kernel/random/boot_id)" forced=yes >"$root/run/guest-agent-fsck-hook"
    in_generator /tmp/units
    forced_in /tmp/units || fail "nothing is forced"
    printf '%s\n' boot=11111111-2222-4333-8444-555555555555 forced=yes >"$root/run/guest-agent-fsck-hook"
    in_generator /tmp/other
    ! forced_in /tmp/other || fail "the mark of another boot counts"
    umount "$root/dev/xen/xenbus"
    give_device "$root" force
    printf '%s\n' "boot=$(cat /proc/sys/kernel/random/boot_id)" forced=no >"$root/run/guest-agent-fsck-hook"
    in_generator /tmp/no
    ! forced_in /tmp/no || fail "it was asked again"
}

a_reload_of_a_running_system_forces_nothing() {
    new_guest_root force
    mkdir -p "$root/run/guest-agent"
    : >"$root/run/guest-agent/status"
    in_generator /tmp/units
    ! forced_in /tmp/units || fail "a check is forced after the boot"
}


story "A host that says force has the check forced" the_answer_decides force 0
for answer in no ENOENT other-request garbage nothing; do
    story "The answer \"$answer\" forces nothing" the_answer_decides $answer 1
done
story "Without a xenstore device nothing is forced" no_device_is_no
story "An initramfs of initramfs-tools asks the host, and forces the check of the root" an_initramfs_of_initramfs_tools_asks
for line in '/dev/xvda / ext4 defaults 0 0' '# no root' '/dev/nowhere / ext3 defaults 0 1'; do
    story "A root without a check in fstab (\"$line\") is checked when the host forces it, and only then" \
        a_root_without_a_check_is_checked_when_forced_only "$line"
done
story "A root with a check in fstab is checked as before" a_root_with_a_check_is_checked_as_before
for program in fsck logsave; do
    story "An initramfs without $program promises no check" an_initramfs_without $program fsck=no
done
for program in e2fsck 'libext2fs*' fsck.ext3; do
    story "An initramfs without $program promises no check" an_initramfs_without "$program" e2fsck=no
done
story "An initramfs of dracut with systemd has the generator, fsck and e2fsck" \
    an_initramfs_of_dracut_asks "systemd base" usr/lib/systemd/system-generators/guest-agent-fsck
story "An initramfs of dracut without systemd has the hook, fsck and e2fsck" \
    an_initramfs_of_dracut_asks base 'usr/lib/dracut/hooks/pre-mount/05-force-fsck.sh'
story "dracut --nofscks promises no check" dracut_without_fsck_promises_nothing
story "An initramfs of dracut without systemd makes the forced check" dracut_without_systemd_checks_by_itself
story "systemd's checks are forced by the generator, when the host asks" the_generator_forces_the_checks_of_systemd
story "A word on the command line that skips checks does not win" a_word_that_skips_checks_does_not_win
# shellcheck disable=SC2016 # run later
for way in 'rm lib/systemd/systemd-fsck' 'ln -s /dev/null etc/systemd/system/systemd-fsck@.service' \
    'mkdir -p run/systemd/system && : >run/systemd/system/systemd-fsck-root.service' \
    'echo "ro systemd.mask=systemd-fsck@.service quiet" >"$work/masking"'; do
    story "Where systemd checks nothing none is promised: $way" systemd_that_checks_nothing "$way"
done
story "What an initramfs was told is not asked again in that boot" what_an_initramfs_was_told_is_not_asked_again
story "A reload of systemd in a running system forces nothing" a_reload_of_a_running_system_forces_nothing
