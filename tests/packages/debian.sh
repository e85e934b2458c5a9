# The Debian packages in trees that do not run.

a_deb_lives_its_life() {
    local name
    new_root "$1"
    in_root dpkg -i "/packages/guest-agent_$version-1_amd64.deb" "/packages/host-bridge_$version-1_amd64.deb"
    for name in guest-agent host-bridge; do
        [ "$(in_root "$name" --version)" = "$name $version" ] || fail "$name does not run"
        [ -L "$root/$enabled_link/$name.service" ] || fail "$name is not enabled"
        in_root dpkg --verify "$name" | grep -v '/usr/share/\(doc\|man\)' && fail "$name differs from what was packed"
    done
    grep -qx 'mode = observe' "$root/etc/host-bridge/host-bridge.conf" || fail "the bridge would act"
    [ "$(stat -c %a "$root/var/lib/host-bridge")" = 700 ] || fail "the record of incidents is open to others"

    # An edited configuration survives an upgrade, and so does a disabled service.
    echo 'root-interval = 7' >>"$root/$conf"
    in_root systemctl disable host-bridge.service
    in_root dpkg -i "/packages/next/guest-agent_$version-2_amd64.deb" "/packages/next/host-bridge_$version-2_amd64.deb"
    grep -qx 'root-interval = 7' "$root/$conf" || fail "the upgrade changed an edited configuration"
    [ -L "$root/$enabled_link/guest-agent.service" ] || fail "the upgrade disabled the agent"
    [ ! -L "$root/$enabled_link/host-bridge.service" ] || fail "the upgrade enabled what an administrator had disabled"

    touch "$root/.guest-agent-probe" "$root/var/lib/host-bridge/incidents.db"
    in_root dpkg -r guest-agent host-bridge
    [ ! -e "$root/usr/lib/guest-agent" ] && [ -e "$root/$conf" ] || fail "removing left the program, or took its settings"
    [ -e "$root/var/lib/host-bridge/incidents.db" ] || fail "removing took the record of incidents"
    in_root dpkg -P guest-agent host-bridge
    [ ! -e "$root/.guest-agent-probe" ] || fail "purging left the file of the probe"
    [ ! -e "$root/etc/guest-agent" ] && [ ! -e "$root/var/lib/host-bridge" ] || fail "purging left something"
    [ -z "$(find "$root/etc/systemd" "$root"/etc/rc?.d \( -name '*guest-agent*' -o -name '*host-bridge*' \))" ] \
        || fail "purging left links"
}

# From the layout of 0.1.0, with an init script that an administrator changed, which dpkg then keeps.
an_upgrade_moves_the_program() {
    new_root bookworm
    in_root dpkg -i "/packages/old/guest-agent_$version-0_amd64.deb"
    [ "$(in_root readlink -f /usr/sbin/guest-agent)" = /usr/lib/guest-agent/guest-agent ] || fail "that is not the old layout"
    echo '# changed' >>"$root/etc/init.d/guest-agent"
    in_root dpkg -i --force-confold "/packages/guest-agent_$version-1_amd64.deb"
    [ "$(in_root readlink -f /usr/sbin/guest-agent)" = /usr/libexec/guest-agent/guest-agent ] || fail "the program was not moved"
    [ ! -e "$root/usr/lib/guest-agent/libMonoPosixHelper.so" ] || fail "a part of the old program is left"
    grep -qx 'program=/usr/lib/guest-agent/guest-agent' "$root/etc/init.d/guest-agent" || fail "the init script was replaced"
    [ "$(in_root /usr/lib/guest-agent/guest-agent --version)" = "guest-agent $version" ] || fail "a kept init script finds nothing"
    grep -q 'ExecStart=/usr/libexec/' "$root/lib/systemd/system/guest-agent.service" || fail "the unit starts a link"
    in_root dpkg -P guest-agent
    [ ! -e "$root/usr/lib/guest-agent" ] && [ ! -e "$root/usr/libexec/guest-agent" ] || fail "purging left something"
}

probe_files_go_with_a_purge() {
    new_root bookworm
    truncate -s 16M "$work/data.img"
    mke2fs -q -t ext4 "$work/data.img"
    mkdir "$root/srv/with space"
    mount -o loop "$work/data.img" "$root/srv/with space"
    in_root dpkg -i "/packages/guest-agent_$version-1_amd64.deb"
    mkdir "$root/srv/with space/.guest-agent"
    touch "$root/srv/with space/.guest-agent-probe" "$root/srv/with space/.guest-agent/.guest-agent-probe"
    in_root dpkg -P guest-agent
    [ ! -e "$root/srv/with space/.guest-agent-probe" ] || fail "the file of the probe is still there"
    [ ! -e "$root/srv/with space/.guest-agent" ] || fail "the folder of the probe is still there"
}

a_full_disk_ends_an_installation_that_can_be_repeated() {
    new_root bookworm 4m
    ! in_root dpkg -i "/packages/guest-agent_$version-1_amd64.deb" || fail "it fitted"
    [ ! -L "$root/$enabled_link/guest-agent.service" ] || fail "half a package is enabled"
    mount -o remount,size=512m "$(dirname "$root")"
    in_root dpkg -i "/packages/guest-agent_$version-1_amd64.deb"
    [ "$(in_root guest-agent --version)" = "guest-agent $version" ] || fail "it does not run"
}

a_deb_without_systemd_uses_the_init_script() {
    new_root bookworm
    rm -f "$root"/usr/bin/systemctl "$root"/bin/systemctl
    in_root dpkg -i "/packages/guest-agent_$version-1_amd64.deb"
    ls "$root"/etc/rc2.d/S??guest-agent || fail "no link in rc2.d"
    in_root dpkg -P guest-agent
}

lintian_finds_no_error() {
    lintian --allow-root --no-tag-display-limit --fail-on error,warning "$packages"/*.deb || fail "see above"
}

for suite in bullseye bookworm; do
    story "The Debian packages are installed, upgraded, removed and purged on $suite" a_deb_lives_its_life $suite
done
story "An upgrade from 0.1.0 moves the program, and what names its old path still works" an_upgrade_moves_the_program
story "Purging removes the probe's file from every mounted filesystem" probe_files_go_with_a_purge
story "A disk that is full ends an installation, which can be repeated" a_full_disk_ends_an_installation_that_can_be_repeated
story "Without systemctl the init script is linked" a_deb_without_systemd_uses_the_init_script
story "lintian finds neither error nor warning that is not explained" lintian_finds_no_error
