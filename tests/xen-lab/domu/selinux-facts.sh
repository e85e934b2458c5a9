#!/bin/sh
# What SELinux makes of guest-agent in this guest, one fact a line: NAME VALUE.
echo "enforce $(getenforce)"
agent=$(systemctl show --value -p MainPID guest-agent.service)
echo "service $(systemctl is-active guest-agent.service) $agent"
for process in $agent $(pgrep -P "$agent"); do
    echo "context $(tr -d '\0' <"/proc/$process/attr/current") $(tr '\0' ' ' <"/proc/$process/cmdline")"
done
# shellcheck disable=SC2012 # find has no option for the context in every version
ls -1dZ /usr/libexec/guest-agent /usr/libexec/guest-agent/* /usr/lib/guest-agent /usr/lib/guest-agent/* \
    /usr/sbin/guest-agent /usr/lib/systemd/system-generators/guest-agent-fsck /run/guest-agent /run/guest-agent/* \
    /run/guest-agent-fsck-hook /.guest-agent-probe /data/.guest-agent-probe /dev/xen/xenbus 2>&1 | sed 's/^/label /'
sed 's/^/mark /' /run/guest-agent-fsck-hook 2>&1
guest-agent status 2>&1 | sed 's/^/status /'
echo "status-exit $(guest-agent status >/dev/null 2>&1; echo $?)"
journalctl -q -o cat -u guest-agent.service | sed 's/^/log /'
journalctl -q -o cat -u 'systemd-fsck*' | sed 's/^/fsck /'
find /run/systemd/generator* -name 'guest-agent.conf' | sed 's/^/forced /'
[ ! -e /run/initramfs/fsck.log ] || sed 's/^/initramfs-fsck /' /run/initramfs/fsck.log
dmesg | grep 'guest-agent:' | sed 's/^/said /'
echo "denials-in-all $(dmesg | grep -c 'avc: *denied')"
dmesg | grep 'avc: *denied' \
    | grep -E 'guest-agent|fsck-is-forced|early-boot|xenbus|systemd_generator_t|xen_device_t' | sed 's/^/denial /'
dmesg | grep 'avc: *denied' | grep -oE 'comm="[^"]*"' | sort | uniq -c | sed 's/^/denied-program /'
