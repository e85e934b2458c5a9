#!/usr/bin/env bash
# Unpacks the pinned packages of Debian 11 into a sysroot, and compiles the shim beside it. Does nothing when both are
# there. The last line of standard output is the folder. Usage: packaging/sysroot/build.sh CACHE
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$1
suite=bullseye
list=$here/packages

fail() { echo "sysroot: $*" >&2; exit 1; }

[ "$(dpkg --print-architecture)" = amd64 ] || fail "packages are pinned for amd64 only; add this architecture to $list"

# Another list, shim or way of unpacking is another sysroot.
sysroot=$cache/sysroot-$(cat "$list" "$here/shim.c" "${BASH_SOURCE[0]}" | sha256sum | cut -c 1-16)
if [ ! -e "$sysroot/.complete" ]; then
    apt=$cache/apt
    rm -rf "$sysroot" "$apt"
    mkdir -p "$sysroot" "$apt"/{state/lists/partial,archives/partial,files}
    # shellcheck disable=SC2016 # apt replaces $(REPO_URI)
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Label: Debian" "Created-By: Packages" | head -n 1)
    [ -n "$mirror" ] || fail "apt knows no mirror with the label Debian; add one to sources.list"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources"
    options=(-q -o Dir::State="$apt/state" -o Dir::State::status=/dev/null -o Dir::Cache="$apt"
        -o Dir::Etc::SourceList="$apt/sources" -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::Languages=none)
    apt-get "${options[@]}" update >"$apt/update.log" 2>&1 || { tail -n 5 "$apt/update.log" >&2; fail "apt-get update failed"; }
    while read -r package version sum; do
        (cd "$apt/files" && rm -f ./*.deb && apt-get "${options[@]}" download "$package=$version") >/dev/null \
            || fail "$package $version is gone from $mirror $suite; pin what is there now in $list"
        echo "$sum  $(echo "$apt"/files/*.deb)" | sha256sum --check --quiet \
            || fail "$package $version is another file than the one that was pinned in $list"
        dpkg-deb --extract "$apt"/files/*.deb "$sysroot"
    done < <(grep -v '^#' "$list")

    # An absolute link would lead out of the sysroot.
    find "$sysroot" -type l -lname '/*' | while read -r link; do
        ln -sfn "$(realpath --relative-to "$(dirname "$link")" --no-symlinks "$sysroot$(readlink "$link")")" "$link"
    done
    clang --sysroot="$sysroot" -O2 -Wall -Werror -c "$here/shim.c" -o "$sysroot/shim.o"
    rm -rf "$apt"
    touch "$sysroot/.complete"
fi
echo "$sysroot"
