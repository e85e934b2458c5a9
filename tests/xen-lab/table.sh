#!/usr/bin/env bash
# The measured timings of the last run of each scenario as a table, and the agent's status as B-6.1-killed saw it:
# table.sh RESULTS [README], which replaces what stands between the marks in that file.
set -euo pipefail
results=$1 readme=${2:-}

table() {
    echo "| scenario | fault → gate closed | fault → abort | → verdict in xenstore | storage away for | → action | → proof | whole | slowest step |"
    echo "|---|---|---|---|---|---|---|---|---|"
    local file name
    for file in "$results"/*/figures; do
        [ -e "$file" ] || continue
        name=$(basename "$(dirname "$file")")
        row "$name" <"$file"
    done
}

# One line of figures (see steps.sh) as a row. The slowest step is the longest time between two things that happened.
row() {
    awk -F '|' -v name="$1" '
        function from(a, b) { return a == "" || b == "" ? "–" : sprintf("%.1f s", b - a) }
        function slowest(   count, i, j, what, best, words, times, names) {
            split("fault abort verdict storage action proof", words, " ")
            for (i = 1; i <= 6; i++) {
                if ($i == "") continue
                for (j = count++; j >= 1 && times[j] > $i; j--) { times[j + 1] = times[j]; names[j + 1] = names[j] }
                times[j + 1] = $i
                names[j + 1] = words[i]
            }
            for (i = 2; i <= count; i++) {
                if (times[i] - times[i - 1] > best) {
                    best = times[i] - times[i - 1]
                    what = names[i - 1] " → " names[i] ", " from(times[i - 1], times[i])
                }
            }
            return what
        }
        { print "| " name " | " from($1, $7) " | " from($1, $2) " | " from($2 == "" ? $1 : $2, $3) " | " from($1, $4) " | " \
            from($4, $5) " | " from($5, $6) " | " from($1, $6) " | " slowest() " |" }'
}

# What xenstore-ls printed in Dom0 after the abort.
status() {
    echo '```'
    grep '^/local/domain/' "$results/B-6.1-killed/output.txt"
    echo '```'
}

# What stands between two marks of the page gives way to a file.
replace() {
    sed -i -e "/<!-- $1 -->/,/<!-- end of $1 -->/ {
        /<!-- $1 -->/ r $2
        /<!-- .*$1 -->/ ! d
    }" "$readme"
}

table >"$results/table.md"
if [ -z "$readme" ]; then
    cat "$results/table.md"
else
    replace timings "$results/table.md"
    if [ -e "$results/B-6.1-killed/output.txt" ]; then
        status >"$results/status.md"
        replace status "$results/status.md"
    fi
fi
