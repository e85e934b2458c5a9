#!/usr/bin/env bash
# Runs benchmarks, each in a process of its own: one that fails ends no other, is named at the end and makes the exit
# code 1. Usage: tests/bench.sh [PART]...   (without one: all but footprint; as root or with sudo)
# BESIDE=COMMIT builds that commit in a worktree below out/ and runs each part ROUNDS (3) times of both in turns, so
# that a busy machine is as busy for one as for the other, and prints the ratio of the medians of each figure.
set -euo pipefail
cd "$(dirname "$0")/.."

parts=(xenstore channel bridge hostile decisions status storage incidents detection)
benchmarks=tests/benchmarks/bin/Release/net10.0/benchmarks
contained=$PWD/tests/contained.sh
results=$PWD/out/bench
rounds=${ROUNDS:-3}
# Only what hangs meets it.
hangs_after=2h
failed=()

for part in "$@"; do
    [[ " ${parts[*]} footprint " == *" $part "* ]] || {
        echo "bench.sh: no part is named \"$part\"; there are: ${parts[*]} footprint" >&2
        exit 2
    }
done
[ $# -eq 0 ] || parts=("$@")

# build TREE: what the parts run there.
build() (
    cd "$1"
    make --no-print-directory publish
    dotnet build tests/benchmarks --configuration Release --verbosity quiet
)

# run TREE PART: runs it once.
run() (
    cd "$1"
    case $2 in
    footprint) "$contained" timeout "$hangs_after" tests/footprint.sh ;;
    # Durable writes are those of the disk of the temporary folder, which is memory in contained.sh.
    decisions | status | incidents) timeout "$hangs_after" "$benchmarks" "$2" ;;
    *) "$contained" timeout "$hangs_after" "$benchmarks" "$2" ;;
    esac
)

# take NAME TREE PART ROUND: runs it once and keeps what it printed.
take() {
    local code=0
    run "$2" "$3" >"$results/$3.$1.$4" 2>&1 || code=$?
    [ "$code" -eq 0 ] || failed+=("$3 of $1, round $4: exit code $code; it printed $results/$3.$1.$4")
}

# compare PART: rounds of both trees in turns, then the ratios.
compare() {
    local part=$1 round
    for round in $(seq "$rounds"); do
        echo "bench.sh: $part, round $round of $rounds"
        if [ $((round % 2)) -eq 1 ]; then
            take "$commit" "$other" "$part" "$round" && take this . "$part" "$round"
        else
            take this . "$part" "$round" && take "$commit" "$other" "$part" "$round"
        fi
    done
    "$benchmarks" compare "$commit" "$results/$part.$commit".* this "$results/$part.this".* \
        || failed+=("$part: the runs have no figure in common")
}

tests/prepare.sh bench
tests/prepare.sh testbed
build .
rm -rf "$results"
mkdir -p "$results"
if [ -n "${BESIDE:-}" ]; then
    commit=$(git rev-parse --short=12 --verify --quiet "$BESIDE^{commit}") \
        || { echo "bench.sh: git knows no commit \"$BESIDE\"" >&2; exit 2; }
    other=$PWD/out/beside/$commit
    git worktree prune
    [ -e "$other/Makefile" ] || git worktree add --quiet --force --detach "$other" "$commit"
    # The programs that footprint measures beside the agent are the same ones.
    mkdir -p out/peers "$other/out"
    ln -sfn "$PWD/out/peers" "$other/out/peers"
    build "$other"
fi

for part in "${parts[@]}"; do
    if [ -n "${BESIDE:-}" ]; then
        compare "$part"
    else
        code=0
        run . "$part" 2>&1 | tee "$results/$part" || code=$?
        [ "$code" -eq 0 ] || failed+=("$part: exit code $code")
    fi
done

echo "bench: ${#parts[@]} parts, ${#failed[@]} failures"
[ "${#failed[@]}" -eq 0 ] || { printf 'failed: %s\n' "${failed[@]}" && exit 1; }
