# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2016 # what machine.sh and steps.sh know, and use; quoted scripts are for Dom0
# A guest with systemd and SELinux enforcing (Debian's selinux-policy-default), whose early boot is asked for a forced
# check: the agent's context, the labels, and no denial of the program, the hook or the generator.
luns=2
facts=/dev/null # until the guest has told them
make_lun() {
    case $1 in
    */lun1.img) cp --sparse=always "$LAB_IMAGES/selinux.img" "$1" ;;
    *)
        truncate -s 64M "$1"
        mke2fs -q -t ext4 -L selinux-data "$1"
        ;;
    esac
}

scenario() {
    echo "expected: the agent runs outside of systemd's domain and reports, both filesystems are checked, nothing is denied"
    facts=$share/facts.txt
    log_in 120
    cp "$LAB_IMAGES/selinux-initrd.img" "$share/"
    # Paused, so that the request is there before the guest's kernel is.
    dom0 "set -e
        cat >/etc/xen/guest.cfg <<END
name=\"guest\"
uuid=\"$guest_uuid\"
type=\"pv\"
kernel=\"/boot/guests/vmlinux-6.1\"
ramdisk=\"/share/selinux-initrd.img\"
extra=\"root=LABEL=selinux ro console=hvc0 loglevel=7 mitigations=off security=selinux selinux=1 enforcing=1 audit=1 \
sysctl.kernel.printk_ratelimit=0 log_buf_len=4M systemd.show_status=1\"
memory=640
vcpus=1
disk=['phy:/dev/sda,xvda,w', 'phy:/dev/sdb,xvdb,w']
END
        : >/var/log/xen/console/guest-guest.log
        (tail -F /var/log/xen/console/guest-guest.log </dev/null 2>/dev/null | stamp >/share/guest-console.log &)
        xl create -p /etc/xen/guest.cfg
        node=/local/domain/\$(xl domid guest)/control/guest-agent/fsck
        xenstore-write \$node force
        xenstore-chmod \$node n0 r\$(xl domid guest)
        xl unpause guest" >>"$share/steps.log" 2>&1 || fail_lab "xl create failed: $(tail -n 3 "$share/steps.log")"
    await 900 guest-console.log 'lab: guest is ready' >/dev/null
    reported=$(await 120 record.log 'data/guest-agent/state ok') || reported=
    guest '(setsid /usr/libexec/lab/selinux-facts.sh >/run/facts.new 2>&1; mv /run/facts.new /run/facts) &'
    for turn in {1..60}; do
        guest 'test -e /run/facts' && break
        sleep 5
    done
    guest 'cat /run/facts' >"$facts"
    dom0 'xenstore-ls -f "/local/domain/$(xl domid guest)/data/guest-agent"' >"$share/xenstore.txt"
    sed 's/^/  /' "$facts" "$share/xenstore.txt"
    dom0 'xl destroy guest'
}

outcome() {
    expect "SELinux enforces" grep -qx 'enforce Enforcing' "$facts"
    expect "the agent runs" grep -q '^service active ' "$facts"
    expect "the agent left systemd's domain" \
        grep -qE '^context [a-z_]*:system_r:(initrc|unconfined_service)_t:s0 /usr/libexec/guest-agent/guest-agent' "$facts"
    expect "so did its probe process" \
        grep -qE '^context [a-z_]*:system_r:(initrc|unconfined_service)_t:s0 .*probe-process' "$facts"
    expect "the program is labelled as one" grep -qE ':bin_t:s0 +/usr/libexec/guest-agent/guest-agent$' "$facts"
    expect "the early boot asked from an initramfs with fsck and e2fsck" \
        [ "$(grep -cE '^mark (by=initramfs-tools|fsck=yes|e2fsck=yes|forced=yes)' "$facts")" = 4 ]
    expect "the root was checked by force" \
        grep -qE '^initramfs-fsck .*selinux: [0-9]+/[0-9]+ files|^initramfs-fsck .*Pass 1' "$facts"
    expect "so was the data filesystem" grep -qE '^fsck selinux-data: [0-9]+/[0-9]+ files' "$facts"
    expect "guest-agent status says that all is well" grep -qx 'status-exit 0' "$facts"
    expect "the report is in xenstore" [ -n "$reported" ]
    expect "nothing of program, hook or generator was denied" [ "$(grep -c '^denial ' "$facts")" = 0 ]
    expect "and denials would have been seen" grep -qE '^denials-in-all [0-9]' "$facts"
}
