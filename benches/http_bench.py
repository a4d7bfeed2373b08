#!/usr/bin/env python3
"""HTTP beside the search: how much of a request's time is spent outside the index.

  benches/http_bench.py --base base.npy --queries queries.npy --truth truth.ivecs --metric cosine
  benches/http_bench.py --made 10000x768

Makes a .vdb file with its graph, serves it on one core, and loads it with wrk from another, JSON bodies over
keep-alive. Measures GET /health/live, the same with a search's body, POST /search on a file of one row (all of HTTP
and JSON, no search), and POST /search at the smallest ef that reaches --recall. The time of the search itself is
`query_time_ms` of the replies under the same load. Relative paths start from VIBRATO_DATA. Needs wrk and taskset.
"""
import argparse
import http.client
import json
import operator
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
EFS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
MADE_QUERIES = 100
MADE_SEED = 1

# Sends the bodies of a file in turn; with `time`, sums up query_time_ms of the replies.
WRK_SCRIPT = """
local bodies, at, total, count = {{}}, 0, 0, 0
for line in io.lines("{bodies}") do bodies[#bodies + 1] = line end
wrk.method = "{method}"
wrk.headers["Content-Type"] = "application/json"
request = function()
  at = at % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[at])
end
{time_hook}
"""
TIME_HOOK = """
threads = {}
setup = function(thread) threads[#threads + 1] = thread end
init = function() sum = 0; replies = 0 end
response = function(status, headers, body)
  local ms = string.match(body, '"query_time_ms":%s*([%d%.eE+-]+)')
  if ms then sum = sum + tonumber(ms); replies = replies + 1 end
end
done = function()
  local all, n = 0, 0
  for _, thread in ipairs(threads) do all = all + thread:get("sum"); n = n + thread:get("replies") end
  print(string.format("mean_query_time_ms %.6f", n > 0 and all / n or 0))
end
"""


def read_vectors(path, limit):
    """The first rows of an .npy (f2, f4, f8), .fvecs or .bvecs file as lists of floats."""
    data = path.read_bytes()
    if path.suffix == ".npy":
        (header_bytes,) = struct.unpack_from("<H", data, 8)
        header = data[10 : 10 + header_bytes].decode("latin-1")
        rows, dim = (int(part) for part in re.search(r"'shape': \((\d+), (\d+)\)", header).groups())
        code, width = {"<f2": ("e", 2), "<f4": ("f", 4), "<f8": ("d", 8)}[re.search(r"'descr': '(.+?)'", header)[1]]
        offset, stride = 10 + header_bytes, dim * width
    else:
        (dim,) = struct.unpack_from("<i", data, 0)
        code, width = ("B", 1) if path.suffix == ".bvecs" else ("f", 4)
        offset, stride = 4, 4 + dim * width
        rows = len(data) // stride
    return [list(struct.unpack_from(f"<{dim}{code}", data, offset + i * stride)) for i in range(min(rows, limit))]


def read_truth(path, limit):
    data = path.read_bytes()
    (width,) = struct.unpack_from("<i", data, 0)
    stride = 4 + 4 * width
    rows = min(len(data) // stride, limit)
    return [struct.unpack_from(f"<{width}i", data, i * stride + 4) for i in range(rows)]


def made_data(folder, rows, dim):
    """Clustered random rows as an .fvecs file, queries near some of them, and the exact answers (l2)."""
    draw = random.Random(MADE_SEED)
    centres = [[draw.gauss(0, 1) for _ in range(dim)] for _ in range(max(1, rows // 100))]

    def near(row, spread):
        return [value + draw.gauss(0, spread) for value in row]

    base = [near(draw.choice(centres), 0.5) for _ in range(rows)]
    queries = [near(draw.choice(base), 0.3) for _ in range(MADE_QUERIES)]
    path = folder / "made.fvecs"
    with open(path, "wb") as out:
        for row in base:
            out.write(struct.pack(f"<i{dim}f", dim, *row))
    norms = [sum(map(operator.mul, row, row)) for row in base]
    truth = []
    for query in queries:
        scored = sorted((norms[i] - 2 * sum(map(operator.mul, query, row)), i) for i, row in enumerate(base))
        truth.append([i for _, i in scored[:10]])
    return path, queries, truth


class Server:
    """`vibratod serve` on a core of its own, until the block ends."""

    def __init__(self, vibratod, data, core):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = ["taskset", "-c", str(core), str(vibratod), "serve", "--data", str(data), "--port", str(self.port),
                   "--threads", "1"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(1200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                if self.process.poll() is not None:
                    sys.exit("the server ended before it listened")
                time.sleep(0.05)
        sys.exit("the server does not listen")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


def body_of(vector, k, ef):
    return json.dumps({"k": k, "ef": ef, "vector": [float(f"{value:.6g}") for value in vector]}, separators=(",", ":"))


def recall(port, queries, truth, k, ef):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    hits = 0
    for query, right in zip(queries, truth):
        connection.request("POST", "/search", body_of(query, k, ef), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        answer = json.loads(reply.read())
        if reply.status != 200:
            sys.exit(f"/search answered {reply.status}: {answer}")
        hits += len({hit["id"] for hit in answer["results"]} & set(right[:k]))
    return hits / (k * min(len(queries), len(truth)))


def wrk(arguments, url, method, bodies, folder, timed=False):
    bodies_path, script_path = folder / "bodies", folder / "wrk.lua"
    bodies_path.write_text("\n".join(bodies) + "\n")
    script_path.write_text(
        WRK_SCRIPT.format(bodies=bodies_path, method=method, time_hook=TIME_HOOK if timed else "")
    )
    command = ["taskset", "-c", str(arguments.client_core), "wrk", "-t1", f"-c{arguments.connections}",
               f"-d{arguments.seconds}s", "-s", str(script_path), url]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        sys.exit(f"wrk met errors at {url}:\n{output}")
    found = re.search(r"mean_query_time_ms ([\d.]+)" if timed else r"Requests/sec:\s+([\d.]+)", output)
    return float(found[1])


def make_file(arguments, source, target):
    run = lambda *words: subprocess.run([str(arguments.vibratod), *map(str, words)], check=True, stdout=sys.stderr)
    run("ingest", "--input", source, "--output", target, "--metric", arguments.metric)
    run("build", target, "--m", 16, "--ef-construction", 200)


def measure(arguments, folder):
    if arguments.made:
        rows, dim = (int(part) for part in arguments.made.split("x"))
        arguments.metric = "l2"
        source, queries, truth = made_data(folder, rows, dim)
    else:
        data = pathlib.Path(os.environ.get("VIBRATO_DATA", "."))
        source = data / arguments.base
        queries = read_vectors(data / arguments.queries, arguments.query_limit)
        truth = read_truth(data / arguments.truth, arguments.query_limit)
    full, single = folder / "full.vdb", folder / "single.vdb"
    make_file(arguments, source, full)
    one = folder / "one.jsonl"
    one.write_text(json.dumps({"vector": queries[0]}) + "\n")
    make_file(arguments, one, single)

    figures = {"dim": len(queries[0]), "connections": arguments.connections, "k": arguments.k}
    with Server(arguments.vibratod, full, arguments.server_core) as server:
        url = f"http://127.0.0.1:{server.port}"
        for ef in EFS:
            reached = recall(server.port, queries, truth, arguments.k, ef)
            if reached >= arguments.recall:
                break
        else:
            print(f"recall {arguments.recall} is not reached; the largest ef is measured", file=sys.stderr)
        bodies = [body_of(query, arguments.k, ef) for query in queries]
        figures["ef"], figures["recall"], figures["body_bytes"] = ef, round(reached, 4), len(bodies[0])
        figures["live_qps"] = wrk(arguments, url + "/health/live", "GET", [""], folder)
        figures["live_with_body_qps"] = wrk(arguments, url + "/health/live", "GET", bodies, folder)
        figures["search_qps"] = wrk(arguments, url + "/search", "POST", bodies, folder)
        figures["search_ms"] = wrk(arguments, url + "/search", "POST", bodies, folder, timed=True)
    with Server(arguments.vibratod, single, arguments.server_core) as server:
        url = f"http://127.0.0.1:{server.port}/search"
        figures["search_one_row_qps"] = wrk(arguments, url, "POST", bodies, folder)
    figures["share_outside_search"] = round(1 - figures["search_qps"] * figures["search_ms"] / 1000, 4)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vibratod", type=pathlib.Path, default=ROOT / "build/release/src/app/vibratod")
    parser.add_argument("--base", help="vectors to serve: .npy, .fvecs or .bvecs")
    parser.add_argument("--queries", help="vectors to ask for")
    parser.add_argument("--truth", help="exact answers, .ivecs")
    parser.add_argument("--metric", default="l2", choices=("cosine", "dot", "l2"))
    parser.add_argument("--made", metavar="ROWSxDIM", help="random vectors instead of files")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--query-limit", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.made and not (arguments.base and arguments.queries and arguments.truth):
        parser.error("give --base, --queries and --truth, or --made")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(arguments, pathlib.Path(folder)), indent=2))


if __name__ == "__main__":
    main()
