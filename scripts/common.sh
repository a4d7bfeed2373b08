# shellcheck shell=bash
# What the other scripts share; sourced, never run. Sets `root` and goes there.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

jobs=${VIBRATO_JOBS:-$(nproc)}
vibratod=$root/build/release/src/app/vibratod

say() { printf '\n== %s\n' "$*"; }

# configure <preset> [cmake arguments]: quiet unless it fails.
configure() {
  local preset=$1 log
  shift
  log=$(mktemp)
  if ! cmake --preset "$preset" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# build <preset> [targets...]: everything, or the named targets.
build() {
  local preset=$1
  shift
  if (($#)); then
    cmake --build --preset "$preset" -j "$jobs" --target "$@"
  else
    cmake --build --preset "$preset" -j "$jobs"
  fi
}

# matching_tests <preset> <regex>: the test programs whose whole name matches, one a line.
matching_tests() { ninja -C "build/$1" -t targets all | sed -nE "s/^($2): phony$/\1/p" | sort; }

# A port of the loopback address that nothing listens on.
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# make_sample <file.vdb>: the shipped sample as a file with its graph.
make_sample() {
  "$vibratod" ingest --input tools/sample/packages.npy --meta tools/sample/packages-meta.jsonl --metric cosine \
    --output "$1"
  "$vibratod" build "$1"
}

# wait_until_healthy <url> <pid> [path]: returns 1 if the server ends or takes longer than a minute.
wait_until_healthy() {
  local deadline=$((SECONDS + 60))
  until curl -fsS -o /dev/null "$1${3:-/health}" 2>/dev/null; do
    kill -0 "$2" 2>/dev/null || return 1
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

# stop_server <pid>: asks it to end and answers with its exit status.
stop_server() {
  kill -TERM "$1" 2>/dev/null || true
  wait "$1"
}
