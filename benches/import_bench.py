#!/usr/bin/env python3
"""import beside upsert_batch: the same rows, from the first byte sent to `indexed_count` = rows.

  benches/import_bench.py --base base.npy --rows 31000 --metric cosine --rounds 3

Each way of sending gets a new server in a folder of its own, in turn, `--rounds` times: batches of 1,000 and import, as
JSON numbers and as floats in bytes (base64 in the batches, fvecs in the import). Bodies are made before the clock
starts. Prints seconds, the server's processor time, and what the log grew by; then medians and the ratios. A relative
path starts from VIBRATO_DATA. The server runs beside the client: leave the machine alone meanwhile.
"""
import argparse
import base64
import json
import os
import pathlib
import statistics
import struct
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "app_cli"))
from http_bench import read_vectors  # noqa: E402
from live_server import LiveServer  # noqa: E402

BATCH_ROWS = 1000
WAYS = ("batches of numbers", "import of numbers", "batches of bytes", "import of bytes")
WAIT_SECONDS = 300


def packed(row):
    return struct.pack(f"<{len(row)}f", *row)


def as_item(i, row, as_bytes):
    vector = {"vector_b64": base64.b64encode(packed(row)).decode()} if as_bytes else {"vector": row}
    return json.dumps({"id": i, **vector})


def make_requests(way, rows):
    """(path below the collection, content type, body) of each request."""
    as_bytes = way.endswith("bytes")
    if way == "import of bytes":
        body = b"".join(struct.pack("<i", len(row)) + packed(row) for row in rows)
        return [("import", "application/octet-stream", body)]
    items = [as_item(i, row, as_bytes) for i, row in enumerate(rows)]
    if way == "import of numbers":
        return [("import", "application/x-ndjson", "\n".join(items).encode())]
    return [("upsert_batch", "application/json",
             ('{"items":[' + ",".join(items[i : i + BATCH_ROWS]) + "]}").encode())
            for i in range(0, len(items), BATCH_ROWS)]


def send(client, path, content_type, body):
    while True:
        answer = client.ask("POST", f"/v1/vector/b/{path}", body, {"Content-Type": content_type})
        if answer.status == 200:
            return
        if answer.status != 429:
            sys.exit(f"POST {path}: {answer}")
        time.sleep(0.01)


def wait_until_indexed(client, rows):
    end = time.monotonic() + WAIT_SECONDS
    while client.get("/v1/vector/b").json["indexed_count"] < rows:
        if time.monotonic() > end:
            sys.exit(f"not indexed after {WAIT_SECONDS} s: {client.get('/v1/vector/b')}")
        time.sleep(0.02)


def processor_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def log_bytes(client):
    return client.get("/v1/admin/stats").json["wal_bytes"]


def run(binary, way, rows, metric):
    requests = make_requests(way, rows)
    with tempfile.TemporaryDirectory(prefix="vibrato_import_") as folder:
        server = LiveServer(binary, pathlib.Path(folder) / "data").start()
        try:
            client = server.connect(timeout=WAIT_SECONDS)
            client.post("/v1/vector/b", {"dim": len(rows[0]), "metric": metric})
            log_before, processor_before = log_bytes(client), processor_seconds(server.process)
            begin = time.monotonic()
            for request in requests:
                send(client, *request)
            answered = time.monotonic() - begin
            wait_until_indexed(client, len(rows))
            seconds = time.monotonic() - begin
            processor = processor_seconds(server.process) - processor_before
            print(f"{way:20} {seconds:6.2f} s, answered after {answered:.2f} s, processor {processor:.2f} s, "
                  f"log {log_bytes(client) - log_before:,} bytes", flush=True)
            return seconds, processor
        finally:
            server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "build/release/src/app/vibratod"))
    parser.add_argument("--base", required=True, help="vectors: .npy, .fvecs or .bvecs")
    parser.add_argument("--rows", type=int, default=31000)
    parser.add_argument("--metric", default="cosine", choices=("cosine", "dot", "l2"))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    path = pathlib.Path(os.environ.get("VIBRATO_DATA", "."), arguments.base)
    rows = read_vectors(path, arguments.rows)
    figures = {way: [] for way in WAYS}
    for _ in range(arguments.rounds):
        for way in WAYS:
            figures[way].append(run(arguments.binary, way, rows, arguments.metric))
    for sent_as in ("numbers", "bytes"):
        batches, imports = (figures[f"{kind} of {sent_as}"] for kind in ("batches", "import"))
        of = lambda runs, i: statistics.median(one[i] for one in runs)  # noqa: E731
        ratios = sorted(one[0] / other[0] for one, other in zip(imports, batches))
        print(f"{sent_as}: batches {of(batches, 0):.2f} s, import {of(imports, 0):.2f} s: "
              f"{of(imports, 0) / of(batches, 0):.2f}x ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
              f"processor time {of(imports, 1) / of(batches, 1):.2f}x")


if __name__ == "__main__":
    main()
