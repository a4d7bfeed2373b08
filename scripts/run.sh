#!/usr/bin/env bash
# Installs what is missing, builds vibratod, loads the shipped sample and serves it over HTTP.
#
#   scripts/run.sh                 serve on http://127.0.0.1:8080 until Ctrl-C
#   scripts/run.sh --port 9000     on another port
#   scripts/run.sh --check         on a free port: try the printed requests, check their answers, stop
set -euo pipefail
source "$(dirname "$0")/common.sh"

port=8080
check=false
while (($#)); do
  case "$1" in
    --port) port=${2:?--port needs a number}; shift 2 ;;
    --check) check=true; shift ;;
    -h | --help) sed -n '2,6p' "$0" | cut -c3-; exit 0 ;;
    *) echo "run.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
  esac
done

scripts/setup.sh
say "building vibratod"
configure release
build release vibratod

sample=build/sample/packages.vdb
mkdir -p build/sample
if ! "$vibratod" stats "$sample" >/dev/null 2>&1; then
  say "making $sample from tools/sample"
  make_sample "$sample"
fi

$check && port=$(free_port)
url=http://127.0.0.1:$port
say "starting vibratod on $url"
"$vibratod" serve --data "$sample" --port "$port" &
server=$!
trap 'stop_server "$server" || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
wait_until_healthy "$url" "$server" || { echo "run.sh: the server did not come up" >&2; exit 1; }

requests=(
  "curl -s $url/health"
  "curl -s $url/search -H 'Content-Type: application/json' -d @tools/sample/query-ffmpeg.json"
  "curl -s $url/search -H 'Content-Type: application/json' -d @tools/sample/query-postgresql.json"
)
say "ready; try these in another terminal, from $root:"
printf '  %s\n' "${requests[@]}"

if $check; then
  wanted=('"status":"ok"' libavfilter postgresql-contrib)
  for i in "${!requests[@]}"; do
    answer=$(eval "${requests[i]}")
    [[ $answer == *"${wanted[i]}"* ]] || { echo "run.sh: '${requests[i]}' answered: $answer" >&2; exit 1; }
  done
  say "all requests answered as they should; stopping"
  trap - EXIT
  stop_server "$server"
  exit
fi
printf '\nCtrl-C stops the server.\n'
wait "$server"
