# shellcheck shell=bash
# shellcheck disable=SC2154 # inside.sh sets $share, machine.sh $qemu
# How fast this machine is, so that a limit means the same on a slow one, and what a limit that passed says. Sourced.
#
# A limit is written in seconds of the reference machine: two processors that do nothing else. Here it passes more slowly,
# by two things that are measured: what this processor needs for a boot of Dom0, once at the beginning; and how long
# QEMU's threads waited for a processor, all the time. The kernel counts both (schedstat in proc(5); nanoseconds on a
# processor and in its queue).

# Processor time of QEMU until Dom0 is ready, on the reference machine.
reference_boot_ms=24000
# By how much this processor is slower than that, in percent; known when Dom0 is ready.
base_slowness=100
most_slowness=2000

# slowness_of RAN WAITED ELAPSED: in percent, by milliseconds that QEMU ran and waited for a processor in a time. Who
# hardly wanted a processor did not miss one.
slowness_of() {
    local slowness=100
    [ $((($1 + $2) * 20)) -le "$3" ] || slowness=$((100 * ($1 + $2) / ($1 + 1)))
    slowness=$((slowness * base_slowness / 100))
    [ "$slowness" -ge 100 ] || slowness=100
    [ "$slowness" -le "$most_slowness" ] || slowness=$most_slowness
    echo "$slowness"
}

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# Milliseconds that QEMU's threads ran, and that they waited for a processor: "RAN WAITED". A thread that ended is in
# neither any more.
qemu_times() {
    local file on off rest ran=0 waited=0
    for file in "/proc/$qemu/task"/*/schedstat; do
        { read -r on off rest <"$file"; } 2>/dev/null || continue
        ran=$((ran + on / 1000000)) waited=$((waited + off / 1000000))
    done
    echo "$ran $waited"
}

# What Dom0's boot says of this processor; told once.
measure_base_slowness() {
    local ran waited
    read -r ran waited <<<"$(qemu_times)"
    base_slowness=$((100 * ran / reference_boot_ms))
    base_slowness=$(slowness_of 0 0 1)
    tell "Dom0's boot took ${ran:0:-3} s of a processor and waited ${waited:0:-3} s for one: limits are stretched by" \
        "$(times "$base_slowness"), and by what QEMU waits from now on"
}

# A limit in seconds begins; at most MOST of this machine's seconds: begin_limit SECONDS [MOST]
begin_limit() {
    limit=$1 limit_most=${2:-} limit_used=0
    limit_began=$(now_ms)
    limit_seen=$limit_began
    read -r limit_ran limit_waited <<<"$(qemu_times)"
}

# Whether it has passed; counts the time since the last call.
limit_passed() {
    local now ran waited elapsed
    now=$(now_ms)
    elapsed=$((now - limit_seen))
    read -r ran waited <<<"$(qemu_times)"
    limit_used=$((limit_used + elapsed * 100 / $(slowness_of $((ran > limit_ran ? ran - limit_ran : 0)) \
        $((waited > limit_waited ? waited - limit_waited : 0)) "$elapsed")))
    limit_seen=$now limit_ran=$ran limit_waited=$waited
    [ "$limit_used" -ge $((limit * 1000)) ] \
        || { [ -n "$limit_most" ] && [ $((now - limit_began)) -ge $((limit_most * 1000)) ]; }
}

# A limit that passed says whether the machine was too slow, or something is wrong: report_limit LOG WHAT. What moves
# on a slow machine is given the benefit: a guest that boots, a bridge that acts. It is kept for the sum, too.
report_limit() {
    local elapsed slowness still said
    elapsed=$((limit_seen - limit_began))
    slowness=$((limit_used > 0 ? 100 * elapsed / limit_used : 100))
    still=$(quiet_for "$1")
    said="$(too_slow_or_wrong "$slowness" "$still"): within $limit s ($((elapsed / 1000)) s here, $(times "$slowness") as long)"
    said+=" $2; the newest line of $1, of the guests' consoles, of the bridge and of Dom0's kernel is $still s old"
    echo "$said" >>"$share/limits"
    tell "$said" >&2
}

# too_slow_or_wrong SLOWNESS QUIET: percent, and seconds since anything moved.
too_slow_or_wrong() {
    if [ "$1" -ge 150 ] && [ $(($2 * 100)) -le $((15 * $1)) ]; then echo "too slow"; else echo "wrong"; fi
}

# Seconds since the newest line of a log, or of those that show that something goes on.
quiet_for() {
    local file newest=0 time
    for file in "$share/$1" "$share"/*-console.log "$share"/{bridge,dom0-kernel}.log; do
        time=$(stat -c %Y "$file" 2>/dev/null) || continue
        [ "$time" -le "$newest" ] || newest=$time
    done
    echo $((EPOCHSECONDS - newest))
}

# A number of seconds, stretched by what is known of this processor: for programs that have a limit of their own.
stretched() { echo $(($1 * base_slowness / 100)); }

# 274 percent as "2.7 times".
times() { printf '%d.%d times\n' $(($1 / 100)) $(($1 % 100 / 10)); }
