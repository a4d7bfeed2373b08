#!/usr/bin/env python3
"""Many clients on few keys of the state, kill -9 again and again: is the history of each key linearizable?

  tests/crash/kill_histories.py build/release/src/app/vibratod --cycles 20 [--seed N]

Clients read, write, compare and set, create, delete, delete on a revision, write with a time to live, write in batches,
all on the same keys. Each request is noted with its times and its answer, or that there was none because the server was
killed. After each restart register_history.py looks for an order of each key's requests that explains all answers;
where it ends is where it begins after the next kill. The log is kept small, so that files are saved and the log is cut
off while all of this goes on.
"""
import http.client
import json
import pathlib
import random
import sys
import threading
import time
from typing import Optional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from live_server import Answer, LiveServer  # noqa: E402
from long_run import parse_arguments, run_in_folder  # noqa: E402
from register_history import ABSENT, Operation, advance  # noqa: E402

CLIENTS = 8
KEYS = ["k%d" % i for i in range(5)] + ["a/b c", "caf\u00e9", "batch_put"]
PADDING = "x" * 3000   # Makes the log long enough to be cut off.
FLAGS = ("--wal-segment-bytes", 1 << 20, "--wal-max-bytes", 4 << 20, "--wal-retain-bytes", 0, "--wal-retain-hours", 0,
         "--checkpoint-interval-secs", 1)
LOST = (OSError, http.client.HTTPException)


def path_of(key: str) -> str:
    return "/v1/state/" + "".join("%%%02X" % byte for byte in key.encode())


class Client:
    """Sends requests one at a time; `history` holds (key, operation)."""

    def __init__(self, number: int, seed: int) -> None:
        self.number = number
        self.random = random.Random(seed)
        self.history: list = []
        self.revisions: dict = {}   # What it saw last.
        self.values = 0
        self.fault: Optional[str] = None
        self.in_flight: list = []   # (key, operation without an answer)
        self.may_be_turned_away = False   # The server has been told to stop.

    # ---- One request ----
    def begin(self, key: str, kind: str, **members) -> Operation:
        return Operation(kind, time.monotonic(), 0, start_ms=int(time.time() * 1000), done=False, **members)

    def note(self, key: str, operation: Operation, **answer) -> None:
        ended = operation._replace(end=time.monotonic(), end_ms=int(time.time() * 1000) + 1, done=True, **answer)
        self.history.append((key, ended))
        if ended.kind != "delete" and ended.revision is not None:
            self.revisions[key] = ended.revision

    def new_value(self) -> str:
        self.values += 1
        return "%d-%d" % (self.number, self.values)

    def condition(self, key: str) -> Optional[int]:
        return self.random.choice([None, None, None, 0, self.revisions.get(key), self.revisions.get(key, 1)])

    def ask(self, connection, started: list, method: str, path: str, body=None) -> Optional[Answer]:
        """The answer, or None if the request was turned away and did nothing."""
        self.in_flight = started
        answer = connection.ask(method, path, body)
        if answer.status == 503 and self.may_be_turned_away:
            raise ConnectionError("the server stops")
        self.in_flight = []
        if answer.status == 429:
            time.sleep(0.01)
            return None
        if answer.status not in (200, 404, 409):
            raise AssertionError("%s %s %r answered %r" % (method, path, body, answer))
        if answer.status == 409 and answer.json["error"] != "revision_mismatch":
            raise AssertionError("%s %s %r answered %r" % (method, path, body, answer))
        return answer

    def get(self, connection) -> None:
        key = self.random.choice(KEYS)
        operation = self.begin(key, "get")
        answer = self.ask(connection, [], "GET", path_of(key))
        if answer.status == 404:
            self.note(key, operation)
        else:
            self.note_item(key, operation, answer.json)

    def note_item(self, key: str, operation: Operation, item: dict) -> None:
        self.note(key, operation, value=item["value"]["v"], revision=item["revision"],
                  expires_at_ms=item["expires_at_ms"])

    def list(self, connection) -> None:
        operation = self.begin("", "get")
        answer = self.ask(connection, [], "GET", "/v1/state?limit=1000")
        items = {item["key"]: item for item in answer.json}
        if len(items) != len(answer.json) or not items.keys() <= set(KEYS):
            raise AssertionError("a list answered %r" % answer)
        for key in KEYS:
            if key in items:
                self.note_item(key, operation, items[key])
            else:
                self.note(key, operation)

    def make_put(self, key: str) -> tuple:
        """(operation, body)"""
        value, condition = self.new_value(), self.condition(key)
        ttl_ms = self.random.choice([None, None, None, 20, 150, 600])
        body = {"value": {"v": value, "padding": PADDING[:self.random.choice([0, 10, 3000])]}}
        body |= {} if condition is None else {"if_revision": condition}
        body |= {} if ttl_ms is None else {"ttl_ms": ttl_ms}
        return self.begin(key, "put", value=value, ttl_ms=ttl_ms, if_revision=condition), body

    def put(self, connection) -> None:
        key = self.random.choice(KEYS)
        operation, body = self.make_put(key)
        answer = self.ask(connection, [(key, operation)], "PUT", path_of(key), body)
        if answer is not None and answer.status == 409:
            self.note(key, operation, refused=True)
        elif answer is not None:
            self.note(key, operation, revision=answer.json["revision"], expires_at_ms=answer.json["expires_at_ms"])

    def delete(self, connection) -> None:
        key, condition = self.random.choice(KEYS), None
        condition = self.condition(key)
        operation = self.begin(key, "delete", if_revision=condition)
        query = "" if condition is None else "?if_revision=%d" % condition
        answer = self.ask(connection, [(key, operation)], "DELETE", path_of(key) + query)
        if answer is not None and answer.status == 409:
            self.note(key, operation, refused=True)
        elif answer is not None:
            self.note(key, operation, deleted=answer.json["deleted"], revision=answer.json.get("lsn"))

    def batch_put(self, connection) -> None:
        keys = self.random.sample(KEYS, 3)
        made = [self.make_put(key) for key in keys]
        started = [(key, operation) for key, (operation, _) in zip(keys, made)]
        body = {"operations": [{"key": key} | put for key, (_, put) in zip(keys, made)]}
        answer = self.ask(connection, started, "POST", "/v1/state/batch_put", body)
        if answer is None:
            return
        for key, (operation, _), result in zip(keys, made, answer.json["results"]):
            if result["status"] == "ok":
                self.note(key, operation, revision=result["revision"], expires_at_ms=result["expires_at_ms"])
            elif result["error"]["error"] == "revision_mismatch":
                self.note(key, operation, refused=True)
            else:
                raise AssertionError("a batch answered %r" % answer)

    def batch(self, connection) -> None:
        """Over /v1/batch; of one that was refused nothing is known but that it did nothing."""
        keys = self.random.sample(KEYS, 2)
        made = [self.make_put(key) for key in keys]
        started = [(key, operation) for key, (operation, _) in zip(keys, made)]
        body = {"operations": [{"op": "state.put", "key": key} | put for key, (_, put) in zip(keys, made)]}
        answer = self.ask(connection, started, "POST", "/v1/batch", body)
        if answer is None or answer.status == 409:
            return
        for key, (operation, _), result in zip(keys, made, answer.json["results"]):
            self.note(key, operation, revision=result["revision"], expires_at_ms=result["expires_at_ms"])

    # ---- Many ----
    def run(self, server: LiveServer) -> None:
        connection = server.connect()
        kinds = [(self.get, 30), (self.put, 35), (self.delete, 15), (self.batch_put, 8), (self.batch, 6), (self.list, 6)]
        try:
            while True:
                self.random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0](connection)
        except LOST:
            pass
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = repr(fault)
        finally:
            connection.close()

    def take_history(self, dead: float, dead_ms: int) -> list:
        """What was done, and what was in flight when the server died."""
        taken = self.history + [(key, operation._replace(end=dead, end_ms=dead_ms)) for key, operation in self.in_flight]
        self.history, self.in_flight, self.may_be_turned_away = [], [], False
        return taken


def checkpoint(server: LiveServer, seed: float) -> None:
    rng = random.Random(seed)
    connection = server.connect()
    try:
        while True:
            connection.post("/v1/admin/checkpoint")
            time.sleep(rng.uniform(0, 0.1))
    except LOST:
        pass
    finally:
        connection.close()


def read_all(server: LiveServer) -> list:
    """Each key read alone."""
    reader = Client(-1, 0)
    connection = server.connect()
    for key in KEYS:
        operation = reader.begin(key, "get")
        answer = connection.get(path_of(key))
        if answer.status == 404:
            reader.note(key, operation)
        else:
            reader.note_item(key, operation, answer.json)
    connection.close()
    return reader.history


def check(states: dict, operations: list) -> dict:
    """The states of all keys after the operations."""
    after = {}
    for key in KEYS:
        mine = [operation for other, operation in operations if other == key]
        after[key] = advance(states[key], mine)
        if not after[key]:
            lines = "\n".join(str(o) for o in sorted(mine, key=lambda o: o.start))
            raise AssertionError("no order explains what was answered for key %s, from %s:\n%s" %
                                 (json.dumps(key), states[key], lines))
    return after


def main() -> None:
    arguments = parse_arguments(__doc__, "cycles", 20)
    rng = random.Random(arguments.seed)
    clients = [Client(i, arguments.seed + i) for i in range(CLIENTS)]
    states = {key: {ABSENT} for key in KEYS}
    requests = lost = 0
    with run_in_folder("vibrato_histories_",
                       lambda root: LiveServer(arguments.binary, root / "data", *FLAGS)) as (_, server):
        server.start()
        for cycle in range(arguments.cycles):
            threads = [threading.Thread(target=client.run, args=(server,)) for client in clients]
            threads.append(threading.Thread(target=checkpoint, args=(server, rng.random())))
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.05, 0.8))
            if cycle % 5 == 4:
                for client in clients:
                    client.may_be_turned_away = True
                assert server.stop() == 0, "SIGTERM did not end the server with 0"
            else:
                server.kill()
            dead, dead_ms = time.monotonic(), int(time.time() * 1000) + 1
            for thread in threads:
                thread.join()
            faults = [client.fault for client in clients if client.fault]
            if faults:
                raise AssertionError(faults[0])
            lost += sum(len(client.in_flight) for client in clients)
            history = [entry for client in clients for entry in client.take_history(dead, dead_ms)]
            server.start()
            history += read_all(server)
            requests += len(history)
            states = check(states, history)
        assert server.stop() == 0, "SIGTERM did not end the server with 0"
    print("%d cycles, %d requests on %d keys, %d of them without an answer: every history is linearizable" %
          (arguments.cycles, requests, len(KEYS), lost))


if __name__ == "__main__":
    main()
