#!/usr/bin/env python3
"""kill -9 of the real server inside imports, deletions by filter, optimizations and exports, again and again.

  tests/crash/kill_bulk.py build/release/src/app/vibratod --cycles 20 [--seed N]

An import is there whole or not at all, and leaves no file. A deletion by filter has taken whole groups, the lowest ids
first; the same call again takes the rest, and with its Idempotency-Key answers the number of all. An export that ends as
it should has every point once. Nothing else changes.
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

POINTS = 24_000
OLD = POINTS // 3   # Those that the deletion takes: every third.
GROUP = 1000        # How many a deletion takes at a time.
COLLECTION = "/v1/vector/bulk"
NDJSON = {"Content-Type": "application/x-ndjson"}


def old(value):
    return {"filter": {"key": "old", "match": {"value": value}}}


class Bulk:
    def __init__(self, server, folder, rng):
        self.server = server
        self.folder = folder
        self.rng = rng
        self.version = 0
        self.seconds = {}   # What a step takes that nothing interrupts.
        self.kills = 0
        self.whole_exports = 0
        self.outcomes = {}

    def note(self, what):
        self.outcomes[what] = self.outcomes.get(what, 0) + 1

    def point(self, number):
        return {"id": number, "vector": [number, self.version], "meta": {"old": number % 3 == 0}}

    def body(self):
        return "\n".join(json.dumps(self.point(i)) for i in range(POINTS)).encode()

    def interrupted(self, name, work):
        """Runs the work on a thread and kills the server meanwhile; what the work answered, or None. The first time it
        is not killed, to learn how long it takes."""
        answers = []

        def run():
            try:
                answers.append(work())
            except (OSError, http.client.HTTPException):
                pass

        if name not in self.seconds:
            began = time.monotonic()
            run()
            self.seconds[name] = time.monotonic() - began
        else:
            thread = threading.Thread(target=run)
            thread.start()
            time.sleep(self.rng.uniform(0, 1.1 * self.seconds[name]))
            self.server.kill()
            thread.join()
            self.kills += 1
            self.server.start(wait_until_ready=True)
        return answers[0] if answers else None

    def info(self):
        return self.server.connect().get(COLLECTION).json

    def count(self, body):
        return self.server.connect().post(COLLECTION + "/count", body).json["count"]

    def files(self):
        return {path.name for path in (self.folder / "segments").iterdir()}

    def import_all(self):
        connection = self.server.connect()
        connection.ask("DELETE", COLLECTION)
        self.version += 1
        made = connection.post(COLLECTION, {"dim": 2, "metric": "l2", "index": {"kind": "flat"}})
        assert made.status == 200, made
        body = self.body()
        before = self.files()

        def work():
            return self.server.connect().post(COLLECTION + "/import", body, NDJSON)

        answer = self.interrupted("import", work)
        info = self.info()
        done = answer is not None and b'"imported"' in answer.body
        assert info["live_count"] in ((POINTS,) if done else (0, POINTS)), (info, answer)
        self.note("import %s" % ("whole" if info["live_count"] else "not there"))
        if info["live_count"] == 0:
            assert self.files() <= before, (self.files(), before)
            answer = work()
            assert json.loads(answer.body.splitlines()[-1])["imported"] == POINTS, answer

    def delete_old(self):
        key = {"Idempotency-Key": "clean %d" % self.version} if self.rng.random() < 0.7 else None

        def work():
            return self.server.connect().post(COLLECTION + "/delete_by_filter", old(True), key)

        answer = self.interrupted("delete", work)
        left = self.count(old(True))
        gone = OLD - left
        assert answer is None or (answer.status == 200 and answer.json["deleted"] == OLD and left == 0), (answer, left)
        assert gone % GROUP == 0, gone
        page = self.server.connect().post(COLLECTION + "/scroll", old(True) | {"limit": 1}).json["items"]
        assert [item["id"] for item in page] == ([3 * gone] if left else []), (page, gone)
        assert self.count(old(False)) == POINTS - OLD
        self.note("deletion %s" % ("half" if 0 < left < OLD else "whole" if left == 0 else "not there"))
        again = work()
        assert again.status == 200 and again.json["deleted"] == (OLD if key else left), (again, key, left)
        assert ("lsn" in again.json) == (again.json["deleted"] > 0), again
        if key:
            assert work().body == again.body
        assert self.count({}) == POINTS - OLD

    def export(self):
        """Raises unless the answer ends as it should."""
        lines = self.server.connect().get(COLLECTION + "/export").body.splitlines()
        self.check_lines(lines)
        self.whole_exports += 1

    def check_lines(self, lines):
        expected = (self.point(number) for number in range(POINTS) if number % 3 != 0)
        assert len(lines) == POINTS - OLD, len(lines)
        for line, point in zip(lines, expected):
            assert json.loads(line) == point, (line, point)

    def optimize(self):
        """With exports beside it."""
        faults = []
        over = threading.Event()   # A server that is soon back would be asked for ever.

        def export():
            try:
                while not over.is_set():
                    self.export()
            except (OSError, http.client.HTTPException):
                pass
            except Exception as fault:  # pylint: disable=broad-except
                faults.append(fault)

        beside = threading.Thread(target=export)
        connection = self.server.connect()
        connection.post("/v1/admin/checkpoint")
        killed = "optimize" in self.seconds
        if killed:
            beside.start()
        answer = self.interrupted("optimize", lambda: self.server.connect().post(COLLECTION + "/optimize"))
        over.set()
        if killed:
            beside.join()
        if faults:
            raise faults[0]
        assert answer is None or answer.json["state"] == "completed", answer
        self.note("optimization %s" % ("done" if answer else "cut"))
        self.export()
        assert self.server.connect().post(COLLECTION + "/optimize").json["state"] == "completed"
        info = self.info()
        assert (info["segments"], info["live_count"], info["deleted_count"]) == (1, POINTS - OLD, 0), info
        self.export()


def main():
    arguments = parse_arguments(__doc__, "cycles", 20)
    with run_in_folder("vibrato_bulk_", lambda root: LiveServer(arguments.binary, root / "data")) as (root, server):
        server.start()
        bulk = Bulk(server, root / "data", random.Random(arguments.seed))
        for _ in range(arguments.cycles):
            bulk.import_all()
            bulk.delete_old()
            bulk.optimize()
        if server.stop() != 0:
            raise AssertionError("SIGTERM did not end the server with 0")
    print("%d cycles, %d kills, %d whole exports, %s: nothing half, nothing lost" %
          (arguments.cycles, bulk.kills, bulk.whole_exports,
           ", ".join("%s %d" % pair for pair in sorted(bulk.outcomes.items()))))


if __name__ == "__main__":
    main()
