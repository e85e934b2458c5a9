# shellcheck shell=bash
# Tells whether a product is up to date: a stamp holds a hash of its inputs and a hash of the product. Sourced.

# A hash of the names, modes and contents of all files in some paths: content_hash PATH... It leaves out what dotnet
# builds beside a project (bin, obj).
content_hash() {
    [ $# -gt 0 ] || return 0
    # shellcheck disable=SC2016 # expanded by the inner shell
    find "$@" -type d \( -name bin -o -name obj \) -exec sh -c 'ls "${1%/*}"/*.csproj >/dev/null 2>&1' sh {} \; -prune \
        -o \( -type f -o -type l \) -print0 \
        | LC_ALL=C sort -zu \
        | tar -c --null --no-recursion -T - --mtime=@0 --owner=0 --group=0 --numeric-owner -P \
        | sha256sum | cut -d ' ' -f 1
}

# Whether a stamp says that the products were made from these inputs: is_current STAMP INPUTS PRODUCT...
is_current() {
    local stamp=$1 inputs=$2 product
    shift 2
    for product in "$@"; do
        [ -e "$product" ] || return 1
    done
    [ "$(cat "$stamp" 2>/dev/null)" = "$inputs $(content_hash "$@")" ]
}

# Records that they were: set_current STAMP INPUTS PRODUCT...
set_current() {
    local stamp=$1 inputs=$2
    shift 2
    echo "$inputs $(content_hash "$@")" >"$stamp"
}
