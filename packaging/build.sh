#!/usr/bin/env bash
# Builds what is handed out, into out/: the portable programs, the packages, the source archive.
# Usage: packaging/build.sh portable | tree PROGRAM FOLDER | inputs PROGRAM | deb | rpm | dist
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=packaging/stamp.sh
. packaging/stamp.sh

programs=(guest-agent host-bridge)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/guest-agent-packages
packages=${PACKAGES:-out/packages}
release=${RELEASE:-1}
# Who hands the packages out: "Name <address>".
packager=${PACKAGER:-GuestAgent authors <guest-agent@localhost>}
newest_glibc=2.17

version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    # Of the last commit; in a source archive git has written it into the file.
    read -r SOURCE_DATE_EPOCH <packaging/source-date
    [[ $SOURCE_DATE_EPOCH =~ ^[0-9]+$ ]] || SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
fi
export SOURCE_DATE_EPOCH

fail() { echo "build.sh: $*" >&2; exit 1; }

# Links against the sysroot, with paths that do not tell where it was built: the same source gives the same bytes. No PDB
# is made: it would hold what the logging generator wrote, whose order is another in each run of the compiler, and its
# hash is part of the program. A program is built from nothing, or not at all when its inputs are those of the last time.
portable() {
    local sysroot program inputs
    sysroot=$(packaging/sysroot/build.sh "$cache")
    for program in "${programs[@]}"; do
        inputs=$(program_inputs "$program")
        ! is_current "out/portable/.$program" "$inputs" "out/portable/$program" || continue
        echo "publishing $program for the C library $newest_glibc and newer"
        rm -rf "out/portable/$program" "out/portable/build/$program"
        dotnet publish "$program" --configuration Release --runtime linux-x64 --verbosity quiet \
            --artifacts-path "$PWD/out/portable/build/$program" --output "out/portable/$program" \
            -p:SysRoot="$sysroot" -p:PathMap="$PWD=/source" -p:EnableSourceControlManagerQueries=false \
            -p:EnableSourceLink=false -p:DebugType=none
        rm -f "out/portable/$program"/*.{dbg,xml}
        check_symbols "out/portable/$program"
        set_current "out/portable/.$program" "$inputs" "out/portable/$program"
    done
}

# A hash of what a program is built from: its projects, the files at the top (MSBuild imports some of them by their
# names), this build, and the tools: program_inputs PROGRAM
program_inputs() {
    local projects files sysroot
    sysroot=$(packaging/sysroot/build.sh "$cache")
    projects=$(projects_of "$1" | sort -u)
    files=$(find . -maxdepth 1 -type f -not -name '*.md' -not -name '.git*' -not -name LICENSE -not -name Makefile)
    # shellcheck disable=SC2086 # one word per path
    { content_hash $projects $files packaging/{build.sh,stamp.sh,sysroot,native-program.props}
        echo "$sysroot"; dotnet --version; clang --version; ld.lld --version; } | sha256sum | cut -d ' ' -f 1
}

# The folder of a project, and of all that it references.
projects_of() {
    local folder
    echo "$1"
    sed -n 's:.*<ProjectReference Include="\([^"]*\)/[^/"]*".*:\1:p' "$1"/*.csproj | while read -r folder; do
        projects_of "$(realpath --relative-to . "$1/$folder")"
    done
}

# Fails when a file in a folder needs a symbol of a newer C library.
check_symbols() {
    local file newest
    for file in "$1"/*; do
        newest=$(readelf --version-info --wide "$file" | grep -o 'GLIBC_[0-9.]*' | cut -d _ -f 2 | sort -uV | tail -n 1)
        if [ "$(printf '%s\n' "$newest" $newest_glibc | sort -V | tail -n 1)" != $newest_glibc ]; then
            readelf --dyn-syms --wide "$file" | grep -F "@GLIBC_$newest" >&2
            fail "$file needs these symbols of the C library $newest; $newest_glibc is the newest that is allowed"
        fi
    done
}

# Everything that a program installs: tree PROGRAM FOLDER
tree() {
    local program=$1 folder=$2
    [ -x "out/portable/$program/$program" ] || fail "out/portable/$program is not built; run make portable"
    mkdir -p "$folder"
    cp -R "packaging/$program/." "$folder/"
    install -d "$folder/usr/lib/$program/$program.conf.d" "$folder/etc/$program/$program.conf.d" "$folder/usr/sbin"
    # Policies of SELinux label /usr/libexec as programs (bin_t): from /usr/lib (lib_t) a service would stay in the domain
    # of systemd itself (packaging/SELINUX.md). The library lies where the program looks for it.
    install -d "$folder/usr/libexec/$program"
    install -m 755 "out/portable/$program/$program" "$folder/usr/libexec/$program/"
    install -m 644 "out/portable/$program"/*.so "$folder/usr/libexec/$program/"
    strip --strip-unneeded "$folder/usr/libexec/$program"/*.so
    ln -s "../libexec/$program/$program" "$folder/usr/sbin/$program"
    # Where 0.1.0 had it: for an init script that an administrator changed and dpkg keeps, and for drop-ins.
    ln -s "../../libexec/$program/$program" "$folder/usr/lib/$program/$program"
    [ "$program" != host-bridge ] || install -d -m 700 "$folder/var/lib/host-bridge"
    find "$folder" -type f -path '*/man/*' -not -name '*.gz' -exec gzip -9n {} +
    find "$folder" -type d -not -path '*/var/lib/host-bridge' -exec chmod 755 {} +
    find "$folder" -type f -perm /100 -exec chmod 755 {} +
    find "$folder" -type f -not -perm /100 -exec chmod 644 {} +
}

deb() {
    local program work folder file size inputs
    for program in "${programs[@]}"; do
        file=$packages/${program}_$version-${release}_amd64.deb
        inputs=$(package_inputs "out/portable/$program" "packaging/$program" packaging/deb CHANGELOG.md)
        ! is_current "$packages/.deb-$program" "$inputs" "$file" || continue
        work=$(mktemp -d)
        folder=$work/$program
        tree "$program" "$folder"
        # Debian's tools look for units there, whether /lib is a link or not.
        mkdir -p "$folder/lib"
        mv "$folder/usr/lib/systemd" "$folder/lib/systemd"
        install -d "$folder/DEBIAN" "$folder/usr/share/doc/$program" "$folder/usr/share/lintian/overrides"
        install -m 644 packaging/deb/copyright "$folder/usr/share/doc/$program/"
        install -m 644 "packaging/deb/$program/overrides" "$folder/usr/share/lintian/overrides/$program"
        changelog "$program" | gzip -9n >"$folder/usr/share/doc/$program/changelog.Debian.gz"
        gzip -9nc CHANGELOG.md >"$folder/usr/share/doc/$program/changelog.gz"
        chmod 644 "$folder/usr/share/doc/$program"/*.gz
        size=$(find "$folder" -type f -printf '%s\n' | awk '{ sum += $1 } END { print int(sum / 1024) + 1 }')
        sed -e "s|@PACKAGER@|$packager|" -e "s|@VERSION@|$version-$release|" -e "s|@SIZE@|$size|" \
            "packaging/deb/$program/control" >"$folder/DEBIAN/control"
        (cd "$folder" && find etc -type f -printf '/%p\n' | sort) >"$folder/DEBIAN/conffiles"
        (cd "$folder" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) \
            >"$folder/DEBIAN/md5sums"
        [ ! -e "packaging/deb/$program/triggers" ] || cp "packaging/deb/$program/triggers" "$folder/DEBIAN/"
        chmod 644 "$folder"/DEBIAN/*
        install -m 755 "packaging/deb/$program"/{postinst,prerm,postrm} "$folder/DEBIAN/"
        mkdir -p "$packages"
        dpkg-deb --root-owner-group -Zxz --build "$folder" "$file" >/dev/null
        rm -rf "$work"
        set_current "$packages/.deb-$program" "$inputs" "$file"
        echo "$file"
    done
}

# A hash of what a package is made from: package_inputs PATH...
package_inputs() {
    { content_hash "$@" packaging/{build.sh,stamp.sh}; echo "$version-$release $SOURCE_DATE_EPOCH $packager"; } \
        | sha256sum | cut -d ' ' -f 1
}

changelog() {
    echo "$1 ($version-$release) unstable; urgency=medium"
    echo
    echo "  * See CHANGELOG.md of the source."
    echo
    echo " -- $packager  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
}

# rpm KIND: -bb for the packages, -bs for the source package, whose archive must be there.
rpm() {
    local work file inputs
    local files=("$packages"/{guest-agent,host-bridge}-"$version-$release.x86_64.rpm")
    if [ "$1" = -bb ]; then
        inputs=$(package_inputs out/portable/{guest-agent,host-bridge} packaging LICENSE ./*.md ./*/*.md)
        ! is_current "$packages/.rpm" "$inputs" "${files[@]}" || return 0
    fi
    work=$(mktemp -d)
    mkdir -p "$packages"
    rpmbuild --quiet "$1" --build-in-place --target x86_64 --define "_topdir $work" --define "prebuilt 1" \
        --define "_sourcedir $(realpath "$packages")" --define "packager $packager" \
        --define "version_of_source $version" --define "release_of_source $release" packaging/rpm/guest-agent.spec
    for file in "$work"/*RPMS/*.rpm "$work"/*RPMS/*/*.rpm; do
        [ ! -e "$file" ] || { mv "$file" "$packages/" && echo "$packages/${file##*/}"; }
    done
    rm -rf "$work"
    [ "$1" != -bb ] || set_current "$packages/.rpm" "$inputs" "${files[@]}"
}

# From what is committed, in a folder of its own: nothing else gets in.
dist() {
    local work=$PWD/out/dist archive=guest-agent-$version
    git diff --quiet HEAD || echo "build.sh: what is not committed is not in it"
    rm -rf "$work" out/packages
    mkdir -p "$work" out/packages
    git archive --format=tar --prefix="$archive/" HEAD | gzip -9n >"out/packages/$archive.tar.gz"
    tar -xzf "out/packages/$archive.tar.gz" -C "$work"
    (
        cd "$work/$archive"
        mkdir -p out/packages
        cp "$work/../packages/$archive.tar.gz" out/packages/
        packaging/build.sh portable
        packaging/build.sh deb
        packaging/build.sh rpm
        packaging/build.sh srpm
    )
    mv "$work/$archive/out/packages"/*.{deb,rpm} out/packages/
    rm -rf "$work"
    (cd out/packages && sha256sum -- *.{tar.gz,deb,rpm} >SHA256SUMS && cat SHA256SUMS)
}

case ${1:-} in
portable | deb | dist) "$1" ;;
rpm) rpm -bb ;;
srpm) rpm -bs ;;
tree) tree "$2" "$3" ;;
inputs) program_inputs "$2" ;;
*) fail "usage: packaging/build.sh portable | tree PROGRAM FOLDER | inputs PROGRAM | deb | rpm | srpm | dist" ;;
esac
