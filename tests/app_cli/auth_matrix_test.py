"""Every route x method x role x state of the key, against the real server: the exact status.

The table below is the contract, written down a second time on purpose: it is not read from the program.
"""
import re
import time
import unittest

import cli
import openapi
from live_server import LiveServer

PUBLIC, QUERY, INGEST, ADMIN = "public", "query", "ingest", "admin"
ONE, LISTS, WHOLE = "one collection", "visible collections", "whole database"

# method, path, role, reach, body. {c} is a collection that exists, "mine"; /v2 speaks to it too.
ROUTES = [
    ("GET", "/v1/health", PUBLIC, None, None),
    ("GET", "/v1/health/live", PUBLIC, None, None),
    ("GET", "/v1/health/ready", PUBLIC, None, None),
    ("GET", "/openapi.yaml", PUBLIC, None, None),
    ("GET", "/docs", PUBLIC, None, None),
    ("GET", "/", PUBLIC, None, None),
    ("GET", "/v1/metrics", ADMIN, WHOLE, None),
    ("GET", "/v1/vector", QUERY, LISTS, None),
    ("POST", "/v1/vector/{c}", INGEST, ONE, {"dim": 2, "metric": "l2"}),
    ("GET", "/v1/vector/{c}", QUERY, ONE, None),
    ("POST", "/v1/vector/{c}/add", INGEST, ONE, {"id": 1, "vector": [1, 2]}),
    ("POST", "/v1/vector/{c}/upsert", INGEST, ONE, {"id": 1, "vector": [1, 2]}),
    ("POST", "/v1/vector/{c}/upsert_batch", INGEST, ONE, {"items": [{"id": 1, "vector": [1, 2]}]}),
    ("POST", "/v1/vector/{c}/update", INGEST, ONE, {"id": 1, "vector": [1, 2]}),
    ("POST", "/v1/vector/{c}/delete_batch", INGEST, ONE, {"ids": [7]}),
    ("POST", "/v1/vector/{c}/delete", INGEST, ONE, {"id": 7}),
    ("GET", "/v1/vector/{c}/get?id=1", QUERY, ONE, None),
    ("POST", "/v1/vector/{c}/search", QUERY, ONE, {"vector": [1, 2]}),
    ("POST", "/v1/vector/{c}/import", INGEST, ONE, {}),
    ("GET", "/v1/vector/{c}/export", QUERY, ONE, None),
    ("POST", "/v1/vector/{c}/optimize", ADMIN, ONE, {}),
    ("POST", "/v1/vector/{c}/search_batch", QUERY, ONE, {"searches": [{"vector": [1, 2]}]}),
    ("POST", "/v1/vector/{c}/get_batch", QUERY, ONE, {"ids": [1]}),
    ("POST", "/v1/vector/{c}/scroll", QUERY, ONE, {}),
    ("POST", "/v1/vector/{c}/count", QUERY, ONE, {}),
    ("POST", "/v1/vector/{c}/facet", QUERY, ONE, {"field": "a"}),
    ("POST", "/v1/vector/{c}/recommend", QUERY, ONE, {"positive": [[1, 2]]}),
    ("POST", "/v1/vector/{c}/identify", QUERY, ONE, {"vectors": [[1, 2]]}),
    ("POST", "/v1/vector/{c}/delete_by_filter", INGEST, ONE, {"filter": {"key": "a", "match": {"value": 1}}}),
    ("GET", "/v1/state?prefix=k", QUERY, WHOLE, None),
    ("DELETE", "/v1/state?prefix=k", INGEST, WHOLE, None),
    ("POST", "/v1/state/batch_put", INGEST, WHOLE, {"operations": [{"key": "k", "value": 1}]}),
    ("GET", "/v1/state/k", QUERY, WHOLE, None),
    ("PUT", "/v1/state/k", INGEST, WHOLE, {"value": 1}),
    ("DELETE", "/v1/state/k", INGEST, WHOLE, None),
    ("PUT", "/v1/doc/{c}/d", INGEST, ONE, {"a": 1}),
    ("GET", "/v1/doc/{c}/d", QUERY, ONE, None),
    ("PATCH", "/v1/doc/{c}/d", INGEST, ONE, {"a": 2}),
    ("POST", "/v1/doc/{c}/find", QUERY, ONE, {}),
    ("DELETE", "/v1/doc/{c}/d", INGEST, ONE, None),
    ("DELETE", "/v1/doc/{c}", ADMIN, ONE, None),
    ("POST", "/v1/sql/exec", INGEST, WHOLE, {"sql": "CREATE TABLE IF NOT EXISTS t (a INTEGER)"}),
    ("POST", "/v1/sql/query", QUERY, WHOLE, {"sql": "SELECT 1 AS one"}),
    ("GET", "/v1/stream", QUERY, LISTS, None),
    ("GET", "/v1/events", QUERY, LISTS, None),
    ("POST", "/v1/events", INGEST, WHOLE, {"type": "own", "data": 1}),
    ("POST", "/v1/batch", INGEST, WHOLE, {"operations": [{"op": "state.put", "key": "k", "value": 1}]}),
    ("POST", "/v1/admin/checkpoint", ADMIN, WHOLE, {}),
    ("POST", "/v1/admin/compact", ADMIN, WHOLE, {}),
    ("POST", "/v1/admin/snapshot", ADMIN, WHOLE, {}),
    ("GET", "/v1/admin/jobs", ADMIN, WHOLE, None),
    ("GET", "/v1/admin/jobs/none", ADMIN, WHOLE, None),
    ("GET", "/v1/admin/snapshots", ADMIN, WHOLE, None),
    ("GET", "/v1/admin/stats", ADMIN, WHOLE, None),
    ("GET", "/v1/admin/audit", ADMIN, WHOLE, None),
    ("GET", "/v1/admin/keys", ADMIN, WHOLE, None),
    ("POST", "/v1/admin/keys", ADMIN, WHOLE, {"name": "made", "roles": ["query"]}),
    ("DELETE", "/v1/admin/keys/vbk_none", ADMIN, WHOLE, None),
    ("POST", "/v2/vectors", INGEST, ONE, {"vector": [1, 2]}),
    ("POST", "/v2/vectors/batch", INGEST, ONE, {"vectors": [{"vector": [1, 2]}]}),
    ("POST", "/v2/query", QUERY, ONE, {"vector": [1, 2]}),
    ("POST", "/v2/identify", QUERY, ONE, {"vectors": [[1, 2]]}),
    ("GET", "/v2/health/live", QUERY, LISTS, None),
    ("GET", "/v2/health/ready", QUERY, LISTS, None),
    ("POST", "/v2/admin/checkpoint", ADMIN, WHOLE, None),
    ("POST", "/v2/admin/compact", ADMIN, WHOLE, None),
    ("POST", "/v2/admin/snapshot", ADMIN, WHOLE, None),
    ("GET", "/v2/admin/stats", ADMIN, WHOLE, None),
    ("GET", "/v2/metrics", ADMIN, WHOLE, None),
    # Last, as it ends the collection.
    ("DELETE", "/v1/vector/{c}", ADMIN, ONE, None),
]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# A key of the state and an id of a document may be called as a route is: these methods are theirs there.
NAMED_AS_ROUTES = {"/v1/state/batch_put": ("GET", "PUT", "DELETE"),
                   "/v1/doc/{c}/find": ("GET", "PUT", "PATCH", "DELETE")}
ROLES = (QUERY, INGEST, ADMIN)
BAD_STATES = ("none", "garbled", "unknown", "wrong secret", "revoked", "expired")


def allows(role, needed):
    return needed == PUBLIC or role == needed or role == ADMIN


class AuthMatrixTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        flags = ("--collection", "mine", "--dim", "2", "--metric", "l2", "--public-health-metrics", "false",
                 "--sql")
        self.server = LiveServer(cli.BINARY, self.folder / "data", *flags, environment=cli.clean_environment()).start()
        self.addCleanup(self.server.kill)
        self.admin = self.server.connect()
        self.addCleanup(self.admin.close)
        for name in ("mine", "other"):
            answer = self.admin.post("/v1/vector/" + name, {"dim": 2, "metric": "l2"})
            self.assertEqual(answer.status, 200, answer)
        self.admin.post("/v1/vector/mine/upsert", {"id": 1, "vector": [1, 2]})
        self.keys = self.make_keys()
        self.connection = self.server.connect(key=None)
        self.addCleanup(self.connection.close)

    def make_key(self, roles, collections=None, expires_at_ms=None):
        body = {"name": "k", "roles": roles}
        if collections is not None:
            body["collections"] = collections
        if expires_at_ms is not None:
            body["expires_at_ms"] = expires_at_ms
        answer = self.admin.post("/v1/admin/keys", body)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def make_keys(self):
        expires = int(time.time() * 1000) + 1500
        keys = {"none": None, "garbled": "Bearer what is this", "unknown": "Bearer vbk_%s.%s" % ("0" * 16, "1" * 64)}
        for role in ROLES:
            revoked = self.make_key([role])
            self.assertEqual(self.admin.ask("DELETE", "/v1/admin/keys/" + revoked["id"]).status, 200)
            keys["revoked", role] = revoked["key"]
            keys["expired", role] = self.make_key([role], expires_at_ms=expires)["key"]
            valid = self.make_key([role])["key"]
            keys["valid", role] = valid
            last = "0" if valid[-1] != "0" else "1"
            keys["wrong secret", role] = valid[:-1] + last
            keys["limited to mine", role] = self.make_key([role], ["mine"])["key"]
            keys["limited to other", role] = self.make_key([role], ["other"])["key"]
        keys["unknown"] = keys["valid", QUERY].split(".")[0][:-2] + "zz." + keys["valid", QUERY].split(".")[1]
        time.sleep(max(0, expires / 1000 - time.time()) + 0.05)
        return keys

    def header(self, state, role):
        key = self.keys[state] if state in self.keys else self.keys[state, role]
        if key is None:
            return {}
        return {"Authorization": key if key.startswith("Bearer ") else "Bearer " + key}

    def ask(self, method, path, body, state, role):
        return self.connection.ask(method, path.replace("{c}", "mine"), body, self.header(state, role))

    def expected(self, path, needed, reach, state, role):
        """The status, or None for "neither 401 nor 403"."""
        if needed == PUBLIC:
            return None
        if state == "revoked" and path.startswith("/v2/"):
            return 403
        if state in BAD_STATES:
            return 401
        if not allows(role, needed):
            return 403
        if state.startswith("limited"):
            if reach == WHOLE or (reach == ONE and state != "limited to mine"):
                return 403
        return None

    def test_the_table_has_every_route_that_is_described_with_its_role(self):
        described = openapi.operations(self.admin.get("/openapi.yaml").body.decode())
        patterns = {operation.name: re.sub("{[a-z]+}", "[^/]+", operation.path) for operation in described}
        rows = {operation.name: [] for operation in described}
        for method, path, role, *_ in ROUTES:
            path = path.split("?")[0].replace("{c}", "mine")
            fitting = [operation for operation in described
                       if operation.method == method and re.fullmatch(patterns[operation.name], path)]
            self.assertTrue(fitting, f"{method} {path} is not described")
            # A literal path wins over one with names.
            operation = min(fitting, key=lambda one: one.path.count("{"))
            # The flag of this test's server asks for keys there.
            by_default = PUBLIC if path.startswith("/v2/health/") else role
            self.assertEqual(operation.role, by_default, operation.name)
            rows[operation.name].append(path)
        self.assertEqual([name for name, paths in rows.items() if len(paths) != 1], [])

    def test_every_route_with_every_key(self):
        checked = 0
        for method, path, needed, reach, body in ROUTES:
            for role in ROLES:
                for state in BAD_STATES + ("limited to other", "limited to mine", "valid"):
                    if method == "DELETE" and needed == ADMIN and reach == ONE and role == ADMIN and \
                            state in ("valid", "limited to mine"):
                        # What is deleted must be there for the next state.
                        self.admin.post("/v1/vector/mine", {"dim": 2, "metric": "l2"})
                    answer = self.ask(method, path, body, state, role)
                    wanted = self.expected(path, needed, reach, state, role)
                    where = "%s %s, %s key of role %s: %r" % (method, path, state, role, answer)
                    if wanted is None:
                        self.assertNotIn(answer.status, (401, 403, 405, 500), where)
                    else:
                        self.assertEqual(answer.status, wanted, where)
                        self.assertIn("request_id", answer.json, where)
                        self.assertNotIn("hits", answer.body.decode(), where)
                    checked += 1
        self.assertEqual(checked, len(ROUTES) * 3 * 9)

    def test_other_methods_are_405_whatever_the_key(self):
        known = {}
        for method, path, *_ in ROUTES:
            known.setdefault(path.split("?")[0], set()).add(method)
        for path, methods in known.items():
            if path.startswith("/v1/admin/keys"):
                methods = methods | {"GET"} if path == "/v1/admin/keys" else methods
            for method in METHODS:
                if method in methods or method in NAMED_AS_ROUTES.get(path, ()):
                    continue
                for state in ("none", "valid"):
                    answer = self.ask(method, path, None if method == "GET" else {}, state, ADMIN)
                    self.assertEqual(answer.status, 405, "%s %s with %s key: %r" % (method, path, state, answer))
                    self.assertTrue(answer.headers["Allow"], path)

    def test_unknown_routes_are_404_without_a_key_too(self):
        for path in ("/v1/none", "/v1/vector/mine/none", "/v2/none", "/v1/health%2flive", "/v1/vector/", "//v1/health"):
            for state in ("none", "valid"):
                self.assertEqual(self.ask("GET", path, None, state, ADMIN).status, 404, path)

    def test_authorization_wins_over_x_api_key(self):
        good, bad = self.keys["valid", ADMIN], self.keys["revoked", ADMIN]
        for first, second, status in ((good, bad, 200), (bad, good, 401)):
            answer = self.connection.ask("GET", "/v1/vector", None,
                                         {"Authorization": "Bearer " + first, "x-api-key": second})
            self.assertEqual(answer.status, status, answer)
        self.assertEqual(self.connection.ask("GET", "/v1/vector", None, {"x-api-key": good}).status, 200)
        self.assertEqual(self.connection.ask("GET", "/v1/vector?api_key=" + good).status, 401)

    def test_a_revocation_holds_on_the_next_request(self):
        made = self.make_key([QUERY])
        header = {"Authorization": "Bearer " + made["key"]}
        self.assertEqual(self.connection.ask("GET", "/v1/vector", None, header).status, 200)
        self.assertEqual(self.admin.ask("DELETE", "/v1/admin/keys/" + made["id"]).status, 200)
        self.assertEqual(self.connection.ask("GET", "/v1/vector", None, header).status, 401)

    def test_a_limited_key_sees_its_collections_only(self):
        for state, names in (("limited to other", ["other"]), ("limited to mine", ["mine"]), ("valid", ["mine", "other"])):
            answer = self.ask("GET", "/v1/vector", None, state, QUERY)
            self.assertEqual([info["collection"] for info in answer.json["collections"]], names)


if __name__ == "__main__":
    cli.main()
