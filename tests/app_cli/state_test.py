"""The state over HTTP, line by line of its contract: values, revisions, conditions, times to live, lists, batches."""
import time

import cli
from served_test import ServedTest, nested, path_of, text_of_bytes

MIB = 1 << 20


def at(key: str) -> str:
    return path_of("/v1/state", key)


class StateTest(ServedTest):
    FLAGS = ("--request-timeout-ms", 2000)

    def put(self, key: str, value, **options) -> dict:
        return self.ok("PUT", at(key), {"value": value} | options)

    def keys(self, query: str) -> list:
        return [item["key"] for item in self.ok("GET", "/v1/state?" + query)]

    # ---- Values ----
    def test_a_put_answers_its_revision_and_lsn_and_a_get_the_item(self):
        said = self.put("shape", {"a": 1})
        self.assertEqual(said.keys(), {"key", "revision", "expires_at_ms", "lsn"})
        self.assertEqual((said["key"], said["revision"], said["expires_at_ms"]), ("shape", said["lsn"], None))
        item = self.ok("GET", at("shape"))
        self.assertEqual(item, {"key": "shape", "value": {"a": 1}, "revision": said["revision"], "expires_at_ms": None})

    def test_any_json_is_a_value_and_comes_back_as_it_was(self):
        for value in (None, True, False, 0, -1, 0.1, 1e300, (1 << 64) - 1, -(1 << 63), "", "caf\u00e9 \U0001f600 \x01", [],
                      {}, [None, [1, {"a": []}]], {"": 0, "a": {"b": None}}, "\u0000"):
            self.put("any", value)
            found = self.ok("GET", at("any"))["value"]
            self.assertEqual((type(found), found), (type(value), value))

    def test_a_value_is_as_long_as_a_mebibyte(self):
        for length in (MIB - 1, MIB):
            self.put("long", text_of_bytes(length))
            self.assertEqual(len(self.ok("GET", at("long"))["value"]), length - 2)
        self.refused(413, "payload_too_large", "PUT", at("long"), {"value": text_of_bytes(MIB + 1)})
        self.assertEqual(len(self.ok("GET", at("long"))["value"]), MIB - 2)

    def test_a_value_is_as_deep_as_a_body_may_be(self):
        for opening in "[{":
            for levels, status in ((30, 200), (31, 200), (32, 400)):
                self.ask("PUT", at("deep"), b'{"value":' + nested(levels, opening).encode() + b"}", status=status)

    def test_what_is_no_json_or_no_number_is_refused(self):
        self.check_body_rules("PUT", at("rules"), {"value": 1}, ("value",))
        self.refused(400, "invalid_argument", "PUT", at("rules"), b'{"value":1e999}')
        self.refused(404, "not_found", "GET", at("rules"))

    def test_null_is_absent_for_what_is_optional(self):
        self.put("null", None, ttl_ms=None, if_revision=None)
        self.assertEqual(self.ok("GET", at("null"))["expires_at_ms"], None)

    def test_a_field_of_the_wrong_type_is_named(self):
        for name, values in (("ttl_ms", (0, -1, 1.5, "1", True, [], 1 << 64)),
                             ("if_revision", (-1, 1.5, "1", True, {}, 1 << 64))):
            for value in values:
                self.refused(400, "invalid_argument", "PUT", at("typed"), {"value": 1, name: value}, words=(name,))
        self.refused(404, "not_found", "GET", at("typed"))

    # ---- Keys ----
    def test_a_key_has_512_bytes_at_most(self):
        for key in ("k" * 511, "k" * 512, "\u00e9" * 256):
            self.put(key, 1)
            self.assertEqual(self.ok("GET", at(key))["key"], key)
        for key in ("k" * 513, "\u00e9" * 256 + "k"):
            for method, body in (("GET", None), ("PUT", {"value": 1}), ("DELETE", None)):
                self.refused(400, "invalid_argument", method, at(key), body)

    def test_a_key_is_decoded_once(self):
        for key in ("a/b", "%2F", "a%20b", "a b", "caf\u00e9", "+", "?", "#", "a:b", ".", "..", "batch_put", '"', "\\"):
            self.put(key, key)
            self.assertEqual(self.ok("GET", at(key))["value"], key)
            self.assertEqual(self.ok("DELETE", at(key))["deleted"], True)
        self.ask("GET", "/v1/state/a/b", status=404)

    def test_a_key_is_utf_8_without_control_characters(self):
        for encoded in ("%00", "a%0Ab", "%1F", "%7F", "%FF", "%C3", "%ED%A0%80", "%C0%AF"):
            self.refused(400, "invalid_argument", "PUT", "/v1/state/" + encoded, {"value": 1})
            self.refused(400, "invalid_argument", "GET", "/v1/state/" + encoded)
        self.assertIn(self.api.ask("PUT", "/v1/state/", {"value": 1}).status, (400, 404))

    # ---- Revisions and conditions ----
    def test_revisions_increase_over_writes_and_deletes(self):
        last = 0
        for _ in range(3):
            for value in range(2):
                revision = self.put("up", value)["revision"]
                self.assertGreater(revision, last)
                last = revision
            lsn = self.ok("DELETE", at("up"))["lsn"]
            self.assertGreater(lsn, last)
            last = lsn

    def test_a_put_on_a_revision_needs_that_revision(self):
        self.refused(409, "revision_mismatch", "PUT", at("cas"), {"value": 1, "if_revision": 7})
        first = self.put("cas", 1, if_revision=0)["revision"]
        self.refused(409, "revision_mismatch", "PUT", at("cas"), {"value": 2, "if_revision": 0})
        self.refused(409, "revision_mismatch", "PUT", at("cas"), {"value": 2, "if_revision": first + 1})
        second = self.put("cas", 2, if_revision=first)["revision"]
        self.refused(409, "revision_mismatch", "PUT", at("cas"), {"value": 3, "if_revision": first})
        self.assertEqual(self.ok("GET", at("cas"))["revision"], second)

    def test_a_delete_on_a_revision_needs_that_revision(self):
        revision = self.put("gone", 1)["revision"]
        for wrong in (0, revision - 1, revision + 1):
            self.refused(409, "revision_mismatch", "DELETE", at("gone") + "?if_revision=%d" % wrong)
        said = self.ok("DELETE", at("gone") + "?if_revision=%d" % revision)
        self.assertEqual((said.keys(), said["deleted"]), ({"deleted", "lsn"}, True))
        self.refused(404, "not_found", "GET", at("gone"))
        self.refused(409, "revision_mismatch", "DELETE", at("gone") + "?if_revision=%d" % revision)
        for bad in ("-1", "x", "", "1.5"):
            self.refused(400, "invalid_argument", "DELETE", at("gone") + "?if_revision=" + bad, words=("if_revision",))

    def test_a_delete_of_what_is_absent_is_no_write(self):
        def asked():
            self.assertEqual(self.ok("DELETE", at("absent")), {"deleted": False})
            self.assertEqual(self.ok("DELETE", at("absent") + "?if_revision=0"), {"deleted": False})
            self.refused(409, "revision_mismatch", "DELETE", at("absent") + "?if_revision=1")
            self.refused(409, "revision_mismatch", "PUT", at("absent"), {"value": 1, "if_revision": 1})

        self.logs_nothing(asked)

    # ---- Time to live ----
    def test_an_expired_key_is_hidden_at_once(self):
        before = int(time.time() * 1000)
        said = self.put("short", 1, ttl_ms=300)
        after = int(time.time() * 1000)
        self.assertTrue(before + 298 <= said["expires_at_ms"] <= after + 310, (before, said, after))
        item = self.ok("GET", at("short"))
        self.assertEqual(item["expires_at_ms"], said["expires_at_ms"])
        self.assertIn("short", self.keys("prefix=short"))
        time.sleep(max(0, said["expires_at_ms"] / 1000 + 0.06 - time.time()))
        self.refused(404, "not_found", "GET", at("short"))
        self.assertEqual(self.keys("prefix=short"), [])
        self.assertEqual(self.ok("DELETE", at("short")), {"deleted": False})

    def test_an_expired_key_is_absent_for_conditions_and_its_revision_goes_on(self):
        first = self.put("again", 1, ttl_ms=1)
        time.sleep(0.08)
        self.refused(409, "revision_mismatch", "PUT", at("again"), {"value": 2, "if_revision": first["revision"]})
        second = self.put("again", 2, if_revision=0)
        self.assertGreater(second["revision"], first["revision"])
        self.assertEqual(second["revision"], second["lsn"])

    def test_a_put_without_a_time_to_live_drops_the_old_one(self):
        self.put("kept", 1, ttl_ms=150)
        self.assertEqual(self.put("kept", 2)["expires_at_ms"], None)
        time.sleep(0.25)
        self.assertEqual(self.ok("GET", at("kept"))["value"], 2)

    def test_the_longest_time_to_live_is_a_time_or_refused(self):
        for ttl_ms in ((1 << 63) - 1, (1 << 64) - 1):
            answer = self.api.ask("PUT", at("forever"), {"value": 1, "ttl_ms": ttl_ms})
            self.assertIn(answer.status, (200, 400), answer)
            if answer.status == 200:
                self.assertGreater(answer.json["expires_at_ms"], time.time() * 1000)
                self.assertEqual(self.ok("GET", at("forever"))["value"], 1)

    # ---- Lists ----
    def test_a_list_is_in_bytewise_order_and_of_a_prefix(self):
        names = ["l/b", "l/a", "l/", "l/\u00e9", "l/z", "l/A", "l/\U0001f600", "l/\uffee", "l/a/b", "m"]
        for name in names:
            self.put(name, name)
        wanted = sorted((name for name in names if name.startswith("l/")), key=str.encode)
        self.assertEqual(self.keys("prefix=l/"), wanted)
        self.assertEqual(self.keys("prefix=l%2Fa"), ["l/a", "l/a/b"])
        self.assertEqual(self.keys("prefix=nothing"), [])
        item = self.ok("GET", "/v1/state?prefix=l/b")[0]
        self.assertEqual(item.keys(), {"key", "value", "revision", "expires_at_ms"})
        self.assertEqual(item["value"], "l/b")

    def test_a_cursor_goes_on_and_there_is_none_at_the_end(self):
        for number in range(25):
            self.put("page:%02d" % number, number)
        for limit in (1, 4, 5, 24, 25, 26):
            found, cursor = [], ""
            while True:
                answer = self.ask("GET", "/v1/state?prefix=page:&limit=%d%s" % (limit, cursor))
                found += [item["value"] for item in answer.json]
                if "x-next-cursor" not in answer.headers:
                    break
                self.assertEqual(len(answer.json), limit)
                cursor = "&cursor=" + answer.headers["x-next-cursor"]
            self.assertEqual(found, list(range(25)), limit)
        self.assertEqual(len(self.ask("GET", "/v1/state?prefix=page:&limit=25").json), 25)
        self.assertNotIn("x-next-cursor", self.ask("GET", "/v1/state?prefix=page:&limit=25").headers)

    def test_a_cursor_outlives_what_it_stood_on(self):
        for number in range(6):
            self.put("walk:%d" % number, number)
        cursor = self.ask("GET", "/v1/state?prefix=walk:&limit=2").headers["x-next-cursor"]
        for number in (1, 2):
            self.ok("DELETE", at("walk:%d" % number))
        self.put("walk:11", 11)
        rest = [item["key"] for item in self.ok("GET", "/v1/state?prefix=walk:&cursor=" + cursor)]
        self.assertEqual(rest, ["walk:11", "walk:3", "walk:4", "walk:5"])
        for bad in ("", "x", "%00", cursor + "x", cursor[:-1]):
            answer = self.api.get("/v1/state?prefix=walk:&cursor=" + bad)
            self.assertEqual((answer.status, answer.json.get("error")), (400, "invalid_argument"), (bad, answer))

    def test_limits_of_lists(self):
        operations = [{"key": "many:%04d" % number, "value": 1} for number in range(1002)]
        self.ok("POST", "/v1/state/batch_put", {"operations": operations})
        self.assertEqual(len(self.keys("prefix=many:")), 100)
        for limit in (1, 999, 1000):
            self.assertEqual(len(self.keys("prefix=many:&limit=%d" % limit)), limit)
        for limit in ("0", "1001", "-1", "x", "", "1.5"):
            self.refused(400, "invalid_argument", "GET", "/v1/state?limit=" + limit, words=("limit",))
        self.refused(400, "unknown_field", "GET", "/v1/state?prefx=many:", words=("prefx",))
        self.assertEqual(self.keys("prefix=" + "k" * 512 + "&limit=1"), self.keys("prefix=" + "k" * 512))
        self.refused(400, "invalid_argument", "GET", "/v1/state?prefix=" + "k" * 513, words=("prefix",))

    def test_a_prefix_is_deleted_whole(self):
        for number in range(5):
            self.put("drop:%d" % number, number)
        self.put("drop", 1)
        said = self.ok("DELETE", "/v1/state?prefix=drop:")
        self.assertEqual((said.keys(), said["deleted"]), ({"deleted", "lsn"}, 5))
        self.assertEqual(self.keys("prefix=drop"), ["drop"])
        self.assertEqual(self.ok("DELETE", "/v1/state?prefix=drop:"), {"deleted": 0})
        self.assertGreater(self.put("drop:0", 1)["revision"], said["lsn"])
        for query in ("", "?prefix="):
            self.refused(400, "invalid_argument", "DELETE", "/v1/state" + query, words=("prefix",))
        self.refused(400, "unknown_field", "DELETE", "/v1/state?prefix=drop&limit=1", words=("limit",))

    # ---- Batches ----
    def batch(self, *operations, **options) -> dict:
        return self.ok("POST", "/v1/state/batch_put", {"operations": list(operations)} | options)

    def test_a_batch_answers_each_operation_and_the_good_ones_are_written(self):
        self.put("b:there", 0)
        said = self.batch({"key": "b:1", "value": 1}, {"key": "b:there", "value": 2, "if_revision": 0},
                          {"key": "b:2", "value": 3, "ttl_ms": 60_000}, {"key": "k" * 513, "value": 4},
                          {"key": "b:3", "value": text_of_bytes(MIB + 1)})
        self.assertEqual(said.keys(), {"results", "lsn"})
        results = said["results"]
        self.assertEqual([result["status"] for result in results], ["ok", "error", "ok", "error", "error"])
        for result in (results[0], results[2]):
            self.assertEqual(result.keys(), {"status", "key", "revision", "expires_at_ms"})
        self.assertEqual(results[2]["revision"], said["lsn"])
        self.assertEqual(results[1].keys(), {"status", "key", "error"})
        self.assertEqual(results[1]["error"].keys(), {"error", "message"})
        self.assertEqual([results[i]["error"]["error"] for i in (1, 3, 4)],
                         ["revision_mismatch", "invalid_argument", "payload_too_large"])
        self.assertEqual(self.keys("prefix=b:"), ["b:1", "b:2", "b:there"])
        self.assertEqual(self.ok("GET", at("b:2"))["expires_at_ms"], results[2]["expires_at_ms"])

    def test_an_atomic_batch_is_written_whole_or_not_at_all(self):
        good, bad = {"key": "a:1", "value": 1}, {"key": "a:2", "value": 2, "if_revision": 9}
        body = {"operations": [good, bad, good], "atomic": True}
        self.refused(409, "revision_mismatch", "POST", "/v1/state/batch_put", body)
        self.refused(413, "payload_too_large", "POST", "/v1/state/batch_put",
                     {"operations": [good, {"key": "a:3", "value": text_of_bytes(MIB + 1)}, bad], "atomic": True})
        self.assertEqual(self.keys("prefix=a:"), [])
        said = self.batch(good, {"key": "a:2", "value": 2, "if_revision": 0}, atomic=True)
        self.assertEqual([result["status"] for result in said["results"]], ["ok", "ok"])
        self.assertEqual(said["results"][1]["revision"], said["lsn"])

    def test_later_operations_see_earlier_ones(self):
        said = self.batch({"key": "see", "value": 1, "if_revision": 0}, {"key": "see", "value": 2, "if_revision": 0},
                          {"key": "see", "value": 3})
        self.assertEqual([result["status"] for result in said["results"]], ["ok", "error", "ok"])
        self.assertLess(said["results"][0]["revision"], said["results"][2]["revision"])
        self.assertEqual(self.ok("GET", at("see"))["value"], 3)
        self.refused(409, "revision_mismatch", "POST", "/v1/state/batch_put",
                     {"operations": [{"key": "see2", "value": 1, "if_revision": 0},
                                     {"key": "see2", "value": 2, "if_revision": 0}], "atomic": True})
        self.refused(404, "not_found", "GET", at("see2"))

    def test_a_batch_of_bad_operations_only_has_no_lsn(self):
        def asked():
            said = self.batch({"key": "bad", "value": 1, "if_revision": 5})
            self.assertEqual(said.keys(), {"results"})

        self.logs_nothing(asked)

    def test_a_batch_has_1_to_10000_operations(self):
        one = {"key": "count", "value": 1}
        for count, status in ((0, 400), (1, 200), (9_999, 200), (10_000, 200), (10_001, 400)):
            answer = self.ask("POST", "/v1/state/batch_put", {"operations": [one] * count}, status=status)
            if status == 400:
                self.assertEqual(answer.json["error"], "invalid_argument")
            else:
                self.assertEqual(len(answer.json["results"]), count)

    def test_a_batch_that_is_malformed_does_nothing(self):
        good = {"key": "form", "value": 1}
        path = "/v1/state/batch_put"
        self.check_body_rules("POST", path, {"operations": [good]}, ("operations",))
        for code, operation in (("unknown_field", good | {"mistyped": 1}), ("invalid_argument", 7),
                                ("invalid_argument", None), ("invalid_argument", [])):
            self.refused(400, code, "POST", path, {"operations": [good, operation]})
        for value in (1, "true", []):
            self.refused(400, "invalid_argument", "POST", path, {"operations": [good], "atomic": value},
                         words=("atomic",))
        for value in (None, {}, "x", 7):
            self.refused(400, "invalid_argument", "POST", path, {"operations": value}, words=("operations",))
        self.assertEqual(self.ok("POST", path, {"operations": [good], "atomic": None})["results"][0]["status"], "ok")
        self.ok("DELETE", at("form"))

    # ---- What holds for every write and read ----
    def test_idempotency_keys(self):
        self.check_idempotency("PUT", at("idem"), {"value": 1}, {"value": 2})
        self.check_idempotency("POST", "/v1/state/batch_put", {"operations": [{"key": "idem", "value": 3}]},
                               {"operations": [{"key": "idem", "value": 4}]})
        key = {"Idempotency-Key": "deleted once"}
        first = self.ask("DELETE", at("idem"), None, key)
        self.put("idem", 5)
        self.assertEqual(self.ask("DELETE", at("idem"), None, key).body, first.body)
        self.assertEqual(self.ok("GET", at("idem"))["value"], 5)
        key = {"Idempotency-Key": "prefix once"}
        first = self.ask("DELETE", "/v1/state?prefix=idem", None, key)
        self.put("idem", 6)
        self.assertEqual(self.ask("DELETE", "/v1/state?prefix=idem", None, key).body, first.body)
        self.assertEqual(self.ok("GET", at("idem"))["value"], 6)

    def test_a_refused_request_is_not_remembered(self):
        key = {"Idempotency-Key": "refused first"}
        self.put("refused", 1)
        body = {"value": 2, "if_revision": 0}
        self.refused(409, "revision_mismatch", "PUT", at("refused"), body, key)
        self.ok("DELETE", at("refused"))
        self.ok("PUT", at("refused"), body, key)

    def test_relaxed_writes_say_so(self):
        self.check_relaxed("PUT", at("relaxed"), {"value": 1})
        self.check_relaxed("POST", "/v1/state/batch_put", {"operations": [{"key": "relaxed", "value": 2}]})
        lsn = self.ok("PUT", at("relaxed") + "?durability=relaxed", {"value": 3})["lsn"]
        self.assertEqual(self.ok("GET", at("relaxed") + "?min_lsn=%d" % lsn)["value"], 3)

    def test_reads_wait_for_an_lsn(self):
        self.put("waits", 1)
        self.check_min_lsn(at("waits"))
        self.check_min_lsn("/v1/state?prefix=waits")

    def test_roles_and_keys(self):
        self.put("roles", 1)
        query, ingest = self.make_key("query"), self.make_key("ingest")
        scoped = self.make_key("query", "ingest", collections=["docs"])
        nobody = self.server.connect(None)
        for method, path, body, role in (("GET", at("roles"), None, query), ("GET", "/v1/state", None, query),
                                         ("PUT", at("roles"), {"value": 1}, ingest),
                                         ("POST", "/v1/state/batch_put", {"operations": [{"key": "roles", "value": 1}]},
                                          ingest),
                                         ("DELETE", at("roles"), None, ingest),
                                         ("DELETE", "/v1/state?prefix=roles", None, ingest)):
            for connection in (query, ingest):
                self.assertEqual(connection.ask(method, path, body).status, 200 if connection is role else 403, path)
            self.assertEqual(scoped.ask(method, path, body).status, 403, path)
            self.assertEqual(nobody.ask(method, path, body).status, 401, path)
            if method == "DELETE":
                self.put("roles", 1)

    def test_methods_and_paths(self):
        for method, path in (("POST", at("x")), ("PATCH", at("x")), ("PUT", "/v1/state"), ("POST", "/v1/state")):
            self.refused(405, "method_not_allowed", method, path, {})
        self.refused(400, "unknown_field", "GET", at("x") + "?fresh=1", words=("fresh",))
        self.refused(400, "unknown_field", "DELETE", at("x") + "?if_revison=1", words=("if_revison",))


class StateRestartTest(ServedTest):
    def test_all_is_as_it_was_after_a_kill_and_after_a_stop(self):
        revisions = {}
        for number in range(200):
            revisions["r:%d" % number] = self.ok("PUT", at("r:%d" % number), {"value": {"n": number}})["revision"]
        deleted = self.ok("DELETE", at("r:7"))["lsn"]
        del revisions["r:7"]
        short = self.ok("PUT", at("s:short"), {"value": 1, "ttl_ms": 1})
        long = self.ok("PUT", at("s:long"), {"value": 1, "ttl_ms": 3_600_000})
        for end in (self.server.kill, self.server.stop):
            end()
            self.server.start()
            api = self.server.connect()
            found = api.get("/v1/state?prefix=r:&limit=1000").json
            self.assertEqual({item["key"]: item["revision"] for item in found}, revisions)
            self.assertEqual([item["value"]["n"] for item in found], [int(item["key"][2:]) for item in found])
            self.assertEqual(api.get(at("s:short")).status, 404)
            self.assertEqual(api.get(at("s:long")).json["expires_at_ms"], long["expires_at_ms"])
            last = max(deleted, short["revision"], *revisions.values())
            for key in ("r:7", "s:short"):
                said = api.ask("PUT", at(key), {"value": 1, "if_revision": 0})
                self.assertEqual(said.status, 200, said)
                self.assertGreater(said.json["revision"], last)
                self.assertEqual(api.ask("DELETE", at(key)).json["deleted"], True)


if __name__ == "__main__":
    cli.main()
