#!/usr/bin/env bash
# Publishes the programs, builds the tests and runs them all. The last line of standard output is always
# "tests: P passed, F failed, S skipped". Fails when a test failed, when a step before it did, or when fewer tests
# ran than tests/minimum says: tests that silently vanish are a failure too.
set -euo pipefail
cd "$(dirname "$0")/.."

results=$PWD/out/test-results
passed=0 failed=0 skipped=0 is_complete=no

# The sum, also when a step or this script itself has failed or was interrupted.
finish() {
    local minimum
    trap - EXIT
    set +e
    if [ "$is_complete" = no ]; then
        failed=$((failed + 1))
        echo "run.sh: it ended before all tests were run"
    fi
    minimum=$(cat tests/minimum)
    if [ $((passed + skipped)) -lt "$minimum" ]; then
        is_complete=no
        echo "run.sh: only $((passed + skipped)) tests passed or were skipped; tests/minimum demands $minimum"
    fi
    echo "tests: $passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ "$is_complete" = yes ]
    exit
}
trap finish EXIT

# A step that is no test, but counts as a failed one when it fails.
step() {
    "$@" || {
        echo "run.sh: failed: $*"
        failed=$((failed + 1))
        return 1
    }
}

# The sum of an attribute over the <assembly> elements of a report.
count() {
    grep -o '<assembly [^>]*' "$1" | sed -n "s/.* $2=\"\([0-9]*\)\".*/\1/p" | awk '{ sum += $1 } END { print sum + 0 }'
}

# Runs one project's tests: run PROJECT [COMMAND THAT RUNS IT]...
run() {
    local project=$1 status=0 report=$results/$1.xml broken
    shift
    "$@" "tests/$project/bin/Debug/net10.0/$project" --no-progress --ignore-exit-code 8 \
        --results-directory "$results" --report-xunit --report-xunit-filename "$project.xml" || status=$?
    if [ ! -s "$report" ]; then
        echo "run.sh: the tests of $project ended with exit code $status and without a report"
        failed=$((failed + 1))
        return
    fi
    passed=$((passed + $(count "$report" passed)))
    skipped=$((skipped + $(count "$report" skipped)))
    broken=$(($(count "$report" failed) + $(count "$report" errors)))
    # The runner may fail without a failed test, for example in a fixture.
    [ "$status" -eq 0 ] || [ "$broken" -gt 0 ] || broken=1
    failed=$((failed + broken))
}

# Runs the simulation. Each line that begins with "ok" or "FAILED" is one of its tests.
simulate() {
    local report=$results/simulation.txt status=0 broken
    make --no-print-directory simulate SEEDS=10000 | tee "$report" || status=$?
    passed=$((passed + $(grep -c '^ok  ' "$report" || true)))
    broken=$(grep -c '^FAILED  ' "$report" || true)
    [ "$status" -eq 0 ] || [ "$broken" -gt 0 ] || broken=1
    failed=$((failed + broken))
}

rm -rf "$results"
mkdir -p "$results"
if step tests/prepare.sh testbed && step make --no-print-directory publish \
    && step dotnet build tests/unit --verbosity quiet && step dotnet build tests/integration --verbosity quiet; then
    run unit
    simulate
    run integration tests/contained.sh
fi

is_complete=yes
