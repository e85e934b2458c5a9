# The packages under a real systemd, in a container of systemd-nspawn. Its stories follow each other.

leader=
# Runs in the container: in_guest COMMAND...
in_guest() {
    nsenter --target "$leader" --mount --pid --uts --ipc env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"
}

# Sends a signal: send -SIGNAL PROCESS
send() { in_guest sh -c "kill $1 $2"; }

property() { in_guest systemctl show --value -p "$2" "$1.service"; }

# Waits for at most 20 s until a command succeeds: until_true COMMAND...
until_true() {
    local tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || fail "in vain waited for: $*"
        sleep 0.2
    done
}

# Boots a Debian and waits for its systemd.
boot() {
    local suite=bookworm tries=0 name
    new_root $suite
    umount "$root/proc"
    truncate -s 64M "$work/guest.img"
    mke2fs -q -t ext4 "$work/guest.img"
    mount -o loop "$work/guest.img" "$root/srv"
    for name in guest-agent host-bridge; do
        mkdir -p "$root/etc/systemd/system/$name.service.d"
    done
    # A container is no guest of Xen, nor its host.
    printf '[Unit]\nConditionVirtualization=\n' >"$root/etc/systemd/system/guest-agent.service.d/here.conf"
    printf '[Unit]\nConditionPathExists=\n' >"$root/etc/systemd/system/host-bridge.service.d/here.conf"
    # What nspawn leaves in /run goes with this namespace.
    mount -t tmpfs run /run
    systemd-nspawn --quiet --directory "$root" --boot --register=no --keep-unit --private-network --link-journal=no \
        --capability=all --console=pipe </dev/null >"$work/console" 2>&1 &
    nspawn=$!
    until leader=$(pgrep -P "$(pgrep -P $nspawn | head -n 1)" 2>/dev/null || pgrep -P $nspawn) && [ -n "$leader" ] \
        && leader=${leader%%$'\n'*} \
        && [[ $(in_guest systemctl is-system-running 2>/dev/null) =~ ^(running|degraded)$ ]]; do
        tries=$((tries + 1))
        [ $tries -lt 150 ] && kill -0 $nspawn 2>/dev/null || return 1
        sleep 0.2
    done
}

installing_starts_both() {
    local name
    in_guest dpkg -i "/packages/guest-agent_$version-1_amd64.deb" "/packages/host-bridge_$version-1_amd64.deb"
    for name in guest-agent host-bridge; do
        until_true in_guest systemctl is-active --quiet $name.service
        [ "$(property $name UnitFileState)" = enabled ] || fail "$name is not enabled"
    done
    in_guest journalctl -q -o cat -u host-bridge.service | grep -qi 'mode observe' || fail "the bridge does not observe"
    ! in_guest journalctl -q -o cat -u host-bridge.service | grep incidents.db || fail "it cannot record"
    ! in_guest journalctl -q -o cat -b | grep -E "(guest-agent|host-bridge).service:.*(Unknown|Failed to parse)" \
        || fail "systemd does not understand a unit"
}

the_agent_has_no_mount_namespace() {
    local pid
    pid=$(property guest-agent MainPID)
    [ "$(in_guest readlink "/proc/$pid/ns/mnt")" = "$(in_guest readlink /proc/1/ns/mnt)" ] || fail "it has one of its own"
}

the_agent_is_confined_and_locked() {
    local pid status
    pid=$(property guest-agent MainPID)
    status=$(in_guest cat "/proc/$pid/status")
    grep -q '^Seccomp:\s*2$' <<<"$status" || fail "it is not confined"
    # With it SELinux would keep the agent in systemd's own domain on RHEL 7.
    grep -q '^NoNewPrivs:\s*0$' <<<"$status" || fail "no_new_privs is set: $status"
    [ "$(in_guest readlink "/proc/$pid/exe")" = /usr/libexec/guest-agent/guest-agent ] || fail "it runs from elsewhere"
    [ "$(awk '/^VmLck:/ { print $2 }' <<<"$status")" -gt 1000 ] || fail "its memory is not locked"
    in_guest grep -q '^Max core file size *0 ' "/proc/$pid/limits" || fail "it may dump core"
    # Not every machine lets its root protect a process; systemd then goes on without.
    if sh -c 'echo -900 >/proc/self/oom_score_adj' 2>/dev/null; then
        grep -qx -- -900 <<<"$(in_guest cat "/proc/$pid/oom_score_adj")" || fail "it is not kept from the OOM killer"
    fi
}

the_agent_probes_under_its_confinement() {
    in_guest guest-agent probe /srv
    in_guest guest-agent status | grep -q '/srv.*writable' || fail "/srv is not found writable"
    in_guest test -e /srv/.guest-agent-probe || fail "nothing was written"
}

without_a_xenstore_the_agent_keeps_judging() {
    in_guest test ! -e /dev/xen/xenbus || skip "there is a xenstore device"
    in_guest journalctl -q -o cat -u guest-agent.service | grep -qi xenstore || fail "it does not say so"
    [ "$(property guest-agent NRestarts)" = 0 ] || fail "it was started again"
}

both_take_a_reload() {
    local name before
    for name in guest-agent host-bridge; do
        before=$(property $name MainPID)
        in_guest systemctl reload $name.service
        [ "$(property $name MainPID)" = "$before" ] || fail "$name was started anew"
        in_guest systemctl is-active --quiet $name.service || fail "$name ended"
    done
}

a_killed_agent_comes_back() {
    local before
    before=$(property guest-agent MainPID)
    send -9 "$before"
    came_back() { [ "$(property guest-agent MainPID)" -gt "$before" ] && in_guest systemctl is-active -q guest-agent; }
    until_true came_back
}

# A mistake in a configuration file: one line, exit code 64, no second start.
# a_damaged_configuration_is_said_once PROGRAM DAMAGE WHAT THE LINE NAMES
a_damaged_configuration_is_said_once() {
    local name=$1 file=/etc/$1/$1.conf ended lines
    in_guest cp "$file" /tmp/kept
    in_guest systemctl reset-failed "$name.service"
    in_guest sh -c "printf '%b' '$2' >>$file"
    in_guest systemctl restart "$name.service" || true
    in_guest cp /tmp/kept "$file"
    # Longer than the unit waits before it starts a service again.
    sleep 7
    ended="$(property "$name" ActiveState) $(property "$name" ExecMainStatus) $(property "$name" NRestarts)"
    lines=$(in_guest journalctl -q -o cat _TRANSPORT=stdout \
        "_SYSTEMD_INVOCATION_ID=$(property "$name" InvocationID)")
    in_guest systemctl restart "$name.service"
    [ "$ended" = "failed 64 0" ] || fail "state, exit code, number of restarts: $ended"
    [ "$(wc -l <<<"$lines")" -eq 1 ] && grep -qE "^$name: .*$3" <<<"$lines" || fail "it said: $lines"
}

an_upgrade_ends_nothing_that_the_bridge_began() {
    local group before agent
    before=$(property host-bridge MainPID) agent=$(property guest-agent MainPID)
    group=$(in_guest sed -n 's/^1:name=systemd:\(.*\)/\1/p; s/^0::\(.*\)/\1/p' "/proc/$before/cgroup" | head -n 1)
    # What a monitor of xl or an e2fsck is where systemd-run is missing: a session of its own in the same group.
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_guest sh -c 'setsid sleep 300 & echo $! >/tmp/begun'
    in_guest sh -c "cat /tmp/begun >\"\$(find /sys/fs/cgroup -path '*host-bridge.service/cgroup.procs' | head -n 1)\""
    in_guest grep -q host-bridge.service "/proc/$(in_guest cat /tmp/begun)/cgroup" || fail "not in the group $group"
    in_guest dpkg -i "/packages/next/guest-agent_$version-2_amd64.deb" "/packages/next/host-bridge_$version-2_amd64.deb"
    until_true in_guest systemctl is-active --quiet host-bridge.service guest-agent.service
    [ "$(property host-bridge MainPID)" != "$before" ] || fail "the bridge was not restarted"
    [ "$(property guest-agent MainPID)" != "$agent" ] || fail "the agent was not restarted"
    send -0 "$(in_guest cat /tmp/begun)" || fail "the upgrade ended it"
}

# An agent of the layout of 0.1.0 runs, by its unit or by its init script, when it is upgraded.
an_upgrade_replaces_an_agent_of_the_old_layout() {
    local agent
    in_guest dpkg -P guest-agent
    in_guest dpkg -i "/packages/old/guest-agent_$version-0_amd64.deb"
    runs_old() { [ "$(in_guest readlink "/proc/$(property guest-agent MainPID)/exe")" = /usr/lib/guest-agent/guest-agent ]; }
    until_true runs_old
    in_guest cp /etc/init.d/guest-agent /root/old-init
    in_guest dpkg -i "/packages/guest-agent_$version-1_amd64.deb"
    runs_new() { [ "$(in_guest readlink "/proc/$(property guest-agent MainPID)/exe")" = /usr/libexec/guest-agent/guest-agent ]; }
    until_true runs_new
    in_guest guest-agent status | grep -q writable || fail "it judges nothing"
}

an_init_script_stops_an_agent_of_the_old_layout() {
    local agent
    in_guest systemctl stop guest-agent.service
    in_guest mkdir -p /root/init
    in_guest cp /etc/init.d/guest-agent /root/init/
    in_guest sed -i 's:^\[ ! -r /lib/lsb.*::; s:^    if \[ ! -e /sys/hypervisor.*:    if false; then:' /root/init/guest-agent
    # Started from the old path, which the package keeps as a link: its command line is that of 0.1.0.
    in_guest sh -c 'mkdir -p /run/guest-agent; /usr/lib/guest-agent/guest-agent >/dev/null 2>&1 & echo $! >/run/guest-agent/agent.pid'
    agent=$(in_guest cat /run/guest-agent/agent.pid)
    until_true in_guest /root/init/guest-agent status
    in_guest /root/init/guest-agent stop
    ! send -0 "$agent" 2>/dev/null || fail "it still runs"
    in_guest systemctl start guest-agent.service
}

removing_leaves_nothing_running() {
    in_guest systemctl is-active --quiet guest-agent.service host-bridge.service || fail "they did not run before"
    in_guest sh -c 'kill "$(cat /tmp/begun)"' || true
    in_guest dpkg -r guest-agent host-bridge
    ! in_guest sh -c "ls -l /proc/[0-9]*/exe 2>/dev/null | grep -E 'guest-agent|host-bridge'" || fail "something still runs"
    in_guest dpkg -P guest-agent host-bridge
    in_guest test ! -e /srv/.guest-agent-probe || fail "the file of the probe is left"
}

the_rpms_start_and_stop_too() {
    rpm --version >/dev/null
    # From outside into the running tree; the scriptlets see its systemd.
    rpm2cpio "$packages/guest-agent-$version-1.x86_64.rpm" | (cd "/proc/$leader/root" && cpio -idm --quiet)
    rpm -qp --scripts "$packages/guest-agent-$version-1.x86_64.rpm" \
        | awk '/^postinstall scriptlet/ { on = 1; next } / scriptlet / { on = 0 } on' >"/proc/$leader/root/root/post"
    in_guest sh -e /root/post 1
    until_true in_guest systemctl is-active --quiet guest-agent.service
    rpm -qp --scripts "$packages/guest-agent-$version-1.x86_64.rpm" \
        | awk '/^preuninstall scriptlet/ { on = 1; next } / scriptlet / { on = 0 } on' >"/proc/$leader/root/root/preun"
    in_guest sh -e /root/preun 0
    ! in_guest systemctl is-active --quiet guest-agent.service || fail "it still runs"
}

the_init_script_keeps_the_agent() {
    # Without the redirection to systemd, as on a system that has none.
    local agent
    in_guest mkdir -p /root/init
    in_guest cp /etc/init.d/guest-agent /root/init/
    in_guest sed -i 's:^\[ ! -r /lib/lsb.*::; s:^    if \[ ! -e /sys/hypervisor.*:    if false; then:' /root/init/guest-agent
    in_guest /root/init/guest-agent start
    until_true in_guest /root/init/guest-agent status
    agent=$(in_guest cat /run/guest-agent/agent.pid)
    send -9 "$agent"
    again() { in_guest /root/init/guest-agent status && [ "$(in_guest cat /run/guest-agent/agent.pid)" != "$agent" ]; }
    until_true again
    in_guest /root/init/guest-agent stop
    ! in_guest /root/init/guest-agent status || fail "it still runs"
    ! in_guest sh -c "ls -l /proc/[0-9]*/exe 2>/dev/null | grep guest-agent" || fail "something still runs"
}

if boot; then
    story "Under systemd, installing starts both services; the bridge observes" installing_starts_both
    story "The agent's mount namespace is that of process 1" the_agent_has_no_mount_namespace
    story "The agent is confined, its memory is locked, it dumps no core" the_agent_is_confined_and_locked
    story "The agent probes a filesystem under its confinement" the_agent_probes_under_its_confinement
    story "Without a xenstore device the agent keeps judging" without_a_xenstore_the_agent_keeps_judging
    story "An agent that is killed comes back" a_killed_agent_comes_back
    story "Both services take a reload" both_take_a_reload
    story "A setting that is not known is said once" \
        a_damaged_configuration_is_said_once guest-agent 'no-such-name = 1\n' no-such-name
    story "A value that is not allowed is said once" \
        a_damaged_configuration_is_said_once guest-agent 'root-interval = often\n' root-interval
    story "A configuration file that was damaged is said once" \
        a_damaged_configuration_is_said_once guest-agent '\0\0\377\376\n' guest-agent.conf
    story "A wrong value of the bridge is said once" \
        a_damaged_configuration_is_said_once host-bridge 'stable-seconds = -1\n' host-bridge.conf
    story "An upgrade restarts both and ends nothing that the bridge began" an_upgrade_ends_nothing_that_the_bridge_began
    story "An upgrade replaces a running agent of 0.1.0's layout" an_upgrade_replaces_an_agent_of_the_old_layout
    story "The init script stops an agent that was started from its old path" \
        an_init_script_stops_an_agent_of_the_old_layout
    story "Removing leaves nothing running, purging no file" removing_leaves_nothing_running
    story "The scriptlets of the RPM start and stop the agent" the_rpms_start_and_stop_too
    story "The init script keeps the agent running, and stops it" the_init_script_keeps_the_agent
    in_guest systemctl poweroff || true
    wait "$nspawn" || true
    # Control groups are the machine's, no namespace's; nspawn leaves the empty ones of its payload.
    find /sys/fs/cgroup -depth -type d -path '*/payload*' -exec rmdir {} \; 2>/dev/null || true
else
    story "Under systemd" skip "systemd-nspawn boots nothing here: $(tail -n 1 "$work/console" 2>/dev/null)"
    kill "$nspawn" 2>/dev/null || true
fi
