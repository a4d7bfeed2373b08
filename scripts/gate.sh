#!/usr/bin/env bash
# The long check, before a change is called finished: everything scripts/test.sh does not wait for. Stops at the first
# thing that is wrong. Takes about an hour on two cores.
#
#   scripts/gate.sh                all steps
#   scripts/gate.sh format tidy    some of: format clang tidy log power faults kill property asan tsan fuzz neon docs
set -euo pipefail
source "$(dirname "$0")/common.sh"

fuzz_seconds=${VIBRATO_FUZZ_SECONDS:-20}
steps=(format clang tidy log power faults kill property asan tsan fuzz neon docs)
(($#)) && steps=("$@")

project_files() { git ls-files "$@" -- '*.cpp' '*.hpp'; }

# Every file is formatted as .clang-format says.
step_format() { project_files | xargs clang-format-14 --dry-run --Werror; }

# Clang compiles everything without a warning.
step_clang() {
  configure clang -DVIBRATO_BUILD_TESTS=ON
  build clang
}

# clang-tidy has nothing to say about src/; what it says about places in the headers of libraries does not count. A file
# that did not change since it passed is not looked at again.
step_tidy() {
  configure clang -DVIBRATO_BUILD_TESTS=ON
  local stamps=build/clang/tidy file stamp
  mkdir -p "$stamps"
  check_one() {
    local file=$1 stamp=$2 said
    said=$(clang-tidy-14 -p build/clang --quiet "$file" 2>&1) && touch "$stamp" && return
    if grep -qE "^$PWD/.*(error|warning):|clang-diagnostic|^Error" <<<"$said" || ! grep -q 'error:' <<<"$said"; then
      echo "$said"
      return 1
    fi
    touch "$stamp"
  }
  export -f check_one
  git ls-files 'src/*.cpp' | while read -r file; do
    stamp=$stamps/$({ cat "$file" .clang-tidy; c++ -MM -I src -I include -std=c++20 "$file" 2>/dev/null |
      tr ' \\' '\n\n' | grep -E '^(src|include)/' | sort | xargs cat; } | sha256sum | cut -c1-32)
    [[ -e $stamp ]] || printf '%s\0%s\0' "$file" "$stamp"
  done | xargs -0 -r -n 2 -P "$jobs" bash -c 'check_one "$@"' _
}

# The event log: cut at every byte of 64 KiB, and power lost at every I/O of many scripts.
step_log() {
  configure clang -DVIBRATO_BUILD_TESTS=ON
  build clang format_suite crash
  VIBRATO_LOG_CUT_BYTES=65536 build/clang/tests/format/format_suite --gtest_filter='LogDamage.*' --gtest_brief=1
  VIBRATO_CRASH_ROUNDS=4 build/clang/tests/crash/crash --gtest_filter='WalPowerLoss.loses*' --gtest_brief=1
}

# Power lost 5,000 times in scripts over the whole database, inside recovery too.
step_power() {
  configure release -DVIBRATO_BUILD_TESTS=ON
  build release crash
  VIBRATO_CRASH_ROUNDS=5 build/release/tests/crash/crash --gtest_filter='DatabasePowerLoss.*' --gtest_brief=1
}

# Every call of the whole database to its disk failed, once and for good.
step_faults() {
  configure release -DVIBRATO_BUILD_TESTS=ON
  build release crash
  VIBRATO_FAULT_STRIDE=1 build/release/tests/crash/crash --gtest_filter='DatabaseFaults.*' --gtest_brief=1
}

# The real server, killed 200 times under writers, checkpoints and compactions, and inside snapshots, restores, imports,
# deletions by filter, optimizations and exports; and under writers of all models, whose answers, events and contents must
# agree.
step_kill() {
  configure release -DVIBRATO_BUILD_TESTS=ON
  build release vibratod
  python3 -B tests/crash/kill_cycles.py build/release/src/app/vibratod --cycles 200
  python3 -B tests/crash/kill_snapshots.py build/release/src/app/vibratod --cycles 50
  python3 -B tests/crash/kill_bulk.py build/release/src/app/vibratod --cycles 60
  python3 -B tests/crash/kill_histories.py build/release/src/app/vibratod --cycles 100
  python3 -B tests/crash/kill_models.py build/release/src/app/vibratod --cycles 200
  python3 -B tests/crash/kill_model_snapshots.py build/release/src/app/vibratod --cycles 25
}

# A whole database against a plain map, ten times as long as in CI, and the real server against all models as plain maps.
step_property() {
  configure release -DVIBRATO_BUILD_TESTS=ON
  build release property vibratod
  VIBRATO_PROPERTY_STEPS=50000 build/release/tests/property/property --gtest_filter='DatabaseProperty.*' --gtest_brief=1
  VIBRATO_QUERY_STEPS=2000 build/release/tests/property/property --gtest_filter='QueryProperty.*' --gtest_brief=1
  python3 -B tests/property/models_property.py build/release/src/app/vibratod --steps 20000
}

sanitized() {
  configure "$1" -DVIBRATO_BUILD_TESTS=ON
  build "$1"
  ctest --preset "$1" -j "$jobs" --quiet
}
step_asan() { VIBRATO_FORMAT_FLIPS=20000 sanitized asan; }
step_tsan() { sanitized tsan; }

# Each target runs for a while on top of its corpus; the planted canary must be found, or the fuzzing itself is broken.
step_fuzz() {
  configure fuzz
  local targets
  mapfile -t targets < <(matching_tests fuzz 'fuzz_[a-z0-9_]+')
  build fuzz "${targets[@]}"
  fuzz_one() {
    local target=$1 corpus=build/fuzz/corpora/$1
    mkdir -p "$corpus"
    "build/fuzz/tests/fuzz/$target" -max_total_time="$fuzz_seconds" -max_len=32768 -verbosity=0 -print_final_stats=1 \
      -artifact_prefix="build/fuzz/$target-" "$corpus" "tests/fuzz/corpora/$target" >"build/fuzz/$target.log" 2>&1 || {
      cat "build/fuzz/$target.log"
      return 255
    }
    sed -nE "s/^stat::number_of_executed_units: *([0-9]+)/$target: \\1 inputs/p" "build/fuzz/$target.log"
  }
  export -f fuzz_one
  export fuzz_seconds
  printf '%s\n' "${targets[@]}" | grep -vx fuzz_canary | xargs -P "$jobs" -I{} bash -c 'fuzz_one {}'
  say "fuzz: the canary"
  if build/fuzz/tests/fuzz/fuzz_canary -max_total_time=60 -verbosity=0 -artifact_prefix=build/fuzz/canary- \
    >build/fuzz/canary.log 2>&1; then
    echo "gate.sh: the planted fault was not found" >&2
    return 1
  fi
  grep -q 'the canary was found' build/fuzz/canary.log
}

# The NEON kernels answer as the scalar ones do, cross-compiled and run under qemu.
step_neon() { scripts/neon_check.sh; }

# run.sh and demo.sh work, and the blocks of the documents do what they say.
step_docs() {
  scripts/run.sh --check
  scripts/demo.sh >build/demo.log
  ctest --preset release -L '^docs$' --no-tests=error --quiet
}

scripts/setup.sh --gate --bench
for step in "${steps[@]}"; do
  declare -F "step_$step" >/dev/null || { echo "gate.sh: no step '$step' (see its head)" >&2; exit 2; }
  say "gate: $step"
  "step_$step"
done
say "gate: passed (${steps[*]})"
