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

story "The programs are the same bytes when they are built again elsewhere" built_again_they_are_the_same
story "The newest symbol that an RPM asks for is GLIBC_2.17" the_library_is_old_enough
