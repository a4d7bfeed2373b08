#!/usr/bin/env python3
"""kill -9 of the real server under four writers, imports, checkpoints and compactions, again and again on one folder.

  tests/crash/kill_cycles.py build/release/src/app/vibratod --cycles 30 [--seed N]

What was acknowledged must be there, exactly; what was in flight when the process died may be there or not, each
request as a whole; nothing else may be. Each writer owns the ids of its residue and remembers what was acknowledged,
and the one request that was not answered.
"""
import http.client
import json
import pathlib
import random
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from live_server import LiveServer  # noqa: E402
from long_run import parse_arguments, run_in_folder  # noqa: E402

DIM = 8
WRITERS = 4
IDS_EACH = 150
COLLECTION = "/v1/vector/kept"


def vector_of(number, version):
    """Tells id and version apart exactly, in every f32."""
    return [float(number), float(version)] + [float((number * 31 + version * 7 + i) % 11) for i in range(DIM - 2)]


class Writer:
    def __init__(self, residue, seed):
        self.residue = residue
        self.random = random.Random(seed)
        self.acked = {}       # id -> (vector, meta)
        self.in_flight = {}   # id -> (vector, meta) or None, of the request without an answer
        self.version = 0
        self.requests = 0
        self.fault = None

    def new_point(self, number):
        self.version += 1
        meta = {"version": self.version} if self.random.random() < 0.7 else None
        return vector_of(number, self.version), meta

    def pick(self):
        return self.random.randrange(IDS_EACH) * WRITERS + self.residue

    def choose(self):
        """A request and what it does: (path, body, {id: outcome})."""
        kind = self.random.random()
        if kind < 0.45:
            number = self.pick()
            vector, meta = self.new_point(number)
            return "upsert", item(number, vector, meta), {number: (vector, meta)}
        if kind < 0.55:
            points = {number: self.new_point(number) for number in {self.pick() for _ in range(40)}}
            return "import", "\n".join(json.dumps(item(n, *p)) for n, p in points.items()).encode(), points
        if kind < 0.7:
            points = {number: self.new_point(number) for number in {self.pick() for _ in range(20)}}
            return "upsert_batch", {"items": [item(n, *p) for n, p in points.items()]}, points
        if kind < 0.8 and self.acked:
            number = self.random.choice(list(self.acked))
            vector, _ = self.new_point(number)
            return "update", {"id": number, "vector": vector}, {number: (vector, self.acked[number][1])}
        if kind < 0.9 and self.acked:
            number = self.random.choice(list(self.acked))
            return "delete", {"id": number}, {number: None}
        if kind < 0.93 and self.version > 0:
            return self.choose_filter()
        numbers = sorted({self.pick() for _ in range(8)})
        return "delete_batch", {"ids": numbers}, {n: None for n in numbers}

    def choose_filter(self):
        """Deletes those of its own points that are of some versions."""
        first = self.random.randrange(self.version) + 1
        mine = {"has_id": [i * WRITERS + self.residue for i in range(IDS_EACH)]}
        versions = {"key": "version", "range": {"gte": first, "lt": first + 50}}
        chosen = [n for n, (_, meta) in self.acked.items() if meta and first <= meta["version"] < first + 50]
        return "delete_by_filter", {"filter": {"must": [mine, versions]}}, {n: None for n in chosen}

    def run(self, server):
        connection = server.connect()
        try:
            while True:
                path, body, outcome = self.choose()
                self.in_flight = outcome
                headers = {"Content-Type": "application/x-ndjson"} if path == "import" else None
                answer = connection.post(COLLECTION + "/" + path, body, headers)
                if answer.status == 429:
                    self.in_flight = {}
                    time.sleep(0.01)
                    continue
                if answer.status != 200 or (path == "import" and "imported" not in json.loads(
                        answer.body.splitlines()[-1])):
                    self.fault = "%s %r answered %r" % (path, body, answer)
                    return
                if path == "delete_by_filter" and answer.json["deleted"] != len(outcome):
                    self.fault = "%d points match, %r" % (len(outcome), answer)
                    return
                self.settle(outcome)
        except (OSError, http.client.HTTPException):
            return

    def settle(self, outcome):
        for number, point in outcome.items():
            if point is None:
                self.acked.pop(number, None)
            else:
                self.acked[number] = point
        self.in_flight = {}
        self.requests += 1

    def check(self, connection):
        """Compares every id of this writer with what the restarted server holds, and goes on from there."""
        found = {}
        for i in range(IDS_EACH):
            number = i * WRITERS + self.residue
            answer = connection.get(COLLECTION + "/get?id=%d" % number)
            if answer.status == 200:
                found[number] = (answer.json["vector"], answer.json["meta"])
            elif answer.status != 404:
                raise AssertionError("get of %d answered %r" % (number, answer))
        wanted = dict(self.acked)
        if found != wanted and self.in_flight:
            self.settle(dict(self.in_flight))
            wanted = self.acked
        self.in_flight = {}
        if found != wanted:
            wrong = sorted(n for n in found.keys() | wanted.keys() if found.get(n) != wanted.get(n))
            raise AssertionError("ids %s differ; first: found %r, acknowledged %r" %
                                 (wrong[:10], found.get(wrong[0]), wanted.get(wrong[0])))
        return len(found)


def item(number, vector, meta):
    return {"id": number, "vector": vector} | ({} if meta is None else {"meta": meta})


def disturb(server, seed):
    """Checkpoints and compactions, as fast as they go, until the server dies."""
    rng = random.Random(seed)
    connection = server.connect()
    try:
        while True:
            connection.post("/v1/admin/" + rng.choice(["checkpoint", "checkpoint", "compact"]))
            time.sleep(rng.uniform(0, 0.05))
    except (OSError, http.client.HTTPException):
        return


def check_all(server, writers):
    connection = server.connect()
    rows = sum(writer.check(connection) for writer in writers)
    info = connection.get(COLLECTION).json
    if info["live_count"] != rows:
        raise AssertionError("live_count is %d, %d rows are there" % (info["live_count"], rows))
    hits = connection.post(COLLECTION + "/search",
                           {"vector": vector_of(1, 1), "k": 1000, "exact": True}).json["hits"]
    ids = [hit["id"] for hit in hits]
    if len(ids) != rows or len(set(ids)) != rows:
        raise AssertionError("%d rows, an exact search gives %d hits, %d ids" % (rows, len(ids), len(set(ids))))
    with_meta = sum(1 for writer in writers for _, meta in writer.acked.values() if meta)
    count = connection.post(COLLECTION + "/count", {"filter": {"key": "version", "range": {"gte": 0}}}).json["count"]
    if count != with_meta:
        raise AssertionError("%d rows have meta, a filter counts %d" % (with_meta, count))
    connection.close()
    return rows


def main():
    arguments = parse_arguments(__doc__, "cycles", 30)
    rng = random.Random(arguments.seed)
    writers = [Writer(i, arguments.seed + i) for i in range(WRITERS)]
    flags = ("--checkpoint-interval-secs", 1, "--compaction-interval-secs", 1)
    with run_in_folder("vibrato_kill_",
                       lambda root: LiveServer(arguments.binary, root / "data", *flags)) as (_, server):
        server.start()
        created = server.connect().post(COLLECTION, {"dim": DIM, "metric": "l2"})
        assert created.status == 200, created
        for _ in range(arguments.cycles):
            threads = [threading.Thread(target=writer.run, args=(server,)) for writer in writers]
            threads.append(threading.Thread(target=disturb, args=(server, rng.random())))
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.02, 0.8))
            server.kill()
            for thread in threads:
                thread.join()
            faults = [writer.fault for writer in writers if writer.fault]
            if faults:
                raise AssertionError(faults[0])
            server.start(wait_until_ready=True)
            rows = check_all(server, writers)
        if server.stop() != 0:
            raise AssertionError("SIGTERM did not end the server with 0")
    print("%d cycles, %d requests acknowledged, %d rows at the end: none lost, none doubled, none altered"
          % (arguments.cycles, sum(w.requests for w in writers), rows))


if __name__ == "__main__":
    main()
