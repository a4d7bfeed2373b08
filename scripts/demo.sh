#!/usr/bin/env bash
# Shows the product from end to end on the shipped sample, in about a minute: a file of vectors that is made, checked,
# served and searched; then the database with all of its models on one log: vectors with filters, state with
# compare-and-swap, documents, SQL, a batch over several of them, and the stream of events that all of it makes.
set -euo pipefail
source "$(dirname "$0")/common.sh"

scripts/setup.sh
configure release
build release vibratod

folder=$(mktemp -d)
server=
follower=
finish() {
  [[ -z $follower ]] || kill "$follower" 2>/dev/null || true
  [[ -z $server ]] || stop_server "$server" || true
  rm -rf "$folder"
}
trap finish EXIT
file=$folder/packages.vdb

# Prints a command as one would type it, then runs it.
show() {
  local line=${*//$vibratod/vibratod} status=0
  [[ -z ${key:-} ]] || line=${line//$key/KEY}
  printf '\n$ %s\n' "$line"
  eval "$*" || status=$?
  echo
  return "$status"
}
# The same for a command that is to fail.
show_refused() { if show "$@"; then echo "demo.sh: this should have been refused" >&2; exit 1; fi; }
json='-H "Content-Type: application/json"'

say "a file of vectors"
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

say "the database: all models on one log"
port=$(free_port)
url=http://127.0.0.1:$port
key=$("$vibratod" key-create --data-dir "$folder/database" --name demo | sed -n 's/^token=//p')
export VIBRATO_KEY=$key VIBRATO_SERVER=$url
printf '\n$ vibratod serve-v2 --data-dir data --sql --port %s &\n' "$port"
"$vibratod" serve-v2 --data-dir "$folder/database" --sql --port "$port" 2>"$folder/server.log" &
server=$!
wait_until_healthy "$url" "$server" /v1/health/ready || { echo "demo.sh: the server did not come up" >&2; exit 1; }
printf '\n$ export VIBRATO_SERVER=%s VIBRATO_KEY=KEY\n' "$url"

printf '\n$ vibratod stream --types ... > events.txt &\n'
"$vibratod" stream --types state_updated,state_deleted,doc_put,sql_executed,order.placed >"$folder/events.txt" &
follower=$!

show "$vibratod ingest --collection packages --create --metric cosine --input tools/sample/packages.npy --meta tools/sample/packages-meta.jsonl"
show "$vibratod search --collection packages --query-file tools/sample/query-ffmpeg.json -k 3 --filter '{\"key\": \"section\", \"match\": {\"value\": \"video\"}}'"

say "state: a lock that one of two gets, and that ends by itself"
show "$vibratod state put lock '\"first\"' --if-revision 0 --ttl-ms 1500"
show_refused "$vibratod state put lock '\"second\"' --if-revision 0"
show "$vibratod state get lock --json"
show "$vibratod state put config/theme '{\"dark\": true}'"
show "$vibratod state list"

say "documents"
show "$vibratod doc put books dune '{\"title\": \"Dune\", \"year\": 1965}'"
show "$vibratod doc put books solaris '{\"title\": \"Solaris\", \"year\": 1961}'"
show "$vibratod doc find books --filter '{\"key\": \"year\", \"range\": {\"lt\": 1970}}' --sort year"

say "SQL"
show "$vibratod sql --exec 'CREATE TABLE plays (track TEXT, times INTEGER)'"
show "$vibratod sql --exec 'INSERT INTO plays VALUES (?, ?), (?, ?)' --params '[\"one\", 3, \"two\", 4]'"
show "$vibratod sql 'SELECT track, times FROM plays ORDER BY times DESC'"

say "a batch: all of it or nothing"
auth='-H "Authorization: Bearer '$key'"'
cat >"$folder/batch.json" <<'BATCH'
{"operations": [
  {"op": "state.put", "key": "orders/next", "value": 8, "if_revision": 0},
  {"op": "doc.put", "collection": "orders", "id": "7", "doc": {"total": 12.5}},
  {"op": "event.append", "type": "order.placed", "data": {"id": "7"}}]}
BATCH
show "cat $folder/batch.json; curl -s $url/v1/batch $auth $json -d @$folder/batch.json"
show "curl -s $url/v1/batch $auth $json -d @$folder/batch.json"
show "$vibratod doc find orders"

say "the events of all this, the lock's end among them"
for _ in {1..100}; do
  ! grep -q state_deleted "$folder/events.txt" || break
  sleep 0.1
done
show "cat $folder/events.txt"
kill -INT "$follower"
wait "$follower"
follower=

printf '\n$ kill -TERM <server>\n'
stop_server "$server"
server=
for type in state_updated state_deleted doc_put sql_executed order.placed; do
  grep -q "  $type  " "$folder/events.txt" || { echo "demo.sh: no event $type came" >&2; exit 1; }
done
echo "demo: done"
