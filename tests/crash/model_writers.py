"""Writers over all models of a running server, for the programs that kill it, and what its events must say of them.

Each write carries a tag that no other has. So the events tell of every write whether it happened, once, and as a whole;
and going through them gives what each model must hold (app_cli/model_contents.py). A writer has keys, documents, points
and rows of its own, and knows what is in them by asking after each restart.
"""
import http.client
import pathlib
import random
import sys
import time
from typing import Callable, NamedTuple, Optional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "app_cli"))
from live_server import Answer, Connection, LiveServer  # noqa: E402
from model_contents import (COUNT_UP, DELETE_ROW, INSERT_ROW, MAKE_COUNTER, MAKE_TABLES, Contents,  # noqa: E402
                            expect)

LOST = (OSError, http.client.HTTPException)
KEYS_EACH = 30
VECTORS = "points"
KINDS = ("state", "documents", "sql", "events", "batch")


class Sent(NamedTuple):
    """`events`: how many carry the tag if the write happens. `lsn` is what was answered; `refused` that nothing was."""
    events: int
    lsn: Optional[int] = None
    refused: bool = False


class ModelWriter:
    def __init__(self, number: int, seed: int, kinds: tuple = KINDS) -> None:
        self.number = number
        self.random = random.Random(seed)
        self.kinds = kinds
        self.sent: dict = {}        # tag -> Sent
        self.deletes: list = []     # (lsn, type of the event) of acknowledged ones.
        self.revisions: dict = {}   # What it knows of its own keys and documents: revision, 0 for absent.
        self.tags = 0
        self.fault: Optional[str] = None
        self.may_be_turned_away = False   # The server has been told to stop.
        self.connection: Optional[Connection] = None

    @property
    def collection(self) -> str:
        return "docs%d" % self.number

    # ---- Asking ----
    def ask(self, method: str, path: str, body=None, headers: Optional[dict] = None) -> Answer:
        while True:
            answer = self.connection.ask(method, path, body, headers)
            if answer.status == 503 and self.may_be_turned_away:
                raise ConnectionError("the server stops")
            if answer.status != 429:
                return answer
            time.sleep(0.01)

    def send(self, events: int, fits: bool, method: str, path: str, body, headers: Optional[dict] = None,
             tag: Optional[str] = None) -> Optional[Answer]:
        """A tagged write, and what was answered if it happened. `fits`: its conditions hold, else it is a 409."""
        self.sent[tag] = Sent(events)
        answer = self.ask(method, path, body, headers)
        if not fits:
            assert (answer.status, answer.json.get("error")) == (409, "revision_mismatch"), (body, answer)
            self.sent[tag] = Sent(events, refused=True)
            return None
        expect(answer)
        self.sent[tag] = Sent(events, answer.json["lsn"])
        return answer

    def new_tag(self) -> str:
        self.tags += 1
        return "w%d-%d" % (self.number, self.tags)

    def value(self, tag: str) -> dict:
        return {"tag": tag, "padding": "y" * self.random.choice([0, 20, 500, 4000])}

    def condition(self, current: int) -> tuple:
        """(if_revision or None, whether it holds)"""
        draw = self.random.random()
        if draw < 0.6:
            return None, True
        return (current, True) if draw < 0.9 else (current + 1, False)

    def revision_of(self, path: str) -> int:
        if path not in self.revisions:
            answer = self.ask("GET", path)
            assert answer.status in (200, 404), answer
            self.revisions[path] = answer.json["revision"] if answer.status == 200 else 0
        return self.revisions[path]

    def changes(self, path: str) -> int:
        """The revision before a write; it is not known until there is an answer."""
        revision = self.revision_of(path)
        del self.revisions[path]
        return revision

    # ---- State ----
    def key(self) -> str:
        return "w%d:%d" % (self.number, self.random.randrange(KEYS_EACH))

    def write_state(self) -> None:
        self.random.choice([self.put_state] * 5 + [self.put_short, self.put_many, self.delete_state, self.delete_state,
                                                   self.delete_prefix])()

    def put_state(self) -> None:
        tag, path = self.new_tag(), "/v1/state/" + self.key()
        current = self.revision_of(path)
        if_revision, fits = self.condition(current)
        body = {"value": self.value(tag)} | ({} if if_revision is None else {"if_revision": if_revision})
        self.changes(path)
        answer = self.send(1, fits, "PUT", path, body, tag=tag)
        self.revisions[path] = answer.json["revision"] if answer else current

    def put_short(self) -> None:
        """With a time to live, on keys that nothing else is known of."""
        tag = self.new_tag()
        body = {"value": self.value(tag), "ttl_ms": self.random.choice([1, 30, 200, 2000])}
        self.send(1, True, "PUT", "/v1/state/short%d:%d" % (self.number, self.random.randrange(KEYS_EACH)), body, tag=tag)

    def put_many(self) -> None:
        tag, keys = self.new_tag(), sorted({self.key() for _ in range(6)})
        for key in keys:
            self.revisions.pop("/v1/state/" + key, None)
        operations = [{"key": key, "value": self.value(tag)} for key in keys]
        self.send(len(keys), True, "POST", "/v1/state/batch_put", {"operations": operations, "atomic": True}, tag=tag)

    def delete_state(self) -> None:
        path = "/v1/state/" + self.key()
        was_there = self.changes(path) > 0
        answer = expect(self.ask("DELETE", path))
        assert answer.json["deleted"] == was_there and ("lsn" in answer.json) == was_there, (path, was_there, answer)
        self.note_delete(answer, "state_deleted")
        self.revisions[path] = 0

    def note_delete(self, answer: Answer, event: str) -> None:
        if "lsn" in answer.json:
            self.deletes.append((answer.json["lsn"], event))

    def delete_prefix(self) -> None:
        """Of its keys whose number begins with one digit."""
        prefix = "w%d:%d" % (self.number, self.random.randrange(10))
        for path in [path for path in self.revisions if path.startswith("/v1/state/" + prefix)]:
            del self.revisions[path]
        self.note_delete(expect(self.ask("DELETE", "/v1/state?prefix=" + prefix)), "state_deleted")

    # ---- Documents ----
    def write_documents(self) -> None:
        self.random.choices([self.put_document, self.patch_document, self.delete_document, self.drop_collection],
                            [50, 35, 20, 2])[0]()

    def document(self) -> str:
        return "/v1/doc/%s/d%d" % (self.collection, self.random.randrange(KEYS_EACH))

    def put_document(self, method: str = "PUT") -> None:
        tag, path = self.new_tag(), self.document()
        current = self.revision_of(path)
        if method == "PATCH" and current == 0:
            return
        if_match, fits = self.condition(current)
        headers = {} if if_match is None else {"If-Match": str(if_match)}
        self.changes(path)
        answer = self.send(1, fits, method, path, self.value(tag) | {"n": self.tags}, headers, tag)
        self.revisions[path] = answer.json["revision"] if answer else current

    def patch_document(self) -> None:
        self.put_document("PATCH")

    def delete_document(self) -> None:
        path = self.document()
        was_there = self.changes(path) > 0
        answer = expect(self.ask("DELETE", path))
        assert answer.json["deleted"] == was_there, (path, was_there, answer)
        self.note_delete(answer, "doc_deleted")
        self.revisions[path] = 0

    def drop_collection(self) -> None:
        for path in [path for path in self.revisions if path.startswith("/v1/doc/")]:
            del self.revisions[path]
        self.note_delete(expect(self.ask("DELETE", "/v1/doc/" + self.collection)), "doc_deleted")

    # ---- SQL ----
    def write_sql(self) -> None:
        tag = self.new_tag()
        kind = self.random.random()
        if kind < 0.6:
            body = {"sql": INSERT_ROW, "params": [tag, "z" * self.random.choice([0, 300, 3000])]}
        elif kind < 0.85:
            body = {"sql": COUNT_UP, "params": [tag, self.number]}
        else:
            gone = "w%d-%d" % (self.number, self.random.randrange(self.tags) + 1)
            answer = expect(self.ask("POST", "/v1/sql/exec", {"sql": DELETE_ROW, "params": [gone]}))
            self.note_delete(answer, "sql_executed")
            return
        answer = self.send(1, True, "POST", "/v1/sql/exec", body, tag=tag)
        assert answer.json["rows_affected"] == 1, answer

    # ---- Events and batches ----
    def write_events(self) -> None:
        tag = self.new_tag()
        answer = self.send(1, True, "POST", "/v1/events", {"type": "kill.note", "data": self.value(tag)}, tag=tag)
        assert answer.json["offset"] == answer.json["lsn"], answer

    def write_batch(self) -> None:
        """Several models, some on a condition; some batches are refused for their last condition and leave nothing."""
        tag = self.new_tag()
        operations, paths = [], {}
        for _ in range(self.random.randrange(1, 5)):
            operations.append(self.random.choice([self.batch_state, self.batch_document, self.batch_vector,
                                                  self.batch_event])(tag, paths))
        events = len(operations)
        fits = self.random.random() < 0.85
        key = "/v1/state/w%d:last" % self.number
        last = self.revision_of(key)
        operations.append({"op": "state.put", "key": "w%d:last" % self.number, "value": self.value(tag),
                           "if_revision": last if fits else last + 1})
        known = {path: self.revisions.pop(path, None) for path in [*paths, key]}
        answer = self.send(events + 1, fits, "POST", "/v1/batch", {"operations": operations}, tag=tag)
        if answer is None:
            self.revisions |= {path: revision for path, revision in known.items() if revision is not None}
            return
        self.revisions[key] = answer.json["results"][-1]["revision"]
        assert self.revisions[key] == answer.json["lsn"], answer

    def batch_state(self, tag: str, paths: dict) -> dict:
        key = self.key()
        paths["/v1/state/" + key] = True
        return {"op": "state.put", "key": key, "value": self.value(tag)}

    def batch_document(self, tag: str, paths: dict) -> dict:
        number = self.random.randrange(KEYS_EACH)
        paths["/v1/doc/%s/d%d" % (self.collection, number)] = True
        return {"op": "doc.put", "collection": self.collection, "id": "d%d" % number, "doc": self.value(tag)}

    def batch_vector(self, tag: str, _: dict) -> dict:
        number = self.random.randrange(KEYS_EACH)
        return {"op": "vector.upsert", "collection": VECTORS, "id": "w%d:%d" % (self.number, number),
                "vector": [float(self.tags), float(number)], "meta": {"tag": tag}}

    def batch_event(self, tag: str, _: dict) -> dict:
        return {"op": "event.append", "type": "kill.batch", "data": {"tag": tag}}

    # ---- Running ----
    def run(self, server: LiveServer, is_over: Callable = lambda: False) -> None:
        self.connection = server.connect()
        self.revisions = {}
        try:
            while not is_over():
                getattr(self, "write_" + self.random.choice(self.kinds))()
        except LOST:
            pass
        except Exception as fault:  # pylint: disable=broad-except
            self.fault = "writer %d: %r" % (self.number, fault)
        finally:
            self.connection.close()
            self.may_be_turned_away = False


def make_schema(server: LiveServer, writers: list) -> None:
    connection = server.connect()
    expect(connection.post("/v1/vector/" + VECTORS, {"dim": 2, "metric": "l2"}))
    for sql in MAKE_TABLES:
        expect(connection.post("/v1/sql/exec", {"sql": sql}))
    for writer in writers:
        expect(connection.post("/v1/sql/exec", {"sql": MAKE_COUNTER, "params": [writer.number]}))
    connection.close()


def tag_of(frame) -> Optional[str]:
    data = frame.data["data"]
    if frame.event == "sql_executed":
        return data["params"][0] if data["sql"] in (INSERT_ROW, COUNT_UP) else None
    for name in ("value", "doc", "meta"):
        if name in data:
            return data[name]["tag"]
    return data.get("tag")


class EventLog:
    """All events of a database, in order, each frame as it first came, and the contents that they make."""

    def __init__(self) -> None:
        self.frames: list = []
        self.raw: dict = {}       # id -> bytes
        self.tags: dict = {}      # tag -> ids
        self.contents = Contents()

    @property
    def last(self) -> int:
        return self.frames[-1].id if self.frames else 0

    def take(self, frames: list) -> None:
        for frame in frames:
            assert frame.id is not None, ("a gap", frame)
            if frame.id <= self.last:
                assert self.raw.get(frame.id) == frame.raw, ("other bytes", self.raw.get(frame.id), frame.raw)
                continue
            said = frame.data
            assert (said["offset"], said["type"]) == (frame.id, frame.event), frame
            assert not self.frames or said["ts_ms"] >= self.frames[-1].data["ts_ms"], ("time goes back", frame)
            self.frames.append(frame)
            self.raw[frame.id] = frame.raw
            tag = tag_of(frame)
            if tag is not None:
                self.tags.setdefault(tag, []).append(frame.id)
            self.contents.apply(frame.event, frame.id, said["data"])

    def contents_at(self, lsn: int) -> Contents:
        contents = Contents()
        for frame in self.frames:
            if frame.id > lsn:
                break
            contents.apply(frame.event, frame.id, frame.data["data"])
        return contents

    def check(self, writers: list) -> None:
        """Every acknowledged write is there once and whole, every other whole or not at all, no refused one."""
        sent = {tag: one for writer in writers for tag, one in writer.sent.items()}
        unknown = self.tags.keys() - sent.keys()
        assert not unknown, ("nobody sent these", sorted(unknown)[:5])
        for tag, one in sent.items():
            ids = self.tags.get(tag, [])
            if one.refused:
                assert not ids, ("refused, and yet there", tag, ids)
            elif one.lsn is not None:
                assert len(ids) == one.events and ids[-1] == one.lsn, ("acknowledged", tag, one, ids)
            else:
                assert len(ids) in (0, one.events), ("half", tag, one, ids)
        by_id = {frame.id: frame.event for frame in self.frames}
        for writer in writers:
            for lsn, event in writer.deletes:
                assert by_id.get(lsn) == event, ("acknowledged", lsn, event, by_id.get(lsn))
