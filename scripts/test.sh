#!/usr/bin/env bash
# Installs what is missing, builds and runs all tests: the release build whole, what reads bytes and keeps data under
# AddressSanitizer and UndefinedBehaviorSanitizer, what runs in many threads under ThreadSanitizer (scripts/gate.sh runs
# all of it under both). Ends with "N passed, M failed".
#
#   scripts/test.sh                all of it
#   scripts/test.sh --release      the release build alone
set -euo pipefail
source "$(dirname "$0")/common.sh"

sanitize=true
case "${1:-}" in
  "") ;;
  --release) sanitize=false ;;
  -h | --help) sed -n '2,7p' "$0" | cut -c3-; exit 0 ;;
  *) echo "test.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
esac

scripts/setup.sh
passed=0
failed=0

# suite <preset> [regex of test programs]: configures, builds, runs, and counts.
suite() {
  local preset=$1 regex=${2:-} log summary
  local targets=() selection=()
  say "$preset: building${regex:+ $regex}"
  configure "$preset" -DVIBRATO_BUILD_TESTS=ON
  if [[ -n $regex ]]; then
    mapfile -t targets < <(matching_tests "$preset" "$regex")
    ((${#targets[@]})) || { echo "test.sh: no test program of $preset matches $regex" >&2; exit 1; }
    selection=(-L "^($regex)\$")
  fi
  build "$preset" "${targets[@]}"
  say "$preset: testing"
  log=build/$preset/last-test.log
  ctest --preset "$preset" -j "$jobs" "${selection[@]}" 2>&1 | tee "$log" | grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed|^ *Start ' || true
  # "97% tests passed, 3 tests failed out of 100"
  summary=$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log")
  [[ -n $summary ]] || { echo "test.sh: ctest of $preset did not finish" >&2; exit 1; }
  failed=$((failed + ${summary% *}))
  passed=$((passed + ${summary#* } - ${summary% *}))
}

suite release
if $sanitize; then
  suite asan 'unit_(io|format|sqlite|store|catalog|wal|filter|auth|overlay|commit|kv|doc|sql|events)'
  suite tsan 'unit_(wal|overlay|commit|kv|events)'
fi

printf '\n%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
