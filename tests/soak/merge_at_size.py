#!/usr/bin/env python3
"""A large collection, half of it deleted, merged: the graphs that come out are whole, and find what an exact search finds.

  tests/soak/merge_at_size.py build/release/src/app/vibratod --rows 1000000 [--seed N]

Rows come in through `ingest`, in parts, with a checkpoint between them, so that there is something to merge. Then every
second row is deleted and the collection compacted. `verify` looks at all bytes and at every promise of each graph
(degrees, ids, levels, reachability).
"""
import array
import json
import pathlib
import random
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from live_server import LiveServer  # noqa: E402
from long_run import parse_arguments, run_in_folder  # noqa: E402

DIM = 32
PARTS = 4
QUERIES = 100
RECALL_MIN = 0.95


class Rows:
    """Around centres, as data has it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.centres = [[self.random.gauss(0, 1) for _ in range(DIM)] for _ in range(200)]

    def one(self):
        centre = self.centres[self.random.randrange(len(self.centres))]
        return [value + 0.4 * self.random.gauss(0, 1) for value in centre]

    def write(self, path, count):
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }\n" % (count, DIM)
        with open(path, "wb") as out:
            out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
            for _ in range(count):
                array.array("f", self.one()).tofile(out)


def expect(answer):
    if answer.status != 200:
        raise AssertionError(repr(answer))
    return answer.json


def wait_for_job(connection, answer):
    job = expect(answer) if answer.status != 202 else answer.json
    while job["state"] == "running":
        time.sleep(0.05)
        job = expect(connection.get("/v1/admin/jobs/" + job["job_id"]))
    if job["state"] != "completed":
        raise AssertionError(json.dumps(job))
    return job


def fill(server, binary, connection, rows, count, root):
    for part in range(PARTS):
        path = root / ("part%d.npy" % part)
        rows.write(path, count // PARTS)
        create = ["--create", "--metric", "l2"] if part == 0 else []
        subprocess.run([binary, "ingest", "--input", str(path), "--server", "http://127.0.0.1:%d" % server.port, "--key",
                        server.key, "--collection", "c", "--first-id", str(part * (count // PARTS)), *create],
                       check=True, stdout=subprocess.DEVNULL)
        path.unlink()
        wait_for_job(connection, connection.post("/v1/admin/checkpoint"))


def delete_half(connection, count):
    for begin in range(0, count, 2000):
        expect(connection.post("/v1/vector/c/delete_batch", {"ids": list(range(begin, min(begin + 2000, count), 2))}))


def recall(connection, rows):
    found = 0
    for _ in range(QUERIES):
        query = rows.one()
        exact, walked = (
            {hit["id"] for hit in
             expect(connection.post("/v1/vector/c/search", {"vector": query, "k": 10, "exact": exact}))["hits"]}
            for exact in (True, False))
        if any(number % 2 == 0 for number in exact | walked):
            raise AssertionError("a deleted row was found")
        found += len(exact & walked)
    return found / (10 * QUERIES)


def main():
    arguments = parse_arguments(__doc__, "rows", 1_000_000)
    count = arguments.rows // PARTS * PARTS
    rows = Rows(arguments.seed)
    with run_in_folder("vibrato_merge_", lambda root: LiveServer(arguments.binary, root / "data", "--audio-colocated",
                                                                 "false")) as (root, server):
        server.start()
        connection = server.connect(timeout=7200)
        fill(server, arguments.binary, connection, rows, count, root)
        delete_half(connection, count)
        wait_for_job(connection, connection.post("/v1/admin/compact", {"collection": "c"}))
        info = expect(connection.get("/v1/vector/c"))
        reached = recall(connection, rows)
        connection.close()
        if server.stop() != 0:
            raise AssertionError("SIGTERM did not end the server with 0")
        files = sorted((server.folder / "segments").iterdir())
        for path in files:
            subprocess.run([arguments.binary, "verify", str(path)], check=True, stdout=subprocess.DEVNULL)
        if reached < RECALL_MIN:
            raise AssertionError("recall@10 %.4f is below %.2f" % (reached, RECALL_MIN))
    print("%d rows, half of them deleted and merged into %d files with %d rows: graphs whole, recall@10 %.4f"
          % (count, len(files), info["live_count"], reached))


if __name__ == "__main__":
    main()
