#!/usr/bin/env bash
# The measured timings of the last run of each scenario as a table: table.sh RESULTS [README], which replaces what
# stands between the marks in that file.
set -euo pipefail
results=$1 readme=${2:-}

table() {
    echo "| scenario | fault → gate closed | fault → abort | → verdict in xenstore | storage away for | → action | → proof | whole |"
    echo "|---|---|---|---|---|---|---|---|"
    local file
    for file in "$results"/*/figures; do
        [ -e "$file" ] || continue
        awk -F '|' -v name="$(basename "$(dirname "$file")")" '
            function from(a, b) { return a == "" || b == "" ? "–" : sprintf("%.1f s", b - a) }
            { print "| " name " | " from($1, $7) " | " from($1, $2) " | " from($2 == "" ? $1 : $2, $3) " | " from($1, $4) " | " \
                from($4, $5) " | " from($5, $6) " | " from($1, $6) " |" }' "$file"
    done
}

if [ -z "$readme" ]; then
    table
else
    table >"$results/table.md"
    sed -i -e '/<!-- timings -->/,/<!-- end of timings -->/ {
        /<!-- timings -->/ r '"$results/table.md"'
        /<!-- .*timings -->/ ! d
    }' "$readme"
fi
