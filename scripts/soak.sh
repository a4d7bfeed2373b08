#!/usr/bin/env bash
# The longest checks, run by hand now and then: what scripts/gate.sh does, in sizes that take most of a day on two cores.
# Stops at the first thing that is wrong. Every step ends with one line that says what it did, to be quoted.
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
# Long steps run in pieces, several at once, each with a seed of its own: 1, 2, and so on, or on from VIBRATO_TEST_SEED,
# so that a second run tries something else. docs/TESTING.md says how long they take.
set -euo pipefail
source "$(dirname "$0")/common.sh"

all=(kill snapshots power faults cuts flips property valgrind keys merge fuzz)
scale=1
first_seed=${VIBRATO_TEST_SEED:-1}
steps=()
while (($#)); do
  case "$1" in
    --scale) scale=${2:?soak.sh: --scale needs a number}; shift ;;
    -h | --help) sed -n '2,23p' "$0" | cut -c3-; exit 0 ;;
    -*) echo "soak.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
    *) steps+=("$1") ;;
  esac
  shift
done
[[ $scale =~ ^[0-9]*\.?[0-9]+$ && $scale =~ [1-9] ]] || { echo "soak.sh: --scale takes a number such as 0.1" >&2; exit 2; }
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

# Of what is not cut into pieces, each n-th is taken.
every() { awk -v scale="$scale" 'BEGIN {print(scale >= 1 ? 1 : int(1 / scale))}'; }

# split <total> <most>: how much is one piece (`size`) and how many there are (`count`), at least one for each job.
split() {
  size=$((($1 + jobs - 1) / jobs))
  ((size <= $2)) || size=$2
  count=$((($1 + size - 1) / size))
}

# pieces <at once> <command...>: runs the command for each line of the input, {} in it being that line. Each prints a
# last line of the same shape; prints that with the sums of their numbers. Stops at the first piece that fails.
pieces() {
  local at_once=$1 folder outcome=0
  shift
  folder=$(mktemp -d)
  # shellcheck disable=SC2016
  xargs -P "$at_once" -I{} bash -c '"$@" >"$(mktemp -p "$0")" || exit 255' "$folder" "$@" || outcome=$?
  ((outcome)) || python3 - "$folder" <<'PYTHON' || outcome=$?
import pathlib
import re
import sys
NUMBER = r"\d+(?:\.\d+)?"
lines = [path.read_text().rstrip("\n").split("\n")[-1] for path in pathlib.Path(sys.argv[1]).iterdir()]
shapes = {re.sub(NUMBER, "{}", line) for line in lines}
if len(shapes) != 1:
    sys.exit("pieces end differently: %s" % sorted(shapes))
sums = [sum(map(float, column)) for column in zip(*(re.findall(NUMBER, line) for line in lines))]
print("" if len(lines) == 1 else "%d pieces: " % len(lines), end="")
print(lines[0] if len(lines) == 1 else shapes.pop().format(*("%d" % value for value in sums)))
PYTHON
  rm -rf "$folder"
  return "$outcome"
}

# seeds: one for each of `count` pieces.
seeds() { seq "$first_seed" $((first_seed + count - 1)); }

# run_tests <program> <filter> [VARIABLE=value...]: prints what the tests recorded as figures, or fails. `under` is what
# runs the program, if it does not run by itself.
run_tests() {
  local program=$1 filter=$2 report
  shift 2
  report=$(mktemp)
  # shellcheck disable=SC2086
  if ! env "$@" ${under:-} "$program" --gtest_filter="$filter" --gtest_brief=1 --gtest_output="json:$report" >"$report.log"; then
    cat "$report.log" >&2
    rm -f "$report" "$report.log"
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
        for name in ("power_losses", "failed_calls", "cuts", "flipped_bits", "steps"):
            if name in test:
                sums[name] = sums.get(name, 0) + int(test[name])
figures = "".join(", %d %s" % (value, name.replace("_", " ")) for name, value in sums.items())
print("%d tests%s: nothing lost, nothing wrong" % (report["tests"], figures))
PYTHON
  rm -f "$report" "$report.log"
}
export -f run_tests

tests=build/release/tests
# Cycles wait most of the time.
step_kill() {
  split "$(scaled 10000 2)" 250
  seeds | pieces $((2 * jobs)) python3 -B tests/crash/kill_cycles.py "$vibratod" --cycles "$size" --seed {}
}
step_snapshots() {
  split "$(scaled 1000 1)" 25
  seeds | pieces $((2 * jobs)) python3 -B tests/crash/kill_snapshots.py "$vibratod" --cycles "$size" --seed {}
}
# A factor of 1 is 1,000 losses of the database and as many in its recovery, or 16,000 of the log.
step_power() {
  split "$(scaled 1000 1)" 10
  seeds | pieces "$jobs" bash -c 'run_tests "$@"' run "$tests/crash/crash" 'DatabasePowerLoss.*' \
    VIBRATO_CRASH_ROUNDS="$size" VIBRATO_TEST_SEED={}
  split "$(scaled 60 1)" 10
  seeds | pieces "$jobs" bash -c 'run_tests "$@"' run "$tests/crash/crash" 'WalPowerLoss.loses*' \
    VIBRATO_CRASH_ROUNDS="$size" VIBRATO_TEST_SEED={}
}
# Something else writes to the disk and keeps the processor busy meanwhile.
step_faults() {
  local load file outcome=0 filter='*Faults.*:VectorPowerLoss.each_failing*'
  file=$(mktemp)
  while :; do dd if=/dev/urandom of="$file" bs=1M count=64 conv=fdatasync status=none; done &
  load=$!
  "$tests/crash/crash" --gtest_list_tests --gtest_filter="$filter" | awk '/^[^ ]/ {suite = $1; next} NF {print suite $1}' |
    grep . | pieces "$jobs" bash -c 'run_tests "$@"' run "$tests/crash/crash" {} \
    VIBRATO_FAULT_STRIDE="$(every)" || outcome=$?
  kill "$load"
  wait "$load" 2>/dev/null || true
  rm -f "$file"
  return "$outcome"
}
# Logs of 64 KiB at every byte, and one as long as all of them at some.
step_cuts() {
  local bytes
  bytes=$(scaled 4194304 2048)
  split "$bytes" 65536
  seeds | pieces "$jobs" bash -c 'run_tests "$@"' run "$tests/format/format_suite" 'LogDamage.cut_at*' \
    VIBRATO_LOG_CUT_BYTES="$size" VIBRATO_TEST_SEED={}
  run_tests "$tests/format/format_suite" 'LogDamage.cut_at*' VIBRATO_LOG_CUT_BYTES="$bytes" VIBRATO_LOG_CUT_STRIDE=401
}
# Each of twelve tests flips as many bits, or a part of that.
step_flips() {
  split "$(scaled 160000 2000)" 20000
  seeds | pieces "$jobs" bash -c 'run_tests "$@"' run "$tests/format/format_suite" \
    '*Damage.*flipped_bit*:IdsDamage.hostile*' VIBRATO_FORMAT_FLIPS="$size" VIBRATO_TEST_SEED={}
}
# In memory: what a disk does is not what this compares.
step_property() {
  local folder=/dev/shm
  [[ -d $folder && -w $folder ]] || folder=${TMPDIR:-/tmp}
  split "$(scaled 10000000 1000)" 100000
  seeds | pieces "$jobs" bash -c 'run_tests "$@"' run "$tests/property/property" 'DatabaseProperty.*' \
    TMPDIR="$folder" VIBRATO_PROPERTY_STEPS="$size" VIBRATO_TEST_SEED={}
}
# Layers without threads of their own, which valgrind would run one at a time; below full size a part of their tests.
step_valgrind() {
  local shards
  shards=$(every)
  ((shards <= 20)) || shards=20
  printf '%s\n' wal base format store catalog auth |
    under='valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite' \
      pieces "$jobs" bash -c 'run_tests "$@"' run "$tests/unit_{}" '-*DeathTest*' GTEST_TOTAL_SHARDS="$shards" \
      GTEST_SHARD_INDEX=0
}
step_keys() {
  split "$(scaled 100000 40)" 10000
  seeds | pieces "$jobs" python3 -B tests/soak/key_churn.py "$vibratod" --keys "$size" --seed {}
}
step_merge() {
  python3 -B tests/soak/merge_at_size.py "$vibratod" --rows "$(scaled 1000000 8000)" --seed "$first_seed" | tail -n 1
}
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
