#!/usr/bin/env python3
"""kill -9 of the real binary inside snapshots and inside restores, and snapshots under writers that never pause.

  tests/crash/kill_snapshots.py build/release/src/app/vibratod --cycles 8 [--seed N]

Four writers note the LSN of each write that was acknowledged. A snapshot at LSN S must hold, for each id, what the last
write at or below S left there: nothing else, nothing less. Four ways in turn:

  server    the server is killed while it takes a snapshot
  writers   nobody is killed: the snapshot is restored elsewhere and compared with the writes
  create    `snapshot-create` on a folder is killed
  restore   `snapshot-restore` is killed: the old state or the snapshot's is there afterwards, whole

Afterwards the folder is whole, what is listed can be restored, and nothing half is left over.
"""
import http.client
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from live_server import LiveServer  # noqa: E402
from long_run import parse_arguments, run_in_folder  # noqa: E402

DIM = 4
WRITERS = 4
IDS_EACH = 40
COLLECTION = "/v1/vector/kept"
FLAGS = ("--checkpoint-interval-secs", 1, "--compaction-interval-secs", 1)
HALF = (".partial", "restoring-", "restore.json")


class Write:
    """`low` and `high` bound its LSN: both are that of the answer, or what is known without one."""

    def __init__(self, low, high, vector):
        self.low, self.high, self.vector = low, high, vector


class Writer:
    def __init__(self, residue, seed):
        self.residue = residue
        self.random = random.Random(seed)
        self.history = {}     # id -> [Write], by LSN
        self.in_flight = {}   # id -> vector or None
        self.last_lsn = 0
        self.version = 0
        self.requests = 0
        self.fault = None

    def alive(self):
        return [number for number, writes in self.history.items() if writes[-1].vector is not None]

    def vector(self, number):
        self.version += 1
        return [float(number), float(self.version), 1.0, float(self.version % 7)]

    def choose(self):
        pick = lambda: self.random.randrange(IDS_EACH) * WRITERS + self.residue  # noqa: E731
        kind = self.random.random()
        if kind < 0.2 and self.alive():
            number = self.random.choice(self.alive())
            return "delete", {"id": number}, {number: None}
        if kind < 0.6:
            number = pick()
            vector = self.vector(number)
            return "upsert", {"id": number, "vector": vector}, {number: vector}
        points = {number: self.vector(number) for number in {pick() for _ in range(12)}}
        return "upsert_batch", {"items": [{"id": n, "vector": v} for n, v in points.items()]}, points

    def run(self, server, stopping):
        connection = server.connect()
        try:
            while not stopping.is_set():
                path, body, outcome = self.choose()
                self.in_flight = outcome
                answer = connection.post(COLLECTION + "/" + path, body)
                if answer.status == 429:
                    self.in_flight = {}
                    continue
                if answer.status != 200:
                    self.fault = "%s answered %r" % (path, answer)
                    return
                self.settle(answer.json["lsn"], answer.json["lsn"])
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def settle(self, low, high):
        """What is in flight has happened."""
        for number, vector in self.in_flight.items():
            self.history.setdefault(number, []).append(Write(low, high, vector))
        if high != float("inf"):
            for writes in self.history.values():
                for write in writes:
                    write.high = min(write.high, high)
            self.last_lsn = high
        self.in_flight = {}
        self.requests += 1

    def allowed(self, number, lsn):
        """The states of an id in a snapshot of this LSN."""
        states = [None]
        for write in self.history.get(number, []):
            if write.high <= lsn:
                states = [write.vector]
            elif write.low <= lsn:
                states.append(write.vector)
        return states

    def check_live(self, found):
        """Compares with what the server holds; a write without an answer is there whole or not at all."""
        mine = {n: v for n, v in found.items() if n % WRITERS == self.residue}
        wanted = {n: self.history[n][-1].vector for n in self.alive()}
        if mine != wanted and self.in_flight:
            self.settle(self.last_lsn + 1, float("inf"))
            wanted = {n: self.history[n][-1].vector for n in self.alive()}
        self.in_flight = {}
        if mine != wanted:
            wrong = sorted(n for n in mine.keys() | wanted.keys() if mine.get(n) != wanted.get(n))
            raise AssertionError("ids %s differ; first: found %r, acknowledged %r" %
                                 (wrong[:10], mine.get(wrong[0]), wanted.get(wrong[0])))

    def forget_after(self, lsn, found):
        """The state of a snapshot was restored: later writes are gone."""
        self.in_flight = {}
        for number in list(self.history):
            vector = found.get(number)
            self.history[number] = [Write(0, 0, vector)]


class World:
    def __init__(self, binary, root, server, seed):
        self.binary = binary
        self.root = root
        self.rng = random.Random(seed)
        self.data = server.folder
        self.server = server
        self.writers = [Writer(i, seed + i) for i in range(WRITERS)]
        self.names = 0
        self.restored = 0
        self.killed_halfway = 0
        self.seconds = {}  # What each kind takes when nobody kills it.

    # ---- What is there ----
    def read_all(self, server):
        connection = server.connect()
        found = {}
        for number in range(WRITERS * IDS_EACH):
            answer = connection.get(COLLECTION + "/get?id=%d" % number)
            if answer.status == 200:
                found[number] = answer.json["vector"]
            elif answer.status != 404:
                raise AssertionError("get of %d answered %r" % (number, answer))
        count = connection.get(COLLECTION).json["live_count"]
        connection.close()
        if count != len(found):
            raise AssertionError("live_count is %d, %d points are there" % (count, len(found)))
        return found

    def check_live(self):
        found = self.read_all(self.server)
        for writer in self.writers:
            writer.check_live(found)
        left = [path.name for path in [*self.data.iterdir(), *(self.data / "snapshots").iterdir(),
                                       *(self.data / "tmp").iterdir()]
                if path.name.startswith(HALF) or path.name.endswith(HALF) or path.parent.name == "tmp"]
        if left:
            raise AssertionError("left over: %s" % left)

    def listed(self):
        connection = self.server.connect()
        snapshots = connection.get("/v1/admin/snapshots").json["snapshots"]
        connection.close()
        for snapshot in snapshots:
            if not (self.data / snapshot["folder"] / "manifest.json").is_file():
                raise AssertionError("listed, but not there: %r" % snapshot)
        return {snapshot["name"]: snapshot for snapshot in snapshots}

    def check_snapshot(self, name, lsn):
        """Restores it elsewhere and compares with the writes, by LSN."""
        other = self.root / "other"
        done = subprocess.run([self.binary, "snapshot-restore", "--data-dir", str(other), "--snapshot-dir",
                               str(self.data / "snapshots" / name)], capture_output=True)
        if done.returncode != 0:
            raise AssertionError("restore of %s: %s" % (name, done.stderr.decode()))
        server = LiveServer(self.binary, other, "--no-auth").start()
        try:
            found = self.read_all(server)
        finally:
            server.kill()
        shutil.rmtree(other)
        for number in range(WRITERS * IDS_EACH):
            allowed = self.writers[number % WRITERS].allowed(number, lsn)
            if found.get(number) not in allowed:
                raise AssertionError("snapshot %s at LSN %d: id %d is %r, not %r" %
                                     (name, lsn, number, found.get(number), allowed))
        self.restored += 1
        return found

    # ---- Doing ----
    def next_name(self):
        self.names += 1
        return "s%d" % self.names

    def under_writers(self, action):
        """Runs `action` while all writers write; it says whether the server lives on."""
        stopping = threading.Event()
        threads = [threading.Thread(target=writer.run, args=(self.server, stopping)) for writer in self.writers]
        for thread in threads:
            thread.start()
        try:
            time.sleep(self.rng.uniform(0.05, 0.3))
            action()
            time.sleep(self.rng.uniform(0, 0.05))
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
        faults = [writer.fault for writer in self.writers if writer.fault]
        if faults:
            raise AssertionError(faults[0])

    def take(self, name):
        connection = self.server.connect()
        try:
            return connection.post("/v1/admin/snapshot", {"name": name})
        finally:
            connection.close()

    def moment(self, kind):
        return self.rng.uniform(0, 1.2 * self.seconds.get(kind, 0.05))

    def run_killed(self, kind, *arguments):
        """A command that is killed at some moment, or has ended by then; whether it was killed."""
        process = subprocess.Popen([self.binary, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        began = time.monotonic()
        try:
            _, errors = process.communicate(timeout=self.moment(kind))
            self.seconds[kind] = time.monotonic() - began
            if process.returncode != 0:
                raise AssertionError("%s: %s" % (kind, errors.decode()))
            return False
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.seconds[kind] = max(self.seconds.get(kind, 0.05), 0.02) * 1.05
            self.killed_halfway += 1
            return True

    def stop(self):
        if self.server.stop() != 0:
            raise AssertionError("SIGTERM did not end the server with 0")

    # ---- The four ways ----
    def way_server(self):
        name = self.next_name()
        answers = []

        def ask():
            try:
                began = time.monotonic()
                answers.append(self.take(name))
                self.seconds["server"] = time.monotonic() - began
            except (OSError, http.client.HTTPException):
                pass

        def action():
            asking = threading.Thread(target=ask)
            asking.start()
            time.sleep(self.moment("server"))
            self.server.kill()
            asking.join()

        self.under_writers(action)
        self.killed_halfway += 0 if answers else 1
        self.server.start()
        self.check_live()
        listed = self.listed()
        if answers and answers[0].status == 200 and name not in listed:
            raise AssertionError("%s was acknowledged and is not listed" % name)
        if name in listed:
            self.check_snapshot(name, listed[name]["lsn"])
        elif (self.data / "snapshots" / name).exists():
            raise AssertionError("%s is complete and not listed" % name)
        elif self.take(name).status != 200:
            raise AssertionError("the name of a snapshot that was not made cannot be used")

    def way_writers(self):
        name = self.next_name()
        answers = []
        self.under_writers(lambda: answers.append(self.take(name)))
        if answers[0].status != 200:
            raise AssertionError("snapshot: %r" % answers[0])
        self.check_live()
        self.check_snapshot(name, self.listed()[name]["lsn"])

    def way_create(self):
        self.under_writers(lambda: None)
        self.check_live()
        self.stop()
        name = self.next_name()
        was_killed = self.run_killed("create", "snapshot-create", "--data-dir", self.data, "--name", name)
        self.server.start()
        self.check_live()
        listed = self.listed()
        if not was_killed and name not in listed:
            raise AssertionError("%s was made and is not listed" % name)
        if name in listed:
            self.check_snapshot(name, listed[name]["lsn"])

    def way_restore(self):
        name = self.next_name()
        if self.take(name).status != 200:
            raise AssertionError("no snapshot")
        lsn = self.listed()[name]["lsn"]
        kept = self.check_snapshot(name, lsn)
        self.under_writers(lambda: None)
        self.check_live()
        before = self.read_all(self.server)
        self.stop()
        was_killed = self.run_killed("restore", "snapshot-restore", "--data-dir", self.data, "--snapshot-dir",
                                     self.data / "snapshots" / name)
        self.server.start()
        found = self.read_all(self.server)
        if found == kept:
            for writer in self.writers:
                writer.forget_after(lsn, found)
        elif not was_killed or found != before:
            raise AssertionError("after a restore%s neither state is there" % (" that was killed" if was_killed else ""))
        self.check_live()
        for path in self.data.glob("replaced-*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def run(self, cycles):
        self.server.start()
        connection = self.server.connect()
        created = connection.post(COLLECTION, {"dim": DIM, "metric": "l2"})
        connection.close()
        if created.status != 200:
            raise AssertionError("create: %r" % created)
        for cycle in range(cycles):
            for way in (self.way_server, self.way_writers, self.way_create, self.way_restore):
                way()
            for path in (self.data / "snapshots").iterdir():
                if path.name not in self.listed():
                    shutil.rmtree(path)  # As an operator may; only to keep the disk small.
        self.stop()


def main():
    arguments = parse_arguments(__doc__, "cycles", 8)
    with run_in_folder("vibrato_snapshots_",
                       lambda root: LiveServer(arguments.binary, root / "data", *FLAGS)) as (root, server):
        world = World(arguments.binary, root, server, arguments.seed)
        world.run(arguments.cycles)
    print("%d cycles, %d kills in the middle, %d writes acknowledged, %d snapshots restored and compared by LSN: "
          "none half, none wrong" % (4 * arguments.cycles, world.killed_halfway,
                                     sum(w.requests for w in world.writers), world.restored))


if __name__ == "__main__":
    main()
