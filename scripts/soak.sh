#!/usr/bin/env bash
# The longest checks, run by hand now and then: what scripts/gate.sh does, in sizes that take days on two cores. Stops
# at the first thing that is wrong. Every step ends with one line that says what it did, to be quoted.
#
#   scripts/soak.sh                          all steps, full size
#   scripts/soak.sh --scale 0.1              all steps, a tenth of the size
#   scripts/soak.sh --scale 0.001 kill power  some of them
#
#   kill      the real server killed under writers, checkpoints and compactions         10,000 times
#   snapshots the real binary killed inside snapshots and restores                       4,000 times
#   power     simulated power losses in scripts over the whole database and the log  1,000,000
#   faults    every disk call of those scripts failed, while the machine is busy             all calls
#   cuts      the log cut at every byte                                                   4 MiB
#   flips     bits flipped in .vdb, packs, graphs, archives, log, snapshots           1,000,000
#   property  a whole database against a plain map                                   10,000,000 steps
#   valgrind  the lower layers under valgrind                                                all tests of them
#   keys      API keys made, used and revoked by four clients, with kills between       100,000 keys
#   merge     a collection, half of its rows deleted, merged                          1,000,000 rows
#   fuzz      every fuzz target                                                          10 CPU hours
#
# VIBRATO_TEST_SEED makes `property` repeat.
set -euo pipefail
source "$(dirname "$0")/common.sh"

all=(kill snapshots power faults cuts flips property valgrind keys merge fuzz)
scale=1
steps=()
while (($#)); do
  case "$1" in
    --scale) scale=${2:?soak.sh: --scale needs a number}; shift ;;
    -h | --help) sed -n '2,24p' "$0" | cut -c3-; exit 0 ;;
    -*) echo "soak.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
    *) steps+=("$1") ;;
  esac
  shift
done
[[ $scale =~ ^[0-9]*\.?[0-9]+$ ]] || { echo "soak.sh: --scale takes a number such as 0.1" >&2; exit 2; }
((${#steps[@]})) || steps=("${all[@]}")
for step in "${steps[@]}"; do
  [[ " ${all[*]} " == *" $step "* ]] || { echo "soak.sh: no step '$step' (see --help)" >&2; exit 2; }
done

# scaled <full size> <least>: a whole number.
scaled() { awk -v full="$1" -v least="$2" -v scale="$scale" 'BEGIN {n = int(full * scale); print n < least ? least : n}'; }

# The programs that the steps run.
prepare() {
  configure release -DVIBRATO_BUILD_TESTS=ON
  build release "$@"
}

# run_tests <program> <filter> [VARIABLE=value...]: prints what the tests recorded as figures, or fails.
run_tests() {
  local program=$1 filter=$2 report
  shift 2
  report=$(mktemp)
  if ! env "$@" "$program" --gtest_filter="$filter" --gtest_brief=1 --gtest_output="json:$report" >&2; then
    rm -f "$report"
    return 1
  fi
  python3 - "$report" <<'PYTHON'
import json
import sys
report = json.load(open(sys.argv[1]))
if not report["tests"]:
    sys.exit("no test ran")
sums = {}
for suite in report["testsuites"]:
    for test in suite["testsuite"]:
        for name in ("power_losses", "failed_calls"):
            if name in test:
                sums[name] = sums.get(name, 0) + int(test[name])
figures = "".join(", %d %s" % (value, name.replace("_", " ")) for name, value in sums.items())
print("%d tests in %s%s: nothing lost, nothing wrong" % (report["tests"], report["time"], figures))
PYTHON
  rm -f "$report"
}

tests=build/release/tests
step_kill() { python3 -B tests/crash/kill_cycles.py "$vibratod" --cycles "$(scaled 10000 2)" | tail -n 1; }
step_snapshots() { python3 -B tests/crash/kill_snapshots.py "$vibratod" --cycles "$(scaled 1000 1)" | tail -n 1; }
# A factor of 1 is 1,000 losses of the database, and 16,000 of the log.
step_power() {
  run_tests "$tests/crash/crash" 'DatabasePowerLoss.*' VIBRATO_CRASH_ROUNDS="$(scaled 1000 1)"
  run_tests "$tests/crash/crash" 'WalPowerLoss.loses*' VIBRATO_CRASH_ROUNDS="$(scaled 60 1)"
}
# Something else writes to the disk and keeps the processor busy meanwhile.
step_faults() {
  local load file outcome=0
  file=$(mktemp)
  while :; do dd if=/dev/urandom of="$file" bs=1M count=64 conv=fdatasync status=none; done &
  load=$!
  run_tests "$tests/crash/crash" '*Faults.*:*each_failing_call*' \
    VIBRATO_FAULT_STRIDE="$(awk -v s="$scale" 'BEGIN {print s >= 1 ? 1 : int(1 / s)}')" || outcome=$?
  kill "$load"
  wait "$load" 2>/dev/null || true
  rm -f "$file"
  return "$outcome"
}
step_cuts() {
  run_tests "$tests/format/format_suite" 'LogDamage.cut_at*' VIBRATO_LOG_CUT_BYTES="$(scaled 4194304 1024)"
}
# Each of eleven tests flips as many bits.
step_flips() {
  run_tests "$tests/format/format_suite" '*Damage.*flipped_bit*:IdsDamage.hostile*' \
    VIBRATO_FORMAT_FLIPS="$(scaled 100000 100)"
}
step_property() {
  run_tests "$tests/property/property" 'DatabaseProperty.*' VIBRATO_PROPERTY_STEPS="$(scaled 10000000 500)"
}
# Layers without threads of their own, which valgrind would run one at a time; below full size a part of their tests.
step_valgrind() {
  local layer run=0 shards
  shards=$(awk -v s="$scale" 'BEGIN {print s >= 1 ? 1 : int(1 / s)}')
  ((shards <= 20)) || shards=20
  for layer in base format wal store catalog auth; do
    GTEST_TOTAL_SHARDS=$shards GTEST_SHARD_INDEX=0 valgrind --quiet --error-exitcode=9 --leak-check=full \
      --errors-for-leak-kinds=definite "$tests/unit_$layer" --gtest_brief=1 --gtest_filter='-*DeathTest*' >&2
    run=$((run + 1))
  done
  echo "$run test programs under valgrind: no errors, no leaks"
}
step_keys() { python3 -B tests/soak/key_churn.py "$vibratod" --keys "$(scaled 100000 40)" | tail -n 1; }
step_merge() { python3 -B tests/soak/merge_at_size.py "$vibratod" --rows "$(scaled 1000000 8000)" | tail -n 1; }
step_fuzz() {
  local targets seconds
  targets=$(find tests/fuzz -name '*_fuzz.cpp' ! -name 'canary_fuzz.cpp' | wc -l)
  seconds=$(scaled $((36000 / targets)) 2)
  VIBRATO_FUZZ_SECONDS=$seconds scripts/gate.sh fuzz >&2
  echo "$targets fuzz targets, $seconds s each: nothing found, the planted fault was"
}

scripts/setup.sh --gate >&2
prepare vibratod crash format_suite property unit_base unit_format unit_wal unit_store unit_catalog unit_auth >&2
for step in "${steps[@]}"; do
  say "soak: $step, scale $scale"
  began=$SECONDS
  "step_$step"
  echo "($((SECONDS - began)) s)"
done
say "soak: passed (${steps[*]}), scale $scale"
