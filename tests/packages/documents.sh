# Manual pages, completion and configuration files against the programs themselves.

program() { "out/portable/$1/$1" "${@:2}"; }

# The long options that a program, or one of its commands, names in its help.
options_of() { program "$@" --help | grep -oE '^  (-\?, -h, )?--[a-z-]+' | grep -oE '\-\-[a-z-]+' | sort -u; }

# The commands of a program.
commands_of() { program "$1" --help | sed -n '/^Commands:/,$s/^  \([a-z]*\) .*/\1/p'; }

# The names in a configuration file, as the program itself lists them; those of a guest's section too.
settings_of() {
    {
        program "$1" config --config /dev/null
        [ "$1" != host-bridge ] || program "$1" config --config /dev/null --guest any 2>/dev/null
    } | sed -n 's/^\([a-z-]*\) *= .*/\1/p' | sort -u
}

# The text of a page as a reader sees it.
page() { mandoc -T ascii "packaging/$1/usr/share/man/man${2##*.}/$2" | col -b; }

a_page_names_every_option() {
    local name=$1 text option command known
    text=$(page "$name" "$name.8")
    # shellcheck disable=SC2086 # nothing, or one word
    known=$(for command in "" $(commands_of "$name"); do options_of "$name" $command; done; echo --force --nofscks | tr " " "\n")
    for command in "" $(commands_of "$name"); do
        # shellcheck disable=SC2086 # nothing, or one word
        for option in $(options_of "$name" $command); do
            grep -qE -- "(^|[^a-z-])$option([^a-z-]|$)" <<<"$text" || fail "$name.8 does not name $option of \"$command\""
        done
        [ -z "$command" ] || grep -qw "$command" <<<"$text" || fail "$name.8 does not name the command $command"
    done
    # And no option that neither the program has nor dracut (--force, --nofscks).
    for option in $(grep -oE '(^|[^a-z-])--[a-z-]+' <<<"$text" | grep -oE '\-\-[a-z-]+' | sort -u); do
        grep -qx -- "$option" <<<"$known" || fail "$name.8 names $option, which $name does not have"
    done
}

a_page_names_every_setting() {
    local name=$1 text setting known
    text=$(page "$name" "$name.conf.5")
    known=$(settings_of "$name")
    for setting in $known; do
        grep -qE "^ +$setting( |$)" <<<"$text" || fail "$name.conf.5 does not name $setting"
        grep -qE "^#?$setting = " "packaging/$name/etc/$name/$name.conf" || fail "$name.conf does not show $setting"
    done
    for setting in $(sed -n 's/^#\?\([a-z-]*\) = .*/\1/p' "packaging/$name/etc/$name/$name.conf"); do
        grep -qx -- "$setting" <<<"$known" || fail "$name.conf shows $setting, which $name does not know"
    done
}

pages_render_with_examples_and_files() {
    local file heading
    for file in packaging/*/usr/share/man/man?/*; do
        mandoc -T lint -W warning "$file" || fail "$file has mistakes"
        for heading in NAME SYNOPSIS FILES EXAMPLES; do
            grep -qx "$heading" <<<"$(mandoc -T ascii "$file" | col -b)" || fail "$file has no section $heading"
        done
    done
}

# What bash would offer: completed PROGRAM WORD...
completed() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    bash -c '
        . "packaging/$1/usr/share/bash-completion/completions/$1"
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        "_${1//-/_}"
        printf "%s\n" "${COMPREPLY[@]}"' complete "$@"
}

completion_offers_every_option() {
    local name=$1 command
    for command in "" $(commands_of "$name"); do
        # shellcheck disable=SC2086 # nothing, or one word
        diff <(options_of "$name" $command) <(completed "$name" $command -- | grep '^--' | sort -u) \
            || fail "completion of \"$name $command\" differs from its help"
    done
    diff <(commands_of "$name" | sort) <(completed "$name" "" | grep -v '^-' | sort) || fail "commands differ"
}

the_shipped_configuration_is_accepted() {
    local name=$1 output=$work/shipped.out
    sed 's/^#\([a-z-]* = \|\[\)/\1/' "packaging/$name/etc/$name/$name.conf" >"$work/shipped.conf"
    program "$name" config --check "$work/shipped.conf" >"$output" 2>&1 \
        || fail "$name refuses what its own configuration file shows: $(cat "$output")"
}

scripts_are_clean() {
    shellcheck -x packaging/build.sh packaging/stamp.sh packaging/sysroot/build.sh packaging/deb/*/{postinst,prerm,postrm} \
        packaging/guest-agent/etc/init.d/guest-agent packaging/guest-agent/usr/libexec/guest-agent/* \
        packaging/guest-agent/usr/lib/systemd/system-generators/guest-agent-fsck \
        packaging/guest-agent/usr/lib/dracut/modules.d/98guest-agent/*.sh \
        packaging/guest-agent/usr/share/initramfs-tools/{hooks,scripts/local-premount}/guest-agent
    shellcheck -s bash packaging/*/usr/share/bash-completion/completions/*
    shellcheck -S warning -s bash -e SC2154,SC2054,SC2034 tests/packages/*.sh
}

for name in guest-agent host-bridge; do
    story "The manual page of $name names every option and command, and no other" a_page_names_every_option $name
    story "$name.conf and its page name every setting, and no other" a_page_names_every_setting $name
    story "Completion of $name offers what its help lists" completion_offers_every_option $name
    story "$name accepts every line that its configuration file shows" the_shipped_configuration_is_accepted $name
done
story "Manual pages render, with EXAMPLES and FILES" pages_render_with_examples_and_files
story "Shell scripts have no warnings" scripts_are_clean
