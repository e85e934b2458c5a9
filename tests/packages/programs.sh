# The programs that the packages hold.

# In another folder and by other processes of the compiler: what either leaves in a program shows as another byte.
built_again_they_are_the_same() {
    local copy=$work/elsewhere/and-deeper program
    mkdir -p "$copy"
    tar -c --exclude=./out --exclude=./.git --exclude=bin --exclude=obj . | tar -x -C "$copy"
    (cd "$copy" && SOURCE_DATE_EPOCH=0 UseSharedCompilation=false packaging/build.sh portable)
    for program in guest-agent host-bridge; do
        cmp "out/portable/$program/$program" "$copy/out/portable/$program/$program" || fail "$program differs"
    done
    rm -rf "$copy"
}

the_library_is_old_enough() {
    local file
    for file in "$packages"/*.rpm; do
        rpm -qp --requires "$file" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | grep -qx GLIBC_2.17 \
            || fail "$file does not ask for GLIBC_2.17 as the newest"
    done
}

# changed_by PROGRAM SCRIPT: whether what a script does to the sources has the program built again.
changed_by() {
    local copy=$work/changed before after
    rm -rf "$copy"
    mkdir -p "$copy"
    tar -c --exclude=./out --exclude=./.git --exclude=bin --exclude=obj . | tar -x -C "$copy"
    before=$(cd "$copy" && SOURCE_DATE_EPOCH=0 packaging/build.sh inputs "$1")
    (cd "$copy" && eval "$2")
    after=$(cd "$copy" && SOURCE_DATE_EPOCH=0 packaging/build.sh inputs "$1")
    rm -rf "$copy"
    [ -n "$before" ] && [ -n "$after" ] || fail "there are no inputs of $1"
    [ "$before" != "$after" ]
}

changed_sources_are_built() {
    local change
    for change in 'echo >>guest-agent/Program.cs' 'echo >protocol/Added.cs' 'rm protocol/Channel/ChannelCodec.Reading.cs' \
        'mv guest-agent/Program.cs guest-agent/Moved.cs' 'echo >>Directory.Build.props' 'echo >Directory.Build.targets' \
        'echo >>packaging/native-program.props' 'echo >>packaging/sysroot/shim.c'; do
        changed_by guest-agent "$change" || fail "guest-agent would not be built after: $change"
    done
    for change in 'echo >>tests/run.sh' 'echo >>README.md' 'echo >>host-bridge/Program.cs' \
        'mkdir -p guest-agent/obj && echo >guest-agent/obj/made.cs'; do
        ! changed_by guest-agent "$change" || fail "guest-agent would be built after: $change"
    done
}

# shellcheck source=packaging/stamp.sh
. packaging/stamp.sh

a_stamp_is_of_its_inputs_and_its_product() {
    local folder=$work/stamped
    rm -rf "$folder"
    mkdir -p "$folder/product"
    echo made >"$folder/product/file"
    ! is_current "$folder/stamp" one "$folder/product" || fail "without a stamp it is current"
    set_current "$folder/stamp" one "$folder/product"
    is_current "$folder/stamp" one "$folder/product" || fail "it is not current when nothing changed"
    ! is_current "$folder/stamp" two "$folder/product" || fail "it is current with other inputs"
    chmod 755 "$folder/product/file"
    ! is_current "$folder/stamp" one "$folder/product" || fail "it is current with another mode"
    chmod 644 "$folder/product/file"
    is_current "$folder/stamp" one "$folder/product" || fail "it is not current with the old mode"
    rm -rf "$folder/product"
    ! is_current "$folder/stamp" one "$folder/product" || fail "it is current without its product"
}

story "A program is built again when a file that it is built from changed, and only then" changed_sources_are_built
story "A product is current with the same inputs and the same files only" a_stamp_is_of_its_inputs_and_its_product
story "The programs are the same bytes when they are built again elsewhere" built_again_they_are_the_same
story "The newest symbol that an RPM asks for is GLIBC_2.17" the_library_is_old_enough
