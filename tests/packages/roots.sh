# Trees of minimal Debians, made once and kept in the cache; a story gets its own copy, which costs nothing.

# The first mirror that this machine itself takes Debian's packages from.
mirror() {
    # shellcheck disable=SC2016 # apt replaces $(REPO_URI)
    apt-get indextargets --format '$(REPO_URI)' "Label: Debian" "Created-By: Packages" | head -n 1
}

declare -A root_packages=(
    [bullseye]=systemd,systemd-sysv,e2fsprogs,udev,dbus
    [bookworm]=systemd,systemd-sysv,e2fsprogs,udev,dbus,initramfs-tools-core,klibc-utils,busybox,dracut-core,cpio,kmod
)

# Makes the tree of a suite when it is not in the cache.
bootstrap() {
    # shellcheck disable=SC2154 # run.sh sets cache
    local suite=$1 tree=$cache/$1
    [ "$(cat "$tree/.packages" 2>/dev/null)" != "${root_packages[$suite]}" ] || return 0
    echo "making a tree of Debian $suite in $cache"
    rm -rf "$tree"
    debootstrap --variant=minbase --include="${root_packages[$suite]}" "$suite" "$tree" "$(mirror)" \
        >"$cache/$suite.log" 2>&1 || { tail -n 20 "$cache/$suite.log" >&2; return 1; }
    rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,locale}
    echo "${root_packages[$suite]}" >"$tree/.packages"
}

# Mounts a copy of a suite's tree at a fresh folder and sets root to it: new_root SUITE [SIZE OF WHAT MAY BE CHANGED]
new_root() {
    local layer
    layer=$(mktemp -d "$work/root.XXXXXX")
    mount -t tmpfs -o "mode=755,size=${2:-512m}" layer "$layer"
    mkdir "$layer"/{upper,work,root}
    root=$layer/root
    mount -t overlay -o "lowerdir=$cache/$1,upperdir=$layer/upper,workdir=$layer/work" root "$root"
    mount -t proc proc "$root/proc"
    mkdir -p "$root/packages"
    mount --bind "$packages" "$root/packages"
}

# Runs in that tree: in_root COMMAND...
in_root() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"; }

enabled_link=etc/systemd/system/multi-user.target.wants
conf=etc/guest-agent/guest-agent.conf

# The packages once more as release 2, for upgrades; in the folder next, made anew when anything is newer.
next=$packages/next
make_next_release() {
    [ -z "$(find "$packages" packaging -newer "$next" -type f 2>&1 | head -n 1)" ] && return 0
    rm -rf "$next"
    mkdir -p "$next"
    PACKAGES=$next RELEASE=2 packaging/build.sh deb >/dev/null
    PACKAGES=$next RELEASE=2 packaging/build.sh rpm >/dev/null
    touch "$next"
}

# The agent's package with the layout of 0.1.0, whose program lay in /usr/lib: make_old_layout
old=$packages/old
make_old_layout() {
    local folder
    [ ! "$old" -nt "$packages/guest-agent_$version-1_amd64.deb" ] || return 0
    folder=$(mktemp -d)
    dpkg-deb -R "$packages/guest-agent_$version-1_amd64.deb" "$folder"
    rm "$folder"/usr/lib/guest-agent/guest-agent
    mv "$folder"/usr/libexec/guest-agent/* "$folder/usr/lib/guest-agent/"
    rm -r "$folder/usr/libexec"
    ln -sfn ../lib/guest-agent/guest-agent "$folder/usr/sbin/guest-agent"
    grep -rlI usr/libexec "$folder" | xargs sed -i '/^old_program=/d; s| [|][|] running "$agent_file" "$old_program"||
        s|usr/libexec/guest-agent|usr/lib/guest-agent|g'
    sed -i "s/^Version: .*/Version: $version-0/" "$folder/DEBIAN/control"
    mkdir -p "$old"
    dpkg-deb --root-owner-group -b "$folder" "$old/guest-agent_$version-0_amd64.deb" >/dev/null
    rm -rf "$folder"
    touch "$old"
}

bootstrap bullseye
bootstrap bookworm
make_next_release
make_old_layout
