"""All models as plain dictionaries: what a database must answer and hold. SQL is asked of Python's own SQLite.

A change is made in two steps, as its revision comes from the answer: `refusal` says whether it must be refused, and
`apply` makes it. `events` are those that the changes must have made, in order.
"""
import copy
import sqlite3
from typing import Optional

NOTHING = object()


def merged(target, patch):
    """A JSON merge patch."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def leaf(doc, path: str):
    for name in path.split("."):
        if not isinstance(doc, dict) or name not in doc:
            return NOTHING
        doc = doc[name]
    return doc


def is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def matches(doc, condition: dict) -> bool:
    """Of conditions as `made_condition` makes them."""
    if "must" in condition or "must_not" in condition:
        return (all(matches(doc, one) for one in condition.get("must", []))
                and not any(matches(doc, one) for one in condition.get("must_not", [])))
    found = leaf(doc, condition.get("key", condition.get("is_null", condition.get("is_empty"))))
    if "is_null" in condition:
        return found is None
    if "is_empty" in condition:
        return found is NOTHING or found is None or found == []
    elements = found if isinstance(found, list) else [found]
    if "range" in condition:
        bounds = condition["range"]
        return any(is_number(one) and one >= bounds["gte"] and one < bounds["lt"] for one in elements)
    if "prefix" in condition["match"]:
        return any(isinstance(one, str) and one.startswith(condition["match"]["prefix"]) for one in elements)
    wanted = condition["match"]["value"]
    return any(type(one) is type(wanted) and one == wanted or is_number(one) and is_number(wanted) and one == wanted
               for one in elements)


def rank(value) -> tuple:
    """null < bool < number < string < rest; the rest is not told apart here."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return 1, value
    if is_number(value):
        return 2, value
    return (3, value.encode()) if isinstance(value, str) else (4,)


class NaiveModels:
    def __init__(self) -> None:
        self.state: dict = {}       # key -> (value, revision, expires_at_ms)
        self.documents: dict = {}   # (collection, id) -> (document, revision)
        self.vectors: dict = {}     # id -> (vector, meta)
        self.sql = sqlite3.connect(":memory:")
        self.events: list = []      # (type, data)

    def snapshot(self) -> "NaiveModels":
        taken = NaiveModels()
        taken.state, taken.documents = copy.deepcopy(self.state), copy.deepcopy(self.documents)
        taken.vectors = copy.deepcopy(self.vectors)
        self.sql.backup(taken.sql)
        return taken

    # ---- Whether an operation of a batch goes through ----
    def place(self, operation: dict):
        """Where it writes; None for an event."""
        kind = operation["op"].split(".")[0]
        return {"state": lambda: ("state", operation["key"]),
                "doc": lambda: ("doc", operation["collection"], operation["id"]),
                "vector": lambda: ("vector", operation["id"]), "event": lambda: None}[kind]()

    def revision(self, place: tuple, earlier: dict) -> int:
        """0: absent, -1: there, with a revision that nobody knows yet. `earlier` is what the batch did before."""
        if place in earlier:
            return earlier[place]
        if place[0] == "state":
            return self.state.get(place[1], (None, 0))[1]
        if place[0] == "doc":
            return self.documents.get(place[1:], (None, 0))[1]
        return -1 if place[1] in self.vectors else 0

    def refusal(self, operation: dict, earlier: dict) -> Optional[tuple]:
        """(status, code), or None, and then `earlier` has it."""
        place = self.place(operation)
        if place is None:
            return None
        revision = self.revision(place, earlier)
        wanted = operation.get("if_revision")
        if wanted is not None and wanted != revision:
            return 409, "revision_mismatch"
        if operation["op"] == "vector.delete" and revision == 0:
            return 404, "not_found"
        earlier[place] = 0 if operation["op"].endswith(".delete") else -1
        return None

    # ---- Making it ----
    def apply(self, operation: dict, result: dict) -> None:
        getattr(self, "do_" + operation["op"].replace(".", "_"))(operation, result)

    def do_state_put(self, operation: dict, result: dict) -> None:
        assert result["key"] == operation["key"], (operation, result)
        assert (result["expires_at_ms"] is None) == (operation.get("ttl_ms") is None), (operation, result)
        self.state[operation["key"]] = (operation["value"], result["revision"], result["expires_at_ms"])
        self.events.append(("state_updated", {"key": operation["key"], "value": operation["value"],
                                              "revision": result["revision"], "expires_at_ms": result["expires_at_ms"]}))

    def do_state_delete(self, operation: dict, result: dict) -> None:
        assert result["deleted"] == (operation["key"] in self.state), (operation, result)
        if self.state.pop(operation["key"], None) is not None:
            self.events.append(("state_deleted", {"key": operation["key"], "reason": "explicit"}))

    def expire(self, key: str) -> None:
        del self.state[key]
        self.events.append(("state_deleted", {"key": key, "reason": "ttl"}))

    def do_doc_put(self, operation: dict, result: dict) -> None:
        collection, name, doc = operation["collection"], operation["id"], operation["doc"]
        assert result["id"] == name, (operation, result)
        self.documents[collection, name] = (doc, result["revision"])
        self.events.append(("doc_put", {"collection": collection, "id": name, "revision": result["revision"], "doc": doc}))

    def do_doc_delete(self, operation: dict, result: dict) -> None:
        place = operation["collection"], operation["id"]
        assert result["deleted"] == (place in self.documents), (operation, result)
        if self.documents.pop(place, None) is not None:
            self.events.append(("doc_deleted", {"collection": place[0], "id": place[1]}))

    def do_vector_upsert(self, operation: dict, result: dict) -> None:
        assert result == {"ok": True}, (operation, result)
        self.vectors[operation["id"]] = (operation["vector"], operation.get("meta"))
        self.events.append(("vector_upserted", {"collection": operation["collection"], "id": operation["id"],
                                                "vector": operation["vector"], "meta": operation.get("meta")}))

    def do_vector_delete(self, operation: dict, result: dict) -> None:
        assert result == {"deleted": True}, (operation, result)
        del self.vectors[operation["id"]]
        self.events.append(("vector_deleted", {"collection": operation["collection"], "id": operation["id"]}))

    def do_event_append(self, operation: dict, result: dict) -> None:
        assert result.keys() == {"offset"}, (operation, result)
        self.events.append((operation["type"], operation["data"]))

    def execute(self, sql: str, params: list) -> Optional[int]:
        """How many rows it changed; None if it fails."""
        try:
            with self.sql:
                changed = self.sql.execute(sql, params).rowcount
        except sqlite3.Error:
            return None
        changed = max(changed, 0)
        self.events.append(("sql_executed", {"sql": sql, "params": params, "rows_affected": changed}))
        return changed

    def rows(self, sql: str, params: list) -> list:
        cursor = self.sql.execute(sql, params)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor]

    # ---- Asking ----
    def keys(self, prefix: str) -> list:
        return sorted((key for key in self.state if key.startswith(prefix)), key=str.encode)

    def find(self, collection: str, condition: Optional[dict], sort: list) -> list:
        """Ids in order."""
        found = [(name, doc) for (other, name), (doc, _) in self.documents.items()
                 if other == collection and (condition is None or matches(doc, condition))]
        found.sort(key=lambda one: one[0].encode())
        for one in reversed(sort):
            there = [entry for entry in found if leaf(entry[1], one["key"]) is not NOTHING]
            there.sort(key=lambda entry, path=one["key"]: rank(leaf(entry[1], path)), reverse=one["order"] == "desc")
            found = there + [entry for entry in found if leaf(entry[1], one["key"]) is NOTHING]
        return [name for name, _ in found]
