# The RPMs, put into trees and images from outside.

# rpm on a tree: into ROOT ARGUMENT...
into() { rpm --root "$1" --nodeps --force-debian "${@:2}"; }

an_rpm_lives_its_life() {
    local tree=$1 name
    into "$tree" -i "$packages/guest-agent-$version-1.x86_64.rpm" "$packages/host-bridge-$version-1.x86_64.rpm"
    for name in guest-agent host-bridge; do
        [ "$(chroot "$tree" "/usr/sbin/$name" --version)" = "$name $version" ] || fail "$name does not run"
        [ -L "$tree/$enabled_link/$name.service" ] || fail "$name is not enabled"
        [ -z "$(into "$tree" -V "$name")" ] || fail "rpm -V $name is not clean"
    done
    grep -qx 'mode = observe' "$tree/etc/host-bridge/host-bridge.conf" || fail "the bridge would act"

    echo 'root-interval = 7' >>"$tree/$conf"
    rm "$tree/$enabled_link/host-bridge.service"
    into "$tree" -U "$next/guest-agent-$version-2.x86_64.rpm" "$next/host-bridge-$version-2.x86_64.rpm"
    grep -qx 'root-interval = 7' "$tree/$conf" || fail "the upgrade changed an edited configuration"
    [ -L "$tree/$enabled_link/guest-agent.service" ] || fail "the upgrade disabled the agent"
    [ ! -L "$tree/$enabled_link/host-bridge.service" ] || fail "the upgrade enabled what an administrator had disabled"
    [ "$(chroot "$tree" /usr/sbin/guest-agent --version)" = "guest-agent $version" ] || fail "it does not run any more"

    touch "$tree/.guest-agent-probe" "$tree/var/lib/host-bridge/incidents.db"
    into "$tree" -e guest-agent host-bridge
    [ ! -e "$tree/usr/lib/guest-agent" ] && [ ! -e "$tree/usr/libexec/guest-agent" ] && [ ! -e "$tree/.guest-agent-probe" ] || fail "removing left something"
    [ ! -L "$tree/$enabled_link/guest-agent.service" ] || fail "removing left it enabled"
    [ -e "$tree/$conf.rpmsave" ] || fail "removing took an edited configuration"
    [ -e "$tree/var/lib/host-bridge/incidents.db" ] || fail "removing took the record of incidents"
}

an_rpm_in_a_tree() {
    new_root bookworm
    an_rpm_lives_its_life "$root"
}

an_rpm_without_systemctl() {
    new_root bookworm
    rm -f "$root"/usr/bin/systemctl
    an_rpm_lives_its_life "$root"
}

# An image file with a tree in it, mounted at image: new_image SIZE
new_image() {
    image=$work/image
    rm -f "$image.img"
    mke2fs -q -t ext4 -E root_owner=0:0 -d "$cache/bookworm" "$image.img" "$1"
    mkdir -p "$image"
    mount -o loop "$image.img" "$image"
}

an_rpm_in_an_image() {
    new_image 700M
    an_rpm_lives_its_life "$image"
    umount "$image"
    e2fsck -fn "$image.img"
}

a_full_image_takes_no_rpm() {
    new_image 700M
    fallocate -l "$(($(stat -f -c '%a * %S' "$image") - 3000000))" "$image/filler"
    ! into "$image" -i "$packages/guest-agent-$version-1.x86_64.rpm" || fail "it fitted"
    [ ! -e "$image/usr/libexec/guest-agent/guest-agent" ] && [ ! -L "$image/$enabled_link/guest-agent.service" ] || fail "a part is left"
    rm "$image/filler"
    into "$image" -i "$packages/guest-agent-$version-1.x86_64.rpm"
    [ "$(chroot "$image" /usr/sbin/guest-agent --version)" = "guest-agent $version" ] || fail "it does not run"
}

scriptlets_hold_no_macro() {
    local file
    for file in "$packages"/*.rpm; do
        ! rpm -qp --scripts "$file" | grep '%' || fail "$file: a macro was not expanded"
        rpm -qp --scripts "$file" | grep -q 'systemctl --no-reload preset' || fail "$file has no scriptlets"
    done
}

rpmlint_finds_no_error() {
    rpmlint --config "$here/rpmlint.toml" "$packages"/*.rpm >"$work/rpmlint" || true
    cat "$work/rpmlint"
    ! grep -E ': [EW]: ' "$work/rpmlint" || fail "see above"
    grep -q ' 0 errors, 0 warnings' "$work/rpmlint" || fail "rpmlint says nothing"
}

story "The RPMs are installed, upgraded and removed in a tree from outside" an_rpm_in_a_tree
story "... and in one without systemctl" an_rpm_without_systemctl
story "... and in a loop-mounted image" an_rpm_in_an_image
story "An image that is full takes no RPM, nor half of one" a_full_image_takes_no_rpm
story "No scriptlet holds a macro that was not expanded" scriptlets_hold_no_macro
story "rpmlint finds neither error nor warning that is not explained" rpmlint_finds_no_error
