#!/bin/sh
# Units and flows under a sanitizer, with each compiler:  tests/sanitize.sh asan|tsan CC...
# Any finding fails, also one in a process whose exit status nobody looked at. The last line is "N passed, N failed".
cd "$(dirname "$0")/.." || exit 2
[ $# -ge 2 ] || { echo "usage: tests/sanitize.sh asan|tsan CC..." >&2; exit 2; }
flavour=$1
shift
findings=$PWD/build/findings
common="exitcode=77:halt_on_error=1:abort_on_error=0:log_path=$findings/report:log_exe_name=1"
export ASAN_OPTIONS="$common:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1"
export UBSAN_OPTIONS="$common:print_stacktrace=1"
export TSAN_OPTIONS="$common:second_deadlock_stack=1:history_size=4"
export LSAN_OPTIONS="exitcode=77"
export TURNPIKE_SLOWER=4
passed=0
failed=0
for cc in "$@"; do
    out=build/$cc-$flavour
    rm -rf "$findings"
    mkdir -p "$findings"
    echo "=== $flavour with $cc"
    if ! make --no-print-directory -j"$(nproc)" CC="$cc" FLAVOUR="$flavour" "$out/turnpike" units; then
        failed=$((failed + 1))
        continue
    fi
    log=$out/run.log
    tests/run.py --binary "$out/turnpike" --units "$out/tests/unit" --flows >"$log" 2>&1
    cat "$log"
    counts=$(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
    passed=$((passed + ${counts% *} + 0))
    failed=$((failed + ${counts#* } + 0))
    [ -n "$counts" ] || failed=$((failed + 1))
    for report in "$findings"/report*; do
        [ -f "$report" ] || continue
        echo "--- finding of $flavour with $cc"
        cat "$report"
        failed=$((failed + 1))
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
