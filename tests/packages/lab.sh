# The scripts of the Xen lab, as far as they can be tried without it.

lab_scripts_are_clean() {
    shellcheck -x tests/xen-lab/*.sh tests/xen-lab/scenarios/*.sh tests/xen-lab/dom0/* tests/xen-lab/domu/*
}

every_scenario_has_its_functions() {
    local file
    for file in tests/xen-lab/scenarios/*.sh; do
        # shellcheck disable=SC1090,SC2030 # one of scenarios/*.sh; a shell of its own
        (words=(X y); . "$file"; declare -F scenario outcome >/dev/null) || fail "$file lacks scenario or outcome"

        sed -n '/^scenarios=(/,/)/p' tests/xen-lab/all.sh | tr ' ()' '\n\n\n' | grep -Eq "^$(basename "$file" .sh)(-|\$)" \
            || fail "all.sh never plays $file"
    done
}

# Lab functions, with what they need to know: lab SCRIPT
lab() {
    (
        share=$work/lab qemu=$$ started=0
        mkdir -p "$share"
        tell() { echo "$*"; }
        . tests/xen-lab/speed.sh
        eval "$1"
    )
}

is() { [ "$1" = "$2" ] || fail "it is $1 instead of $2: $3"; }

limits_follow_the_speed() {
    is "$(lab 'slowness_of 500 0 1000')" 100 "no thread waited"
    is "$(lab 'slowness_of 500 1500 1000')" 399 "three quarters of the time were waited for a processor"
    is "$(lab 'slowness_of 10 20 1000')" 100 "hardly anything wanted to run"
    is "$(lab 'slowness_of 40 760 1000')" 1951 "what wants to run is starved"
    is "$(lab 'slowness_of 0 900 1000')" 2000 "it did not run at all"
    is "$(lab 'base_slowness=250; slowness_of 500 500 1000')" 497 "a slow processor that is shared"
    is "$(lab 'base_slowness=50; slowness_of 500 0 1000')" 100 "a fast processor shortens no limit"
    is "$(lab 'slowness_of 1 100000 1')" 2000 "it has a bound"
    is "$(lab 'base_slowness=300; stretched 90')" 270 "a program's own limit"
    is "$(lab 'times 274')" "2.7 times" "in words"
}

# The clock and the counters are the test's.
a_limit_passes_by_the_machines_time() {
    local steps='now_ms() { echo $((clock)); }; qemu_times() { echo "$had $missed"; }; clock=0 had=0 missed=0; begin_limit 10;'
    lab "$steps"' clock=9000 had=9000; ! limit_passed; clock=10000; limit_passed' || fail "on a machine of its own"
    lab "$steps"' clock=20000 had=5000 missed=15000; ! limit_passed; clock=40000 had=10000 missed=30000; limit_passed' \
        || fail "on a machine four times as slow"
    lab "$steps"' clock=20000 had=5000 missed=15000; ! limit_passed; had=0 missed=0; clock=26000; limit_passed' \
        || fail "when a thread of QEMU ended"
    lab "$steps"' limit_most=15; clock=16000 had=4000 missed=12000; limit_passed' || fail "with a bound of this machine's time"
}

a_limit_says_slow_or_wrong() {
    is "$(lab 'too_slow_or_wrong 400 50')" "too slow" "four times slower, and the last line is 50 s old"
    is "$(lab 'too_slow_or_wrong 400 61')" wrong "it stood still"
    is "$(lab 'too_slow_or_wrong 120 1')" wrong "the machine was fast"
    lab 'touch "$share/bridge.log"; begin_limit 1; limit_used=1000 limit_seen=$((limit_began + 4000))
        report_limit bridge.log "nothing came"' 2>&1 | grep -q '^too slow: within 1 s (4 s here, 4.0 times as long)' \
        || fail "the report lacks it"
    grep -q '^too slow' "$work/lab/limits" || fail "nothing is kept for the sum"
}

commands_may_have_several_lines() {
    local text=$'echo one\nfor i in 1 2; do\necho $i\ndone\ncat <<END\nhere\nEND\n\nfi\n\004\nnever\n'
    # shellcheck disable=SC2016,SC2031 # expanded by the inner shell; a shell of its own
    is "$(bash -c 'LAB_TERMINAL=; eval "$(sed -n "/^read_command() {/,/^}/p; /^read_line() {/,/^}/p; /^is_complete()/p" \
        tests/xen-lab/inside.sh)"; while read_command; do printf "[%s]" "${command%?}"; done' <<<"$text")" \
        $'[echo one][for i in 1 2; do\necho $i\ndone][cat <<END\nhere\nEND][fi]' "what was read"
}

story "The lab's scripts are clean" lab_scripts_are_clean
story "Every scenario of the lab says what to do and what must hold, and is played" every_scenario_has_its_functions
story "A limit of the lab follows the speed of the machine" limits_follow_the_speed
story "A limit of the lab passes by the time that QEMU had" a_limit_passes_by_the_machines_time
story "A limit that passed says whether the machine was too slow or something is wrong" a_limit_says_slow_or_wrong
story "A command for Dom0 is read to its end, of however many lines" commands_may_have_several_lines
