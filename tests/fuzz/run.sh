#!/bin/sh
# Runs each fuzzer for some seconds:  tests/fuzz/run.sh build/clang-fuzz SECONDS
# Seeds come from tests/corpus/NAME; what is found meanwhile is kept in build/corpus/NAME. A crash's input stays beside it.
cd "$(dirname "$0")/../.." || exit 2
out=$1
seconds=${2:-30}
passed=0
failed=0
for fuzzer in "$out"/fuzz/fuzz_*; do
    [ -x "$fuzzer" ] && [ -f "$fuzzer" ] || continue
    case $fuzzer in *.*) continue ;; esac
    name=$(basename "$fuzzer")
    seeds=tests/corpus/${name#fuzz_}
    kept=build/corpus/$name
    mkdir -p "$kept"
    dictionary=tests/fuzz/$name.dict
    set -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$kept-crash-" "$kept"
    [ -d "$seeds" ] && set -- "$@" "$seeds"
    [ -f "$dictionary" ] && set -- -dict="$dictionary" "$@"
    echo "--- $name for $seconds s"
    if "$fuzzer" "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $name"; fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
