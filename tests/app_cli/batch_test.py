"""POST /v1/batch, line by line of its contract: operations of all models, all or nothing, one after the other."""
import base64
import struct
import time

import cli
from event_stream import EventStream
from served_test import NEVER, ServedTest, text_of_bytes

BATCH = "/v1/batch"
MIB = 1 << 20


def f32(*numbers: float) -> str:
    return base64.b64encode(struct.pack("<%df" % len(numbers), *numbers)).decode()


class BatchTest(ServedTest):
    FLAGS = ("--request-timeout-ms", 2000)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        api = cls.server.connect()
        assert api.post("/v1/vector/v", {"dim": 2, "metric": "l2"}).status == 200

    def batch(self, *operations, status: int = 200):
        return self.ask("POST", BATCH, {"operations": list(operations)}, status=status).json

    def fails(self, status: int, code: str, *operations, words: tuple = ()):
        """The batch is refused and leaves no trace."""
        before = self.end_of_log()
        said = self.refused(status, code, "POST", BATCH, {"operations": list(operations)}, words=words)
        self.assertEqual(self.end_of_log(), before + 1)
        return said

    def is_absent(self, *paths: str) -> None:
        for path in paths:
            self.refused(404, "not_found", "GET", path)

    # ---- What goes through ----
    def test_each_operation_has_its_result(self):
        self.ok("PUT", "/v1/state/old", {"value": 1})
        self.ok("PUT", "/v1/doc/d/old", {})
        self.ok("POST", "/v1/vector/v/upsert", {"id": "old", "vector": [0, 0]})
        said = self.batch({"op": "state.put", "key": "s", "value": {"a": 1}, "ttl_ms": 3_600_000},
                          {"op": "state.delete", "key": "old"}, {"op": "state.delete", "key": "absent"},
                          {"op": "doc.put", "collection": "d", "id": "1", "doc": {"n": 1}},
                          {"op": "doc.delete", "collection": "d", "id": "old"},
                          {"op": "doc.delete", "collection": "absent", "id": "x"},
                          {"op": "vector.upsert", "collection": "v", "id": "a", "vector": [1, 2], "meta": {"m": 1}},
                          {"op": "vector.upsert", "collection": "v", "id": 7, "vector_b64": f32(3, 4)},
                          {"op": "vector.delete", "collection": "v", "id": "old"},
                          {"op": "event.append", "type": "app.done", "data": {"k": 1}})
        self.assertEqual(said.keys(), {"results", "lsn"})
        put, gone, absent, doc, doc_gone, doc_absent, upserted, upserted_too, vector_gone, event = said["results"]
        self.assertEqual(put.keys(), {"key", "revision", "expires_at_ms"})
        self.assertEqual((gone, absent), ({"deleted": True}, {"deleted": False}))
        self.assertEqual((doc.keys(), doc["id"]), ({"id", "revision"}, "1"))
        self.assertEqual((doc_gone, doc_absent), ({"deleted": True}, {"deleted": False}))
        self.assertEqual((upserted, upserted_too, vector_gone), ({"ok": True}, {"ok": True}, {"deleted": True}))
        self.assertEqual(event, {"offset": said["lsn"]})
        self.assertEqual(self.ok("GET", "/v1/state/s"), put | {"value": {"a": 1}})
        self.assertEqual(self.ok("GET", "/v1/doc/d/1"), doc | {"doc": {"n": 1}})
        self.assertEqual(self.ok("GET", "/v1/vector/v/get?id=a"), {"id": "a", "vector": [1, 2], "meta": {"m": 1}})
        self.assertEqual(self.ok("GET", "/v1/vector/v/get?id=7"), {"id": 7, "vector": [3, 4], "meta": None})
        self.is_absent("/v1/state/old", "/v1/doc/d/old", "/v1/vector/v/get?id=old")

    def test_its_events_follow_each_other(self):
        start = self.end_of_log()
        said = self.batch({"op": "state.put", "key": "e", "value": 1},
                          {"op": "event.append", "type": "app.x", "data": 1},
                          {"op": "doc.put", "collection": "e", "id": "1", "doc": {}},
                          {"op": "vector.upsert", "collection": "v", "id": "e", "vector": [1, 1]},
                          {"op": "state.delete", "key": "e"})
        stream = EventStream(self.server.port, self.server.key, since=start)
        frames = stream.read_to(said["lsn"])
        stream.close()
        self.assertEqual([frame.event for frame in frames],
                         ["state_updated", "app.x", "doc_put", "vector_upserted", "state_deleted"])
        self.assertEqual([frame.id for frame in frames], list(range(start + 1, start + 6)))
        self.assertEqual([said["results"][0]["revision"], said["results"][1]["offset"], said["results"][2]["revision"]],
                         [frame.id for frame in frames[:3]])

    def test_later_operations_see_earlier_ones(self):
        self.batch({"op": "state.put", "key": "see", "value": 1, "if_revision": 0}, {"op": "state.delete", "key": "see"},
                   {"op": "state.put", "key": "see", "value": 2, "if_revision": 0},
                   {"op": "state.put", "key": "see", "value": 3},
                   {"op": "doc.put", "collection": "see", "id": "1", "doc": {"n": 1}, "if_revision": 0},
                   {"op": "doc.put", "collection": "see", "id": "1", "doc": {"n": 2}},
                   {"op": "vector.upsert", "collection": "v", "id": "see", "vector": [1, 1]},
                   {"op": "vector.delete", "collection": "v", "id": "see"},
                   {"op": "vector.upsert", "collection": "v", "id": "see", "vector": [2, 2]})
        self.assertEqual(self.ok("GET", "/v1/state/see")["value"], 3)
        self.assertEqual(self.ok("GET", "/v1/doc/see/1")["doc"], {"n": 2})
        self.assertEqual(self.ok("GET", "/v1/vector/v/get?id=see")["vector"], [2, 2])
        self.assertEqual(self.batch({"op": "doc.delete", "collection": "see", "id": "1"},
                                    {"op": "doc.delete", "collection": "see", "id": "1"})["results"],
                         [{"deleted": True}, {"deleted": False}])

    def test_conditions_go_through_when_they_hold(self):
        key = self.ok("PUT", "/v1/state/if", {"value": 1})["revision"]
        doc = self.ok("PUT", "/v1/doc/if/1", {})["revision"]
        self.batch({"op": "state.put", "key": "if", "value": 2, "if_revision": key},
                   {"op": "doc.put", "collection": "if", "id": "1", "doc": {"n": 2}, "if_revision": doc})
        key = self.ok("GET", "/v1/state/if")["revision"]
        self.assertEqual(self.batch({"op": "state.delete", "key": "if", "if_revision": key})["results"], [{"deleted": True}])

    def test_a_batch_that_changes_nothing_has_no_lsn(self):
        before = self.end_of_log()
        self.assertEqual(self.batch({"op": "state.delete", "key": "absent"},
                                    {"op": "doc.delete", "collection": "absent", "id": "x"}),
                         {"results": [{"deleted": False}, {"deleted": False}]})
        self.assertEqual(self.end_of_log(), before + 1)

    # ---- What is refused ----
    def test_the_first_that_fails_answers_and_nothing_is_left(self):
        good = [{"op": "state.put", "key": "none", "value": 1},
                {"op": "doc.put", "collection": "none", "id": "1", "doc": {}},
                {"op": "vector.upsert", "collection": "v", "id": "none", "vector": [1, 1]},
                {"op": "event.append", "type": "app.none", "data": 1}]
        revision = self.ok("PUT", "/v1/state/there", {"value": 1})["revision"]
        self.ok("PUT", "/v1/doc/there/1", {})
        for status, code, bad in (
                (409, "revision_mismatch", {"op": "state.put", "key": "there", "value": 2, "if_revision": 0}),
                (409, "revision_mismatch", {"op": "state.put", "key": "absent", "value": 2, "if_revision": 9}),
                (409, "revision_mismatch", {"op": "state.delete", "key": "there", "if_revision": revision + 1}),
                (409, "revision_mismatch", {"op": "doc.put", "collection": "there", "id": "1", "doc": 1,
                                            "if_revision": 0}),
                (404, "not_found", {"op": "vector.delete", "collection": "v", "id": "absent"}),
                (404, "not_found", {"op": "vector.upsert", "collection": "absent", "id": 1, "vector": [1, 1]}),
                (404, "not_found", {"op": "vector.delete", "collection": "absent", "id": 1}),
                (400, "dim_mismatch", {"op": "vector.upsert", "collection": "v", "id": 1, "vector": [1, 1, 1]}),
                (413, "payload_too_large", {"op": "state.put", "key": "long", "value": text_of_bytes(MIB + 1)}),
                (413, "payload_too_large", {"op": "doc.put", "collection": "d", "id": "1",
                                            "doc": text_of_bytes(MIB + 1)}),
                (400, "invalid_argument", {"op": "event.append", "type": "gap", "data": 1})):
            for where in (0, 2, 4):
                self.fails(status, code, *good[:where], bad, *good[where:])
        self.is_absent("/v1/state/none", "/v1/doc/none/1", "/v1/vector/v/get?id=none")
        self.assertEqual(self.ok("GET", "/v1/state/there")["revision"], revision)

    def test_a_failure_of_what_an_earlier_operation_did_leaves_nothing_either(self):
        self.fails(409, "revision_mismatch", {"op": "state.put", "key": "self", "value": 1},
                   {"op": "state.put", "key": "self", "value": 2, "if_revision": 0})
        self.fails(404, "not_found", {"op": "vector.upsert", "collection": "v", "id": "self", "vector": [1, 1]},
                   {"op": "vector.delete", "collection": "v", "id": "self"},
                   {"op": "vector.delete", "collection": "v", "id": "self"})
        self.is_absent("/v1/state/self", "/v1/vector/v/get?id=self")
        self.ok("PUT", "/v1/state/self", {"value": 1, "if_revision": 0})

    def test_operations_that_are_malformed(self):
        put = {"op": "state.put", "key": "form", "value": 1}
        for code, bad in (
                ("invalid_argument", 7), ("invalid_argument", None), ("invalid_argument", {}),
                ("invalid_argument", {"op": "state.get", "key": "x"}), ("invalid_argument", {"op": 7}),
                ("unknown_field", put | {"mistyped": 1}), ("invalid_argument", {"op": "state.put", "key": "x"}),
                ("invalid_argument", {"op": "state.put", "value": 1}), ("invalid_argument", put | {"key": 7}),
                ("invalid_argument", put | {"key": ""}), ("invalid_argument", put | {"key": "k" * 513}),
                ("invalid_argument", put | {"key": "a\nb"}), ("invalid_argument", put | {"ttl_ms": 0}),
                ("invalid_argument", put | {"if_revision": -1}),
                ("unknown_field", {"op": "state.delete", "key": "x", "value": 1}),
                ("invalid_argument", {"op": "doc.put", "collection": "d", "id": "1"}),
                ("invalid_argument", {"op": "doc.put", "collection": "a/b", "id": "1", "doc": {}}),
                ("invalid_argument", {"op": "doc.put", "collection": "d", "id": "", "doc": {}}),
                ("invalid_argument", {"op": "doc.put", "collection": "d", "id": "i" * 257, "doc": {}}),
                ("unknown_field", {"op": "doc.delete", "collection": "d", "id": "1", "if_revision": 1}),
                ("invalid_argument", {"op": "vector.upsert", "collection": "v", "id": 1}),
                ("invalid_argument", {"op": "vector.upsert", "collection": "v", "id": "", "vector": [1, 1]}),
                ("invalid_argument", {"op": "vector.upsert", "collection": "v", "id": 1, "vector": [1, 1],
                                      "vector_b64": f32(1, 1)}),
                ("invalid_argument", {"op": "event.append", "data": 1}),
                ("invalid_argument", {"op": "event.append", "type": "doc_put", "data": 1}),
                ("unknown_field", {"op": "event.append", "type": "a", "data": 1, "key": "x"})):
            self.fails(400, code, put, bad)
        self.is_absent("/v1/state/form")

    def test_null_is_absent_for_what_is_optional(self):
        self.batch({"op": "state.put", "key": "null", "value": None, "ttl_ms": None, "if_revision": None},
                   {"op": "doc.put", "collection": "null", "id": "1", "doc": None, "if_revision": None},
                   {"op": "vector.upsert", "collection": "v", "id": "null", "vector": [1, 1], "meta": None},
                   {"op": "state.delete", "key": "other", "if_revision": None})
        self.assertEqual(self.ok("GET", "/v1/state/null")["value"], None)

    def test_a_batch_has_1_to_10000_operations(self):
        operations = [{"op": "state.put", "key": "count:%d" % number, "value": 1} for number in range(10_001)]
        for count, status in ((0, 400), (1, 200), (9_999, 200), (10_000, 200), (10_001, 400)):
            answer = self.ask("POST", BATCH, {"operations": operations[:count]}, status=status)
            if status == 200:
                self.assertEqual(len(answer.json["results"]), count)

    def test_the_body(self):
        self.check_body_rules("POST", BATCH, {"operations": [{"op": "state.put", "key": "b", "value": 1}]},
                              ("operations",))
        for value in (None, {}, "x", 7):
            self.refused(400, "invalid_argument", "POST", BATCH, {"operations": value}, words=("operations",))
        self.is_absent("/v1/state/b")

    # ---- What holds for every write ----
    def test_idempotency_keys_and_relaxed_writes(self):
        def body(number: int) -> dict:
            return {"operations": [{"op": "state.put", "key": "idem", "value": number},
                                   {"op": "doc.put", "collection": "idem", "id": "1", "doc": number}]}

        self.check_idempotency("POST", BATCH, body(1), body(2))
        self.assertEqual(self.ok("GET", "/v1/doc/idem/1")["doc"], 1)
        self.check_relaxed("POST", BATCH, body(3))
        self.refused(408, "timeout", "GET", "/v1/state/idem?min_lsn=%d" % NEVER)

    def test_a_key_expires_that_a_batch_put(self):
        self.batch({"op": "state.put", "key": "short", "value": 1, "ttl_ms": 1})
        time.sleep(0.08)
        said = self.batch({"op": "state.put", "key": "short", "value": 2, "if_revision": 0})
        self.assertEqual(said["results"][0]["revision"], said["lsn"])

    def test_roles(self):
        body = {"operations": [{"op": "state.put", "key": "roles", "value": 1}]}
        connections = (self.make_key("query"), self.make_key("ingest"),
                       self.make_key("ingest", "admin", collections=["v"]), self.server.connect(None))
        self.assertEqual([one.post(BATCH, body).status for one in connections], [403, 200, 403, 401])
        self.refused(405, "method_not_allowed", "GET", BATCH)


class BatchRestartTest(ServedTest):
    def test_batches_are_there_after_a_kill(self):
        self.ok("POST", "/v1/vector/v", {"dim": 2, "metric": "l2"})
        for number in range(50):
            self.ok("POST", BATCH, {"operations": [
                {"op": "state.put", "key": "k", "value": number},
                {"op": "doc.put", "collection": "d", "id": "1", "doc": number},
                {"op": "vector.upsert", "collection": "v", "id": 1, "vector": [number, 1]}]})
        paths = ("/v1/state/k", "/v1/doc/d/1", "/v1/vector/v/get?id=1")
        before = [self.ok("GET", path) for path in paths]
        for end in (self.server.kill, self.server.stop):
            end()
            self.server.start()
            api = self.server.connect()
            self.assertEqual([api.get(path).json for path in paths], before)


if __name__ == "__main__":
    cli.main()
