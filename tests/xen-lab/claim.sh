#!/usr/bin/env bash
# Claims what a run needs for itself: the folder of its results, and the images as they are now, so that a build
# meanwhile changes nothing of it. Usage: claim.sh CACHE COMMAND [ARGUMENT]...; the images are then in $LAB_IMAGES.
set -euo pipefail
cache=$1
shift

mkdir -p out "$cache"
exec {results}>out/lab.lock
flock --nonblock "$results" || { echo "lab: another one is at work in $PWD; wait for its end, or use another clone" >&2; exit 1; }

exec {building}>"$cache/lock"
flock --nonblock "$building" || { echo "lab: waits for a build in $cache" >&2; flock "$building"; }
# What a run left that was killed.
for left in "$cache"/run.*; do
    [ ! -d "$left" ] || flock --nonblock "$left/lock" true || continue
    rm -rf "$left"
done
LAB_IMAGES=$(mktemp -d "$cache/run.XXXXXX")
export LAB_IMAGES
trap 'rm -rf "$LAB_IMAGES"' EXIT
exec {claimed}>"$LAB_IMAGES/lock"
flock "$claimed"
ln "$cache"/{hypervisor,dom0-vmlinuz,dom0-initramfs} "$cache"/*.img "$LAB_IMAGES/" \
    || { echo "lab: $cache is not complete; run make lab" >&2; exit 1; }
exec {building}>&-

"$@"
