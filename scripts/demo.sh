#!/usr/bin/env bash
# Shows the product from end to end on the shipped sample: ingest, build, stats, verify, serve, search over HTTP and
# from the command line, a write that is searchable at once, a flush, and a clean stop.
set -euo pipefail
source "$(dirname "$0")/common.sh"

scripts/setup.sh
configure release
build release vibratod

folder=$(mktemp -d)
server=
finish() {
  [[ -z $server ]] || stop_server "$server" || true
  rm -rf "$folder"
}
trap finish EXIT
file=$folder/packages.vdb

# Prints a command as one would type it, then runs it.
show() {
  printf '\n$ %s\n' "${*//$vibratod/vibratod}"
  eval "$*"
  echo
}
json='-H "Content-Type: application/json"'

show "$vibratod ingest --input tools/sample/packages.npy --meta tools/sample/packages-meta.jsonl --metric cosine --output $file"
show "$vibratod build $file"
show "$vibratod stats $file"
show "$vibratod verify $file"

port=$(free_port)
url=http://127.0.0.1:$port
printf '\n$ vibratod serve --data %s --port %s &\n' "$file" "$port"
"$vibratod" serve --data "$file" --port "$port" &
server=$!
wait_until_healthy "$url" "$server" || { echo "demo.sh: the server did not come up" >&2; exit 1; }

show "curl -s $url/health"
show "curl -s $url/search $json -d @tools/sample/query-ffmpeg.json"
show "$vibratod search --server $url --query-file tools/sample/query-git.json -k 3"

python3 - tools/sample/query-nginx.json >"$folder/new.json" <<'PYTHON'
import json, sys
vector = json.load(open(sys.argv[1]))["vector"]
print(json.dumps({"vector": vector, "metadata": {"source_file": "my-own-web-server", "tags": ["web"]}}))
PYTHON
show "curl -s $url/ingest $json -d @$folder/new.json"
show "curl -s $url/search $json -d @tools/sample/query-nginx.json"
show "curl -s -X POST $url/flush"
until curl -s "$url/flush/status" | grep -q '"state":"\(completed\|failed\)"'; do sleep 0.05; done
show "curl -s $url/flush/status"

printf '\n$ kill -TERM <server>\n'
stop_server "$server"
server=
show "$vibratod stats $file"
echo "demo: done"
