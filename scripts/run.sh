#!/usr/bin/env bash
# Installs what is missing, builds vibratod, and serves a database with the shipped sample as a collection.
#
#   scripts/run.sh                 serve on http://127.0.0.1:8080 until Ctrl-C
#   scripts/run.sh --port 9000     on another port
#   scripts/run.sh --check         on a free port, in a folder of its own: try the printed requests, check their
#                                  answers, stop
set -euo pipefail
source "$(dirname "$0")/common.sh"

port=8080
check=false
while (($#)); do
  case "$1" in
    --port) port=${2:?--port needs a number}; shift 2 ;;
    --check) check=true; shift ;;
    -h | --help) sed -n '2,7p' "$0" | cut -c3-; exit 0 ;;
    *) echo "run.sh: unknown argument '$1' (see --help)" >&2; exit 2 ;;
  esac
done

scripts/setup.sh
say "building vibratod"
configure release
build release vibratod

folder=build/sample
if $check; then
  mkdir -p build
  folder=$(mktemp -d build/sample-check.XXXXXX)
  port=$(free_port)
fi
server=
finish() {
  [[ -z $server ]] || stop_server "$server" || true
  ! $check || rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The key of the first start is kept beside the database, for the next ones.
mkdir -p "$folder"
key_file=$folder/admin.key
url=http://127.0.0.1:$port
if [[ ! -s $key_file ]]; then
  (umask 077 && "$vibratod" key-create --data-dir "$folder/database" --name run.sh | sed -n 's/^token=//p' >"$key_file")
fi
key=$(<"$key_file")

say "starting vibratod on $url"
"$vibratod" serve-v2 --data-dir "$folder/database" --sql --port "$port" &
server=$!
wait_until_healthy "$url" "$server" /v1/health/ready || { echo "run.sh: the server did not come up" >&2; exit 1; }

auth="-H 'Authorization: Bearer $key'"
json="-H 'Content-Type: application/json'"
if [[ $(curl -s "$url/v1/vector/packages" -H "Authorization: Bearer $key") != *'"live_count":3000,'* ]]; then
  say "loading tools/sample into the collection 'packages'"
  VIBRATO_KEY=$key "$vibratod" ingest --server "$url" --collection packages --create --metric cosine \
    --input tools/sample/packages.npy --meta tools/sample/packages-meta.jsonl
fi

requests=(
  "curl -s $url/v1/vector/packages $auth"
  "curl -s $url/v1/vector/packages/search $auth $json -d @tools/sample/query-ffmpeg.json"
  "curl -s $url/v1/vector/packages/search $auth $json -d @tools/sample/query-postgresql.json"
)
say "ready; the key is"
printf '  %s\n' "$key"
say "try these in another terminal, from $root:"
printf '  %s\n' "${requests[@]}"

if $check; then
  wanted=('"live_count":3000' libavfilter postgresql-contrib)
  for i in "${!requests[@]}"; do
    answer=$(eval "${requests[i]}")
    [[ $answer == *"${wanted[i]}"* ]] || { echo "run.sh: '${requests[i]}' answered: $answer" >&2; exit 1; }
  done
  say "all requests answered as they should; stopping"
  status=0
  stop_server "$server" || status=$?
  server=
  exit "$status"
fi
printf '\nCtrl-C stops the server.\n'
wait "$server"
