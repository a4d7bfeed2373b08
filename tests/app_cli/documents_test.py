"""Documents over HTTP, line by line of their contract: revisions, If-Match, merge patches, find, dropping."""
import random

import cli
from served_test import ServedTest, nested, path_of, text_of_bytes

MIB = 1 << 20


def at(collection: str, name: str) -> str:
    return path_of("/v1/doc", collection, name)


class DocumentsTest(ServedTest):
    FLAGS = ("--request-timeout-ms", 2000)

    def setUp(self) -> None:
        super().setUp()
        self.c = self.id().rsplit(".", 1)[1][:60]   # A collection of the test's own.

    def put(self, name: str, doc, **headers) -> dict:
        return self.ok("PUT", at(self.c, name), doc, headers)

    def get(self, name: str):
        return self.ok("GET", at(self.c, name))["doc"]

    def patch(self, name: str, patch, status: int = 200, **headers):
        return self.ask("PATCH", at(self.c, name), patch, headers, status).json

    def find(self, **body) -> list:
        return [one["id"] for one in self.ok("POST", "/v1/doc/%s/find" % self.c, body)["documents"]]

    # ---- One document ----
    def test_a_put_answers_the_document_and_a_get_the_same(self):
        said = self.put("d", {"a": [1, {"b": None}]})
        self.assertEqual(said.keys(), {"id", "revision", "doc", "lsn"})
        self.assertEqual((said["id"], said["revision"], said["doc"]), ("d", said["lsn"], {"a": [1, {"b": None}]}))
        self.assertEqual(self.ok("GET", at(self.c, "d")),
                         {"id": "d", "revision": said["revision"], "doc": {"a": [1, {"b": None}]}})

    def test_any_json_is_a_document(self):
        for doc in ({}, [], "text", 0, -1.5, True, (1 << 64) - 1, {"revision": 1, "id": 2, "mistyped": 3}, [[None]]):
            self.put("any", doc)
            found = self.get("any")
            self.assertEqual((type(found), found), (type(doc), doc))
        answer = self.ask("PUT", at(self.c, "any"), b"null").json
        self.assertEqual((answer["doc"], self.get("any")), (None, None))

    def test_a_document_is_as_long_as_a_mebibyte(self):
        for length in (MIB - 1, MIB):
            self.put("long", text_of_bytes(length))
        self.refused(413, "payload_too_large", "PUT", at(self.c, "long"), text_of_bytes(MIB + 1))
        self.assertEqual(len(self.get("long")), MIB - 2)

    def test_a_document_is_as_deep_as_a_body_may_be(self):
        for opening in "[{":
            for levels, status in ((31, 200), (32, 200), (33, 400)):
                self.ask("PUT", at(self.c, "deep"), nested(levels, opening).encode(), status=status)

    def test_what_is_no_json_or_no_number_is_refused(self):
        path = at(self.c, "bad")
        for method in ("PUT", "PATCH"):
            self.refused(400, "unknown_field", method, path + "?mistyped=1", b"{", words=("mistyped",))
            self.refused(415, "unsupported_media_type", method, path, b"{}", {"Content-Type": "text/plain"})
            for body in (b"", b"{", b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":"\\ud800"}'):
                self.refused(400, "invalid_json", method, path, body)
            self.refused(400, "invalid_argument", method, path, b'{"a":1e999}')
        self.refused(404, "not_found", "GET", path)

    def test_ids_and_collections(self):
        for name in ("i" * 255, "i" * 256, "\u00e9" * 128, "a/b", "%2F", "a b", ".", "find"):
            self.put(name, {"n": name})
            self.assertEqual(self.get(name), {"n": name})
            self.assertEqual(self.ok("DELETE", at(self.c, name))["deleted"], True)
        for bad in ("i" * 257, "\u00e9" * 128 + "i"):
            self.refused(400, "invalid_argument", "PUT", at(self.c, bad), {})
        for encoded in ("%00", "a%0A", "%7F", "%FF"):
            self.refused(400, "invalid_argument", "PUT", "/v1/doc/%s/%s" % (self.c, encoded), {})
        for good in ("c" * 63, "c" * 64, "A-b_c.9"):
            self.ok("PUT", at(good, "d"), {})
            self.ok("DELETE", "/v1/doc/" + good)
        for bad in ("c" * 65, ".hidden", "a b", "a/b", "caf\u00e9", "..", "a:b"):
            self.refused(400, "invalid_argument", "PUT", at(bad, "d"), {})
            self.refused(400, "invalid_argument", "GET", at(bad, "d"))
            self.refused(400, "invalid_argument", "POST", path_of("/v1/doc", bad, "find"), {})

    # ---- Revisions ----
    def test_if_match_is_the_revision_or_0_for_none(self):
        path = at(self.c, "cas")
        self.refused(409, "revision_mismatch", "PUT", path, {}, {"If-Match": "5"})
        first = self.ok("PUT", path, {"n": 1}, {"If-Match": "0"})["revision"]
        for wrong in (0, first - 1, first + 1):
            for method, body in (("PUT", {"n": 2}), ("PATCH", {"n": 2}), ("DELETE", None)):
                self.refused(409, "revision_mismatch", method, path, body, {"If-Match": str(wrong)})
        second = self.ok("PUT", path, {"n": 2}, {"If-Match": str(first)})["revision"]
        third = self.ok("PATCH", path, {"m": 3}, {"If-Match": str(second)})["revision"]
        self.assertTrue(first < second < third)
        self.assertEqual(self.ok("GET", path), {"id": "cas", "revision": third, "doc": {"n": 2, "m": 3}})
        self.assertEqual(self.ok("DELETE", path, None, {"If-Match": str(third)})["deleted"], True)
        self.refused(404, "not_found", "GET", path)
        for bad in ("x", "-1", "1.5", "*", ""):
            self.refused(400, "invalid_argument", "PUT", path, {}, {"If-Match": bad}, ("If-Match",))

    def test_revisions_increase_over_deletes_and_drops(self):
        last = 0
        for method, path in (("DELETE", at(self.c, "up")), ("DELETE", "/v1/doc/" + self.c)):
            revision = self.put("up", {})["revision"]
            self.assertGreater(revision, last)
            last = self.ok(method, path)["lsn"]
            self.assertGreater(last, revision)

    def test_a_delete_of_what_is_absent_is_no_write(self):
        def asked():
            path = at(self.c, "absent")
            self.assertEqual(self.ok("DELETE", path), {"deleted": False})
            self.assertEqual(self.ok("DELETE", path, None, {"If-Match": "0"}), {"deleted": False})
            self.refused(409, "revision_mismatch", "DELETE", path, None, {"If-Match": "1"})
            self.refused(404, "not_found", "PATCH", path, {"a": 1})
            self.refused(404, "not_found", "GET", path)
            self.assertEqual(self.ok("DELETE", "/v1/doc/" + self.c), {"deleted": 0})
            self.assertEqual(self.ok("POST", "/v1/doc/%s/find" % self.c, {}), {"documents": [], "next_cursor": None})

        self.logs_nothing(asked)

    # ---- Patches ----
    def test_a_patch_merges_deeply_and_null_removes(self):
        for target, patch, wanted in (({"a": "b"}, {"a": "c"}, {"a": "c"}), ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
                                      ({"a": "b"}, {"a": None}, {}), ({"a": "b", "b": 1}, {"a": None}, {"b": 1}),
                                      ({"a": ["b"]}, {"a": "c"}, {"a": "c"}), ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
                                      ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
                                      ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}), (["a", "b"], ["c"], ["c"]),
                                      ({"a": "b"}, ["c"], ["c"]), ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
                                      ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
                                      ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}})):
            self.put("p", target)
            said = self.patch("p", patch)
            self.assertEqual((said["id"], said["doc"]), ("p", wanted), (target, patch))
            self.assertEqual(self.get("p"), wanted)

    def test_a_patched_document_has_the_caps_of_a_whole_one(self):
        self.put("p", {"a": text_of_bytes(MIB - 100)})
        self.assertEqual(self.patch("p", {"b": "x" * 200}, status=413)["error"], "payload_too_large")
        self.assertEqual(self.get("p").keys(), {"a"})

    # ---- Find ----
    def test_find_goes_in_order_of_ids_page_by_page(self):
        names = ["b", "a", "\u00e9", "z", "A", "a/b", "10", "9", "\U0001f600", "\uffee"]
        for name in names:
            self.put(name, {"n": 1})
        wanted = sorted(names, key=str.encode)
        self.assertEqual(self.find(), wanted)
        for limit in (1, 3, 5, 9, 10, 11):
            found, cursor = [], None
            while True:
                page = self.ok("POST", "/v1/doc/%s/find" % self.c, {"limit": limit, "cursor": cursor})
                self.assertEqual(page.keys(), {"documents", "next_cursor"})
                found += [one["id"] for one in page["documents"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
                self.assertEqual(len(page["documents"]), limit)
            self.assertEqual(found, wanted, limit)
        one = self.ok("POST", "/v1/doc/%s/find" % self.c, {"limit": 1})["documents"][0]
        self.assertEqual(one.keys(), {"id", "revision", "doc"})

    def test_find_filters(self):
        docs = {"1": {"n": 1, "s": "ab", "t": ["x", "y"]}, "2": {"n": 2.0, "s": "ac", "t": []},
                "3": {"n": None, "s": "b", "in": {"deep": True}}, "4": {"s": "abc", "in": {"deep": False}, "n": "2"},
                "5": [1], "6": {"when": "2024-05-01T00:00:00Z"}}
        for name, doc in docs.items():
            self.put(name, doc)
        for condition, wanted in (({}, "123456"), ({"key": "n", "match": {"value": 2}}, "2"),
                                  ({"key": "n", "match": {"value": "2"}}, "4"),
                                  ({"key": "n", "match": {"any": [1, "2"]}}, "14"),
                                  ({"key": "n", "match": {"except": [1]}}, "234"),
                                  ({"key": "s", "match": {"prefix": "ab"}}, "14"),
                                  ({"key": "n", "range": {"gte": 1, "lt": 2}}, "1"),
                                  ({"key": "when", "range": {"gt": "2024-04-30T23:59:59Z"}}, "6"),
                                  ({"key": "t", "match": {"value": "y"}}, "1"), ({"is_null": "n"}, "3"),
                                  ({"is_empty": "t"}, "23456"), ({"key": "in.deep", "match": {"value": True}}, "3"),
                                  ({"must_not": {"key": "s", "match": {"prefix": "a"}}}, "356"),
                                  ({"must": [{"key": "s", "match": {"prefix": "a"}}, {"is_empty": "t"}]}, "24"),
                                  ({"should": [{"key": "n", "match": {"value": 1}}, {"is_null": "n"}]}, "13"),
                                  ({"has_id": ["1", "5", "9"]}, "15"), ({"should": []}, "123456")):
            self.assertEqual("".join(self.find(filter=condition)), wanted, condition)
        self.put("1", {"n": 9})
        self.ok("DELETE", at(self.c, "2"))
        self.assertEqual(self.find(filter={"key": "n", "range": {"gte": 0}}), ["1"])

    def test_find_refuses_what_is_no_filter(self):
        self.put("d", {})
        for condition in ({"mistyped": 1}, {"key": "a"}, {"key": "a", "match": {}}, {"key": "a", "range": {}},
                          {"key": "a", "match": {"value": None}}, {"key": "a", "match": {"value": []}}, 7, "x", [],
                          {"key": "a", "match": {"value": 1, "any": [1]}}, {"key": "a", "range": {"gt": "x"}},
                          {"must": [{"is_null": "a"}] * 256}):
            self.refused(400, "invalid_filter", "POST", "/v1/doc/%s/find" % self.c, {"filter": condition})

    def test_find_sorts(self):
        rising = [False, True, -1, 1.5, 2, 10, "10", "9", "a"]
        for number, value in enumerate(rising):
            self.put("s%d" % (len(rising) - number), {"v": value})
        self.put("null", {"v": None})
        for name in ("x1", "x0"):
            self.put(name, {"other": 1})
        ids = ["s%d" % (len(rising) - number) for number in range(len(rising))]
        self.assertEqual(self.find(sort=[{"key": "v", "order": "asc"}]), ["null"] + ids + ["x0", "x1"])
        falling = self.find(sort=[{"key": "v", "order": "desc"}])
        self.assertEqual(falling, ids[::-1] + ["null", "x0", "x1"])

    def test_find_sorts_by_several_keys_and_pages_of_it_are_the_same(self):
        rng = random.Random(7)
        docs = {"d%03d" % number: {"a": rng.randrange(4), "b": {"c": rng.choice(["x", "y", "z"])}, "n": number}
                for number in range(60)}
        for name, doc in docs.items():
            self.put(name, doc)
        sort = [{"key": "a", "order": "desc"}, {"key": "b.c", "order": "asc"}]
        wanted = sorted(docs, key=lambda name: (-docs[name]["a"], docs[name]["b"]["c"], name))
        self.assertEqual(self.find(sort=sort, limit=100), wanted)
        for limit in (1, 7, 59, 60):
            found, cursor = [], None
            while True:
                body = {"sort": sort, "limit": limit, "filter": {"key": "n", "range": {"gte": 5}}}
                page = self.ok("POST", "/v1/doc/%s/find" % self.c, body | ({"cursor": cursor} if cursor else {}))
                found += [one["id"] for one in page["documents"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            self.assertEqual(found, [name for name in wanted if docs[name]["n"] >= 5], limit)

    def test_the_fields_of_find(self):
        path = "/v1/doc/%s/find" % self.c
        self.check_body_rules("POST", path, {"limit": 1})
        self.assertEqual(self.ok("POST", path, {"filter": None, "sort": None, "limit": None, "cursor": None}),
                         {"documents": [], "next_cursor": None})
        for limit in (1, 999, 1000):
            self.ok("POST", path, {"limit": limit})
        for limit in (0, 1001, -1, 1.5, "1", True):
            self.refused(400, "invalid_argument", "POST", path, {"limit": limit}, words=("limit",))
        for sort in ({}, "a", [7], [{}], [{"order": "asc"}], [{"key": "a", "order": "up"}], [{"key": 7, "order": "asc"}]):
            self.refused(400, "invalid_argument", "POST", path, {"sort": sort}, words=("sort",))
        self.refused(400, "unknown_field", "POST", path, {"sort": [{"key": "a", "order": "asc", "mistyped": 1}]})
        for cursor in ("", "x", 7, "AAAA", "%00"):
            self.refused(400, "invalid_argument", "POST", path, {"cursor": cursor}, words=("cursor",))

    def test_find_answers_20_if_not_asked_for_more(self):
        for number in range(22):
            self.put("d%02d" % number, {})
        self.assertEqual(len(self.find()), 20)
        self.assertEqual(len(self.find(limit=22)), 22)
        page = self.ok("POST", "/v1/doc/%s/find" % self.c, {"limit": 22})
        self.assertIsNone(page["next_cursor"], "no page behind a full last one")

    def test_a_cursor_outlives_what_it_stood_on(self):
        for number in range(6):
            self.put("d%d" % number, {})
        cursor = self.ok("POST", "/v1/doc/%s/find" % self.c, {"limit": 2})["next_cursor"]
        for name in ("d1", "d2"):
            self.ok("DELETE", at(self.c, name))
        self.put("d11", {})
        self.assertEqual(self.find(cursor=cursor), ["d11", "d3", "d4", "d5"])

    # ---- Collections ----
    def test_a_dropped_collection_is_empty_and_the_others_are_not(self):
        for name in "abc":
            self.put(name, {})
        self.ok("PUT", at("other", "a"), {"kept": True})
        said = self.ok("DELETE", "/v1/doc/" + self.c)
        self.assertEqual((said.keys(), said["deleted"]), ({"deleted", "lsn"}, 3))
        self.assertEqual(self.find(), [])
        self.refused(404, "not_found", "GET", at(self.c, "a"))
        self.assertEqual(self.ok("GET", at("other", "a"))["doc"], {"kept": True})
        self.put("a", {"again": 1})
        self.assertEqual(self.find(), ["a"])

    # ---- What holds for every write and read ----
    def test_idempotency_keys(self):
        path = at(self.c, "idem")
        self.check_idempotency("PUT", path, {"n": 1}, {"n": 2})
        self.check_idempotency("PATCH", path, {"m": 1}, {"m": 2})
        key = {"Idempotency-Key": "drop once"}
        first = self.ask("DELETE", "/v1/doc/" + self.c, None, key)
        self.put("idem", {})
        self.assertEqual(self.ask("DELETE", "/v1/doc/" + self.c, None, key).body, first.body)
        self.assertEqual(self.find(), ["idem"])
        key = {"Idempotency-Key": "delete once"}
        first = self.ask("DELETE", path, None, key)
        self.put("idem", {})
        self.assertEqual(self.ask("DELETE", path, None, key).body, first.body)
        self.assertEqual(self.find(), ["idem"])

    def test_relaxed_writes_and_reads_that_wait(self):
        path = at(self.c, "relaxed")
        self.check_relaxed("PUT", path, {"n": 1})
        self.check_relaxed("PATCH", path, {"n": 2})
        self.check_min_lsn(path)
        find = "/v1/doc/%s/find" % self.c
        self.ok("POST", find, {"min_lsn": self.end_of_log()})
        self.refused(408, "timeout", "POST", find, {"min_lsn": 1 << 62})
        self.refused(400, "invalid_argument", "POST", find, {"min_lsn": -1}, words=("min_lsn",))

    def test_roles_and_keys(self):
        self.put("d", {})
        query, ingest, admin = self.make_key("query"), self.make_key("ingest"), self.make_key("admin")
        scoped = self.make_key("query", "ingest", collections=[self.c])
        other = self.make_key("admin", "query", "ingest", collections=["other"])
        nobody = self.server.connect(None)
        for method, path, body, allowed in (("GET", at(self.c, "d"), None, {query, admin, scoped}),
                                            ("POST", "/v1/doc/%s/find" % self.c, {}, {query, admin, scoped}),
                                            ("PUT", at(self.c, "d"), {}, {ingest, admin, scoped}),
                                            ("PATCH", at(self.c, "d"), {}, {ingest, admin, scoped}),
                                            ("DELETE", at(self.c, "e"), None, {ingest, admin, scoped}),
                                            ("DELETE", "/v1/doc/" + self.c, None, {admin})):
            for connection in (query, ingest, admin, scoped, other):
                wanted = 200 if connection in allowed else 403
                self.assertEqual(connection.ask(method, path, body).status, wanted, (method, path, connection is other))
            self.assertEqual(nobody.ask(method, path, body).status, 401, path)
        self.assertEqual(other.get(at(self.c, "absent")).status, 403, "before 404")

    def test_methods(self):
        for method, path in (("POST", at(self.c, "d")), ("PUT", "/v1/doc/" + self.c), ("POST", "/v1/doc/" + self.c)):
            self.refused(405, "method_not_allowed", method, path, {})


class DocumentsRestartTest(ServedTest):
    def test_all_is_as_it_was_after_a_kill_and_after_a_stop(self):
        wanted = {}
        for number in range(200):
            name = "d%03d" % number
            said = self.ok("PUT", at("kept", name), {"n": number, "even": number % 2 == 0})
            wanted[name] = (said["revision"], said["doc"])
        for name in ("d003", "d004"):
            self.ok("DELETE", at("kept", name))
            del wanted[name]
        said = self.ok("PATCH", at("kept", "d005"), {"n": None, "m": 1})
        wanted["d005"] = (said["revision"], {"even": False, "m": 1})
        for end in (self.server.kill, self.server.stop):
            end()
            self.server.start()
            api = self.server.connect()
            found = api.post("/v1/doc/kept/find", {"limit": 1000}).json["documents"]
            self.assertEqual({one["id"]: (one["revision"], one["doc"]) for one in found}, wanted)
            even = api.post("/v1/doc/kept/find", {"limit": 1000, "filter": {"key": "even", "match": {"value": True}}})
            self.assertEqual([one["id"] for one in even.json["documents"]],
                             sorted(name for name, (_, doc) in wanted.items() if doc["even"]))


if __name__ == "__main__":
    cli.main()
