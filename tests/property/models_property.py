#!/usr/bin/env python3
"""The real server against all models as plain dictionaries: random requests, batches, kills, stops, snapshots, restores.

  tests/property/models_property.py build/release/src/app/vibratod --steps 1000 [--seed N]

Every answer is foreseen, refusals too. Now and then, and after each restart, all that is stored and all events since the
last look are compared. A snapshot is restored into a second folder and compared there, or into the folder itself, which
then goes on from it. A failure prints the seed and the last requests.
"""
import pathlib
import random
import shutil
import subprocess
import sys
import time
from typing import Optional
from urllib.parse import quote

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from event_stream import EventStream  # noqa: E402
from live_server import Answer, LiveServer  # noqa: E402
from long_run import parse_arguments, run_in_folder  # noqa: E402
from model_contents import expect, read_documents, read_state, read_vectors  # noqa: E402
from naive_models import NaiveModels, merged  # noqa: E402

FLAGS = ("--sql", "--wal-segment-bytes", 1 << 20, "--wal-max-bytes", 4 << 20, "--checkpoint-interval-secs", 1)
COLLECTIONS = ("one", "two")
TABLE = "CREATE TABLE t (a INTEGER UNIQUE, b TEXT)"
ALL_ROWS = "SELECT a, b FROM t ORDER BY a, b"


class Run:
    def __init__(self, binary: str, root: pathlib.Path, server: LiveServer, seed: int) -> None:
        self.binary, self.root, self.server = binary, root, server
        self.random = random.Random(seed)
        self.model = NaiveModels()
        self.connection = None
        self.seen = 0             # The last LSN that was compared.
        self.last_lsn = 0
        self.last_requests: list = []
        self.numbers = 0
        self.snapshots: list = []   # (name, model)
        self.counts: dict = {}

    # ---- Asking ----
    def ask(self, method: str, path: str, body=None, headers: Optional[dict] = None) -> Answer:
        while True:
            answer = self.connection.ask(method, path, body, headers)
            self.last_requests = self.last_requests[-9:] + ["%s %s %r: %r" % (method, path, body, answer)]
            if answer.status != 429:
                return answer
            time.sleep(0.01)

    def write(self, refusal: Optional[tuple], method: str, path: str, body=None, headers=None) -> Optional[dict]:
        """The answer, or None if it had to be refused and was."""
        answer = self.ask(method, path, body, headers)
        if refusal is not None:
            assert (answer.status, answer.json.get("error")) == refusal, ("not refused as", refusal)
            return None
        said = expect(answer).json
        if "lsn" in said:
            assert said["lsn"] > self.last_lsn, ("LSNs go back", self.last_lsn)
            self.last_lsn = said["lsn"]
        return said

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def key(self) -> str:
        return self.random.choice(["k", "k/", "l"]) + self.random.choice("abc\u00e9") + str(self.random.randrange(4))

    def json(self, depth: int = 0):
        draw = self.random.randrange(9 if depth < 3 else 6)
        if draw < 6:
            return [None, True, self.number(), self.random.choice([-1.5, 0, 1e15]), "\u00e9\u2028\"\\" * depth,
                    "text"][draw]
        if draw < 7:
            return [self.json(depth + 1) for _ in range(self.random.randrange(3))]
        return {name: self.json(depth + 1) for name in self.random.sample(["a", "b", "n", "s", "t"], 3)}

    def document(self):
        if self.random.random() < 0.1:
            made = self.json()
            return made if not isinstance(made, dict) else {"a": made}
        doc = {"n": self.random.choice([None, True, 1, 2.0, 3, "3", [1, 3]]), "s": self.random.choice(["x", "xy", "z"]),
               "in": {"n": self.random.randrange(5)}, "t": self.random.choice([[], ["x"], ["x", "z"], None])}
        for name in list(doc):
            if self.random.random() < 0.2:
                del doc[name]
        return doc

    def condition(self, revision: int) -> dict:
        """With `if_revision` sometimes, which holds sometimes. -1: not known."""
        draw = self.random.random()
        if draw < 0.5:
            return {}
        return {"if_revision": revision if draw < 0.75 and revision >= 0 else self.random.choice([0, 1, 1 << 40])}

    # ---- Operations, as of a batch ----
    def operation(self, kinds: str, earlier: dict) -> dict:
        kind = self.random.choice(kinds.split())
        made = {"op": kind}
        if kind.startswith("state"):
            made |= {"key": self.key()}
        elif kind.startswith("doc"):
            made |= {"collection": self.random.choice(COLLECTIONS), "id": "d%d" % self.random.randrange(12)}
        elif kind.startswith("vector"):
            made |= {"collection": "v", "id": self.random.choice([1, 2, "1", "two", 3])}
        if kind == "state.put":
            made |= {"value": self.json()} | ({"ttl_ms": 3_600_000} if self.random.random() < 0.1 else {})
        elif kind == "doc.put":
            made |= {"doc": self.document()}
        elif kind == "vector.upsert":
            made |= {"vector": [float(self.number()), 1.0]} | ({"meta": self.json()} if self.random.random() < 0.5 else {})
        elif kind == "event.append":
            made |= {"type": self.random.choice(["app.a", "app.b"]), "data": self.json()}
        if kind in ("state.put", "state.delete", "doc.put"):
            made |= self.condition(self.model.revision(self.model.place(made), earlier))
        return made

    # ---- Steps ----
    def step_state_put(self) -> None:
        operation = self.operation("state.put", {})
        body = {name: value for name, value in operation.items() if name not in ("op", "key")}
        said = self.write(self.model.refusal(operation, {}), "PUT", "/v1/state/" + quote(operation["key"], safe=""), body)
        if said:
            assert said["revision"] == said["lsn"], said
            self.model.apply(operation, said)

    def step_state_delete(self) -> None:
        operation = self.operation("state.delete", {})
        wanted = operation.get("if_revision")
        query = "" if wanted is None else "?if_revision=%d" % wanted
        said = self.write(self.model.refusal(operation, {}), "DELETE",
                          "/v1/state/" + quote(operation["key"], safe="") + query)
        if said:
            assert ("lsn" in said) == said["deleted"], said
            self.model.apply(operation, said)

    def step_state_expires(self) -> None:
        key = self.key()
        said = self.write(None, "PUT", "/v1/state/" + quote(key, safe=""), {"value": 0, "ttl_ms": 1})
        self.model.apply({"op": "state.put", "key": key, "value": 0, "ttl_ms": 1}, said)
        time.sleep(0.06)
        self.model.expire(key)
        assert self.ask("GET", "/v1/state/" + quote(key, safe="")).status == 404
        self.wait_for_deletion(key, said["lsn"])

    def wait_for_deletion(self, key: str, since: int) -> None:
        """So that nothing else is written before it: the order of the events is known."""
        with EventStream(self.server.port, self.server.key, since=since) as stream:
            frame = stream.read(1)[0]
        assert frame.data["data"] == {"key": key, "reason": "ttl"}, frame
        self.last_lsn = frame.id

    def step_state_batch(self) -> None:
        operations, earlier, refusals = [], {}, []
        for _ in range(self.random.randrange(1, 6)):
            operations.append(self.operation("state.put", earlier))
            refusals.append(self.model.refusal(operations[-1], earlier))
        atomic = self.random.random() < 0.5
        body = {"operations": [{name: value for name, value in one.items() if name != "op"} for one in operations],
                "atomic": atomic}
        first = next((refusal for refusal in refusals if refusal), None)
        said = self.write(first if atomic else None, "POST", "/v1/state/batch_put", body)
        if said is None:
            return
        assert ("lsn" in said) == (None in refusals) and len(said["results"]) == len(operations), said
        for operation, refusal, result in zip(operations, refusals, said["results"]):
            assert result["status"] == ("ok" if refusal is None else "error"), (operation, result)
            if refusal is None:
                self.model.apply(operation, result)

    def step_state_prefix(self) -> None:
        prefix = self.random.choice(["k/a", "k\u00e9", "la", "lb1", "nothing"])
        keys = self.model.keys(prefix)
        said = self.write(None, "DELETE", "/v1/state?prefix=" + quote(prefix))
        assert (said["deleted"], "lsn" in said) == (len(keys), bool(keys)), (said, keys)
        for key in keys:
            self.model.apply({"op": "state.delete", "key": key}, {"deleted": True})

    def step_state_list(self) -> None:
        prefix = self.random.choice(["", "k", "k/", "l", "k\u00e9"])
        found = read_state(self.connection, quote(prefix), self.random.choice([1, 2, 5, 1000]))
        assert found == {key: self.model.state[key] for key in self.model.keys(prefix)}, (prefix, found)

    def step_document(self) -> None:
        operation = self.operation("doc.put doc.put doc.delete", {})
        path = "/v1/doc/%s/%s" % (operation["collection"], operation["id"])
        headers = {} if "if_revision" not in operation else {"If-Match": str(operation["if_revision"])}
        method = "DELETE" if operation["op"] == "doc.delete" else self.random.choice(["PUT", "PATCH"])
        before = self.model.documents.get((operation["collection"], operation["id"]))
        refusal = self.model.refusal(operation, {})
        body = operation.get("doc")
        if method == "PATCH":
            if before is None:
                answer = self.ask(method, path, b"null" if body is None else body, headers)
                assert answer.status in ((404, 409) if headers else (404,)), answer
                return
            operation["doc"] = merged(before[0], body)
        said = self.write(refusal, method, path, b"null" if body is None and method != "DELETE" else body, headers)
        if said:
            if method != "DELETE":
                assert (said["doc"], said["revision"]) == (operation["doc"], said["lsn"]), (said, operation)
            self.model.apply(operation, said)

    def step_drop(self) -> None:
        collection = self.random.choice(COLLECTIONS)
        names = sorted((name for other, name in self.model.documents if other == collection), key=str.encode)
        said = self.write(None, "DELETE", "/v1/doc/" + collection)
        assert (said["deleted"], "lsn" in said) == (len(names), bool(names)), (said, names)
        for name in names:
            self.model.apply({"op": "doc.delete", "collection": collection, "id": name}, {"deleted": True})

    def made_condition(self, depth: int = 0) -> dict:
        draw = self.random.randrange(7 if depth < 2 else 5)
        key = self.random.choice(["n", "s", "in.n", "t", "absent"])
        if draw == 0:
            return {"key": key, "match": {"value": self.random.choice([1, 2, 3, "3", True, "x", "z"])}}
        if draw == 1:
            return {"key": key, "range": {"gte": 1, "lt": self.random.choice([2, 3.5])}}
        if draw == 2:
            return {"key": key, "match": {"prefix": "x"}}
        if draw in (3, 4):
            return {("is_null", "is_empty")[draw - 3]: key}
        return {("must", "must_not")[draw - 5]: [self.made_condition(depth + 1) for _ in range(2)]}

    def step_find(self) -> None:
        collection = self.random.choice(COLLECTIONS)
        condition = self.made_condition() if self.random.random() < 0.8 else None
        sort = [{"key": key, "order": self.random.choice(["asc", "desc"])} for key in
                self.random.sample(["s", "in.n", "absent"], self.random.randrange(3))]
        wanted = self.model.find(collection, condition, sort)
        found = read_documents(self.connection, collection, self.random.choice([1, 3, 1000]), filter=condition, sort=sort)
        assert [one["id"] for one in found] == wanted, (condition, sort, [one["id"] for one in found], wanted)
        for one in found:
            assert self.model.documents[collection, one["id"]] == (one["doc"], one["revision"]), one

    def step_sql(self) -> None:
        sql, params = self.random.choice([
            ("INSERT INTO t VALUES (?, ?)", [self.random.randrange(60), "text"]),
            ("INSERT OR REPLACE INTO t VALUES (?, ?)", [self.random.randrange(60), None]),
            ("UPDATE t SET b = ? WHERE a % 7 = ?", ["n%d" % self.number(), self.random.randrange(7)]),
            ("UPDATE t SET a = a + 1 WHERE a > ?", [self.random.randrange(50)]),
            ("DELETE FROM t WHERE a = ?", [self.random.randrange(60)]),
            ("INSERT INTO t SELECT a + 1000, b FROM t WHERE a < ?", [self.random.randrange(5)])])
        changed = self.model.execute(sql, params)
        refusal = (400, "invalid_argument") if changed is None else None
        said = self.write(refusal, "POST", "/v1/sql/exec", {"sql": sql, "params": params})
        if said:
            assert said["rows_affected"] == changed, (said, changed)

    def step_sql_query(self) -> None:
        sql, params = "SELECT count(*) AS n, sum(a) AS s, max(b) AS b FROM t WHERE a >= ?", [self.random.randrange(60)]
        said = expect(self.ask("POST", "/v1/sql/query", {"sql": sql, "params": params})).json
        assert said["rows"] == self.model.rows(sql, params), said

    def step_batch(self) -> None:
        operations, earlier, refusal = [], {}, None
        for _ in range(self.random.randrange(1, 8)):
            kinds = "state.put state.put state.delete doc.put doc.delete vector.upsert vector.upsert event.append"
            operations.append(self.operation(kinds + (" vector.delete" if self.random.random() < 0.2 else ""), earlier))
            refusal = refusal or self.model.refusal(operations[-1], earlier)
        said = self.write(refusal, "POST", "/v1/batch", {"operations": operations})
        if said:
            for operation, result in zip(operations, said["results"]):
                self.model.apply(operation, result)

    def step_again(self) -> None:
        """Twice with one Idempotency-Key is once."""
        body, headers = {"type": "app.once", "data": self.number()}, {"Idempotency-Key": "again %d" % self.number()}
        said = self.write(None, "POST", "/v1/events", body, headers)
        if self.random.random() < 0.3:
            self.restart()
        assert self.ask("POST", "/v1/events", body, headers).json == said
        self.model.apply({"op": "event.append"} | body, {"offset": said["offset"]})

    def step_checkpoint(self) -> None:
        expect(self.ask("POST", "/v1/admin/checkpoint"))

    # ---- Looking at everything ----
    def compare(self, server: LiveServer, model: NaiveModels, what: str) -> None:
        connection = server.connect()
        try:
            found = {"state": read_state(connection), "vectors": {name: point for (_, name), point in
                                                                  read_vectors(connection, "v").items()}}
            found["documents"] = {(name, one["id"]): (one["doc"], one["revision"]) for name in COLLECTIONS
                                  for one in read_documents(connection, name)}
            found["rows"] = expect(connection.post("/v1/sql/query", {"sql": ALL_ROWS})).json["rows"]
        finally:
            connection.close()
        wanted = {"state": model.state, "vectors": model.vectors, "documents": model.documents,
                  "rows": model.rows(ALL_ROWS, [])}
        for name, value in wanted.items():
            assert found[name] == value, "%s: %s is %r, not %r" % (what, name, found[name], value)

    def step_look(self) -> None:
        self.compare(self.server, self.model, "the server")
        said = self.write(None, "POST", "/v1/events", {"type": "app.look", "data": {}})
        with EventStream(self.server.port, self.server.key, since=self.seen) as stream:
            frames = stream.read_to(said["lsn"])[:-1]
        self.seen = said["lsn"]
        found = [(frame.event, frame.data["data"]) for frame in frames if frame.event != "gap"]
        for one, other in zip(found, self.model.events):
            assert one == other, "event %r, not %r" % (one, other)
        assert len(found) == len(self.model.events), (found[-3:], self.model.events[-3:])
        self.model.events.clear()

    # ---- Ends and beginnings ----
    def restart(self) -> None:
        self.connection.close()
        if self.random.random() < 0.7:
            self.server.kill()
        else:
            assert self.server.stop() == 0, "SIGTERM did not end the server with 0"
        self.server.start()
        self.connection = self.server.connect()

    def step_restart(self) -> None:
        self.restart()
        self.step_look()

    def restore(self, name: str, folder: pathlib.Path) -> None:
        done = subprocess.run([self.binary, "snapshot-restore", "--data-dir", str(folder), "--snapshot-dir",
                               str(self.server.folder / "snapshots" / name)], capture_output=True)
        assert done.returncode == 0, done.stderr.decode()

    def step_snapshot(self) -> None:
        name = "s%d" % self.number()
        assert expect(self.ask("POST", "/v1/admin/snapshot", {"name": name})).json["state"] == "completed"
        self.snapshots = self.snapshots[-3:] + [(name, self.model.snapshot())]

    def step_restore_elsewhere(self) -> None:
        if not self.snapshots:
            return
        name, model = self.random.choice(self.snapshots)
        self.restore(name, self.root / "other")
        other = LiveServer(self.binary, self.root / "other", "--sql", "--no-auth").start()
        try:
            self.compare(other, model, "the snapshot " + name)
        finally:
            other.kill()
        shutil.rmtree(self.root / "other")

    def step_go_back(self) -> None:
        if not self.snapshots:
            return
        name, model = self.random.choice(self.snapshots)
        self.step_look()
        self.connection.close()
        assert self.server.stop() == 0
        self.restore(name, self.server.folder)
        for path in self.server.folder.glob("replaced-*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.server.start()
        self.connection = self.server.connect()
        self.model = model.snapshot()
        self.compare(self.server, self.model, "gone back to " + name)
        said = expect(self.ask("POST", "/v1/events", {"type": "app.back", "data": {}})).json
        self.last_lsn = self.seen = said["lsn"]

    def run(self, steps: int) -> None:
        weights = {self.step_state_put: 20, self.step_state_delete: 8, self.step_state_expires: 1, self.step_state_batch: 6,
                   self.step_state_prefix: 2, self.step_state_list: 6, self.step_document: 24, self.step_drop: 0.3,
                   self.step_find: 12, self.step_sql: 14, self.step_sql_query: 5, self.step_batch: 20, self.step_again: 2,
                   self.step_checkpoint: 2, self.step_look: 2, self.step_restart: 1, self.step_snapshot: 0.5,
                   self.step_restore_elsewhere: 0.3, self.step_go_back: 0.3}
        self.server.start()
        self.connection = self.server.connect()
        expect(self.ask("POST", "/v1/vector/v", {"dim": 2, "metric": "l2"}))
        expect(self.ask("POST", "/v1/sql/exec", {"sql": TABLE}))
        self.model.sql.execute(TABLE)
        self.model.events.append(("vector_collection_created", {"collection": "v", "dim": 2, "metric": "l2"}))
        self.model.events.append(("sql_executed", {"sql": TABLE, "params": [], "rows_affected": 0}))
        for number in range(steps):
            step = self.random.choices(list(weights), list(weights.values()))[0]
            name = step.__name__[5:]
            self.counts[name] = self.counts.get(name, 0) + 1
            try:
                step()
            except Exception:
                print("step %d, %s; the last requests:\n  %s" % (number, name, "\n  ".join(
                    one[:600] for one in self.last_requests)), file=sys.stderr)
                raise
        self.step_restart()
        assert self.server.stop() == 0, "SIGTERM did not end the server with 0"


def main() -> None:
    arguments = parse_arguments(__doc__, "steps", 1000)
    with run_in_folder("vibrato_property_",
                       lambda root: LiveServer(arguments.binary, root / "data", *FLAGS)) as (root, server):
        run = Run(arguments.binary, root, server, arguments.seed)
        run.run(arguments.steps)
    print("%d steps: %s" % (arguments.steps, ", ".join("%s %d" % pair for pair in sorted(run.counts.items()))))


if __name__ == "__main__":
    main()
