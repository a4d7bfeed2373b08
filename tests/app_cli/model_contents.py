"""What a database holds in all of its models: read from a running server, or made by going through its events.

`Contents` is the same from both sides, so that one is the oracle of the other.
"""
import copy
import json
import time
from typing import Iterable

from live_server import Answer, Connection, LiveServer

GRAIN_MS = 50   # Within this time around its end a value with a time to live may be there or not.
MAKE_TABLES = ("CREATE TABLE rows (tag TEXT, padding TEXT)",
               "CREATE TABLE counters (writer INTEGER, n INTEGER, tag TEXT)")
INSERT_ROW = "INSERT INTO rows VALUES (?, ?)"
DELETE_ROW = "DELETE FROM rows WHERE tag = ?"
MAKE_COUNTER = "INSERT INTO counters VALUES (?, 0, '')"
COUNT_UP = "UPDATE counters SET n = n + 1, tag = ? WHERE writer = ?"
PAGE = 1000


def expect(answer: Answer, status: int = 200) -> Answer:
    if answer.status != status:
        raise AssertionError("answered %r, not %d" % (answer, status))
    return answer


class Contents:
    """`state` by key: (value, revision, expires_at_ms); `documents` and `vectors` by (collection, id): (document,
    revision), (vector, meta); `rows` by tag: how often; `counters` by writer: (n, tag)."""

    def __init__(self) -> None:
        self.state: dict = {}
        self.documents: dict = {}
        self.vectors: dict = {}
        self.rows: dict = {}
        self.counters: dict = {}

    def copy(self) -> "Contents":
        return copy.deepcopy(self)

    # ---- From events ----
    def apply(self, kind: str, lsn: int, data: dict) -> None:
        """One event. Types that it does not know are the user's own."""
        known = getattr(self, "on_" + kind, None)
        if known is not None:
            known(lsn, data)

    def on_state_updated(self, lsn: int, data: dict) -> None:
        assert data["revision"] == lsn, (lsn, data)
        self.state[data["key"]] = (data["value"], data["revision"], data["expires_at_ms"])

    def on_state_deleted(self, lsn: int, data: dict) -> None:
        assert data["key"] in self.state, ("deleted what was not there", lsn, data)
        expires = self.state.pop(data["key"])[2]
        assert data["reason"] in ("explicit", "ttl"), data
        assert data["reason"] != "ttl" or expires is not None, ("expired without a time", lsn, data)

    def on_doc_put(self, lsn: int, data: dict) -> None:
        assert data["revision"] == lsn, (lsn, data)
        self.documents[data["collection"], data["id"]] = (data["doc"], data["revision"])

    def on_doc_deleted(self, lsn: int, data: dict) -> None:
        assert (data["collection"], data["id"]) in self.documents, ("deleted what was not there", lsn, data)
        del self.documents[data["collection"], data["id"]]

    def on_vector_upserted(self, _: int, data: dict) -> None:
        self.vectors[data["collection"], data["id"]] = (data["vector"], data["meta"])

    on_vector_added = on_vector_updated = on_vector_upserted

    def on_vector_deleted(self, lsn: int, data: dict) -> None:
        assert (data["collection"], data["id"]) in self.vectors, ("deleted what was not there", lsn, data)
        del self.vectors[data["collection"], data["id"]]

    def on_vector_collection_deleted(self, _: int, data: dict) -> None:
        self.vectors = {name: point for name, point in self.vectors.items() if name[0] != data["collection"]}

    def on_sql_executed(self, lsn: int, data: dict) -> None:
        sql, params, affected = data["sql"], data["params"], None
        if sql == INSERT_ROW:
            self.rows[params[0]] = self.rows.get(params[0], 0) + 1
            affected = 1
        elif sql == DELETE_ROW:
            affected = self.rows.pop(params[0], 0)
        elif sql == MAKE_COUNTER:
            self.counters[params[0]] = (0, "")
            affected = 1
        elif sql == COUNT_UP:
            self.counters[params[1]] = (self.counters[params[1]][0] + 1, params[0])
            affected = 1
        assert affected is None or data["rows_affected"] == affected, (lsn, data, affected)

    # ---- From a server ----
    @staticmethod
    def of_server(server: LiveServer, collections: Iterable, vector_collections: Iterable = ()) -> "Contents":
        connection = server.connect()
        try:
            found = Contents()
            found.state = read_state(connection)
            for name in collections:
                found.documents |= {(name, one["id"]): (one["doc"], one["revision"])
                                    for one in read_documents(connection, name)}
            for name in vector_collections:
                found.vectors |= read_vectors(connection, name)
            found.read_tables(connection)
            return found
        finally:
            connection.close()

    def read_tables(self, connection: Connection) -> None:
        last = 0
        while True:
            answer = expect(connection.post("/v1/sql/query", {
                "sql": "SELECT rowid AS number, tag FROM rows WHERE rowid > ? ORDER BY rowid LIMIT 5000",
                "params": [last]})).json
            for row in answer["rows"]:
                self.rows[row["tag"]] = self.rows.get(row["tag"], 0) + 1
            if not answer["rows"]:
                break
            last = answer["rows"][-1]["number"]
        answer = expect(connection.post("/v1/sql/query", {"sql": "SELECT writer, n, tag FROM counters"})).json
        for row in answer["rows"]:
            assert row["writer"] not in self.counters, answer
            self.counters[row["writer"]] = (row["n"], row["tag"])


def read_state(connection: Connection, prefix: str = "", page: int = PAGE) -> dict:
    """All keys, page by page: in bytewise order, none twice."""
    found: dict = {}
    last, cursor = None, ""
    while True:
        answer = expect(connection.get("/v1/state?limit=%d&prefix=%s%s" % (page, prefix, cursor)))
        for item in answer.json:
            assert last is None or item["key"].encode() > last, (last, item)
            last = item["key"].encode()
            found[item["key"]] = (item["value"], item["revision"], item["expires_at_ms"])
        if not answer.headers.get("x-next-cursor"):
            return found
        assert answer.json, "an empty page that is not the last"
        cursor = "&cursor=" + answer.headers["x-next-cursor"]


def read_documents(connection: Connection, collection: str, page: int = PAGE, **wanted) -> list:
    found: list = []
    cursor = None
    while True:
        body = wanted | {"limit": page} | ({} if cursor is None else {"cursor": cursor})
        answer = expect(connection.post("/v1/doc/%s/find" % collection, body)).json
        found += answer["documents"]
        cursor = answer["next_cursor"]
        if cursor is None:
            assert len({one["id"] for one in found}) == len(found), "a document came twice"
            return found


def read_vectors(connection: Connection, collection: str) -> dict:
    if connection.get("/v1/vector/" + collection).status == 404:
        return {}
    found, cursor = {}, None
    while True:
        body = {"limit": 10_000, "include_vector": True} | ({} if cursor is None else {"cursor": cursor})
        answer = expect(connection.post("/v1/vector/%s/scroll" % collection, body)).json
        found |= {(collection, item["id"]): (item["vector"], item["meta"]) for item in answer["items"]}
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


def now_ms() -> int:
    return int(time.time() * 1000)


def differences(found: Contents, wanted: Contents, began_ms: int, ended_ms: int) -> list:
    """In words, some of them. `found` was read between the two times: what expires around them may be there or not, and
    what expired before must not be seen."""
    words = []
    for name in ("state", "documents", "vectors", "rows", "counters"):
        one, other = getattr(found, name), getattr(wanted, name)
        for key in sorted(one.keys() | other.keys(), key=str):
            expires = other[key][2] if name == "state" and key in other else None
            if expires is not None and key not in one and expires <= ended_ms + GRAIN_MS:
                continue
            if expires is not None and key in one and expires < began_ms - GRAIN_MS:
                words.append("state %s expired at %d and is seen at %d" % (json.dumps(key), expires, began_ms))
            elif one.get(key) != other.get(key):
                words.append("%s %s: found %s, wanted %s" % (name, key, str(one.get(key))[:200],
                                                             str(other.get(key))[:200]))
    return words


def check_server(server: LiveServer, wanted: Contents, what: str, collections: Iterable,
                 vector_collections: Iterable = ()) -> None:
    """Raises unless the server holds exactly this."""
    began = now_ms()
    found = Contents.of_server(server, collections, vector_collections)
    words = differences(found, wanted, began, now_ms())
    if words:
        raise AssertionError("%s: %d differences, the first: %s" % (what, len(words), "; ".join(words[:5])))
