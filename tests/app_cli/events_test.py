"""Events over HTTP, line by line of their contract: frames, payloads of every model, filters, replay, gaps, caps."""
import threading
import time

import cli
from event_stream import EventStream, Follower
from served_test import ServedTest, text_of_bytes

USERS = "app.note"


class EventsCase(ServedTest):
    def stream(self, key: str = "own", **options) -> EventStream:
        stream = EventStream(self.server.port, self.server.key if key == "own" else key, **options)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def note(self, data=None, **options) -> int:
        """The LSN of an event of the user's own."""
        return self.ok("POST", "/v1/events", {"type": USERS, "data": data} | options)["lsn"]

    def since(self, lsn: int, **options) -> list:
        """All events behind an LSN, up to one that is made now, without it."""
        end = self.note("end")
        return self.stream(since=lsn, **options).read_to(end)[:-1]

    def said(self, lsn: int) -> list:
        """What there is behind an LSN: (type, data)."""
        return [(frame.event, frame.data["data"]) for frame in self.since(lsn)]


class EventsTest(EventsCase):
    FLAGS = ("--sql", "--request-timeout-ms", 2000)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.began = time.monotonic()
        cls.silent = Follower(EventStream(cls.server.port, cls.server.key, types="nothing.of.this"))

    # ---- Frames ----
    def test_a_frame_has_a_type_an_id_and_one_line_of_data(self):
        before = int(time.time() * 1000)
        lsn = self.note({"a": [1, "two\nlines", None]})
        after = int(time.time() * 1000)
        stream = self.stream(since=lsn - 1)
        self.assertEqual(stream.headers["Content-Type"].split(";")[0], "text/event-stream")
        frame = stream.read(1)[0]
        self.assertEqual((frame.id, frame.event), (lsn, USERS))
        self.assertEqual(frame.data.keys(), {"offset", "ts_ms", "type", "data"})
        self.assertEqual((frame.data["offset"], frame.data["type"]), (lsn, USERS))
        self.assertEqual(frame.data["data"], {"a": [1, "two\nlines", None]})
        self.assertTrue(before - 5 <= frame.data["ts_ms"] <= after + 50, (before, frame.data["ts_ms"], after))
        lines = frame.raw.decode().split("\n")
        self.assertEqual([line.split(":")[0] for line in lines], ["event", "id", "data", "", ""])

    def test_ids_increase_and_since_is_exclusive(self):
        lsns = [self.note(number) for number in range(5)]
        frames = self.stream(since=lsns[0]).read_to(lsns[4])
        self.assertEqual([frame.id for frame in frames], lsns[1:])
        self.assertEqual([frame.data["data"] for frame in frames], [1, 2, 3, 4])

    def test_without_a_place_it_begins_at_the_beginning(self):
        first = self.stream(since=0).read(1)[0]
        self.assertEqual(self.stream().read(1)[0].raw, first.raw)

    def test_last_event_id_goes_before_since(self):
        lsns = [self.note(number) for number in range(3)]
        self.assertEqual(self.stream(since=0, last_event_id=lsns[1]).read(1)[0].id, lsns[2])
        self.assertEqual(self.stream(since=lsns[0], last_event_id="nonsense").read(1)[0].id, lsns[1])

    def test_a_place_ahead_waits_for_what_is_behind_it(self):
        lsn = self.note()
        stream = self.stream(since=lsn)
        after = self.note("later")
        self.assertEqual(stream.read(1)[0].id, after)

    def test_everybody_gets_the_same_bytes_live_and_replayed(self):
        start = self.note()
        live = [Follower(self.stream(since=start)) for _ in range(3)]
        for number in range(50):
            self.ok("PUT", "/v1/state/same", {"value": {"n": number, "pi": 3.25, "s": "\u00e9\u2028"}})
        end = self.note("end")
        for follower in live:
            follower.wait_for(end)
        replayed = self.stream(since=start).read_to(end)
        for follower in live:
            self.assertEqual([frame.raw for frame in follower.stop()], [frame.raw for frame in replayed])

    def test_a_subscription_under_writers_misses_none_and_doubles_none(self):
        start, stopping = self.note(), threading.Event()

        def write(worker: int) -> None:
            api = self.server.connect()
            while not stopping.is_set():
                api.ask("PUT", "/v1/state/under:%d" % worker, {"value": "w" * 50})

        writers = [threading.Thread(target=write, args=(worker,)) for worker in range(3)]
        for writer in writers:
            writer.start()
        followers = []
        for _ in range(8):
            time.sleep(0.05)
            followers.append(Follower(self.stream(since=start)))
        stopping.set()
        for writer in writers:
            writer.join()
        end = self.note("end")
        replayed = self.stream(since=start).read_to(end)
        ids = [frame.id for frame in replayed]
        self.assertEqual(ids, sorted(set(ids)))
        for follower in followers:
            follower.wait_for(end)
            self.assertEqual([frame.raw for frame in follower.stop()], [frame.raw for frame in replayed])

    def test_a_reader_that_is_slow_gets_everything(self):
        start = self.note()
        slow = self.stream(since=start)
        for number in range(200):
            self.ok("PUT", "/v1/state/big", {"value": text_of_bytes(100_000)})
        frames = slow.read_to(self.note("end"))
        self.assertEqual(len(frames), 201)
        self.assertEqual(len({frame.id for frame in frames}), 201)

    # ---- Payloads ----
    def test_events_of_state(self):
        start = self.note()
        put = self.ok("PUT", "/v1/state/ev", {"value": {"a": 1}, "ttl_ms": 3_600_000})
        self.ok("PUT", "/v1/state/ev", {"value": None})
        self.ok("DELETE", "/v1/state/ev")
        self.ok("DELETE", "/v1/state/ev")
        self.ok("POST", "/v1/state/batch_put",
                {"operations": [{"key": "evb:1", "value": 1}, {"key": "evb:2", "value": 2}]})
        self.ok("DELETE", "/v1/state?prefix=evb:")
        said = self.said(start)
        self.assertEqual([kind for kind, _ in said],
                         ["state_updated"] * 2 + ["state_deleted"] + ["state_updated"] * 2 + ["state_deleted"] * 2)
        self.assertEqual(said[0][1], {"key": "ev", "value": {"a": 1}, "revision": put["revision"],
                                      "expires_at_ms": put["expires_at_ms"]})
        self.assertEqual((said[1][1]["value"], said[1][1]["expires_at_ms"]), (None, None))
        self.assertEqual(said[2][1], {"key": "ev", "reason": "explicit"})
        self.assertEqual([data for _, data in said[5:]], [{"key": "evb:1", "reason": "explicit"},
                                                         {"key": "evb:2", "reason": "explicit"}])

    def test_an_expired_key_is_deleted_with_an_event(self):
        start = self.note()
        put = self.ok("PUT", "/v1/state/ttl", {"value": 1, "ttl_ms": 50})
        frames = self.stream(since=start, key_prefix="ttl").read(2)
        self.assertEqual((frames[1].event, frames[1].data["data"]), ("state_deleted", {"key": "ttl", "reason": "ttl"}))
        self.assertGreaterEqual(frames[1].data["ts_ms"], put["expires_at_ms"])

    def test_a_write_that_meets_an_expired_key_deletes_it_first(self):
        start = self.note()
        self.ok("PUT", "/v1/state/meets", {"value": 1, "ttl_ms": 1})
        time.sleep(0.06)
        put = self.ok("PUT", "/v1/state/meets", {"value": 2})
        frames = self.since(start)
        self.assertEqual([frame.event for frame in frames], ["state_updated", "state_deleted", "state_updated"])
        self.assertEqual(frames[1].data["data"]["reason"], "ttl")
        self.assertEqual(frames[2].id, put["lsn"])

    def test_events_of_documents(self):
        start = self.note()
        put = self.ok("PUT", "/v1/doc/ev/d", {"a": 1, "b": {"c": 2}})
        patched = self.ok("PATCH", "/v1/doc/ev/d", {"b": {"c": None}})
        self.ok("DELETE", "/v1/doc/ev/d")
        for name in "xy":
            self.ok("PUT", "/v1/doc/ev/" + name, {})
        self.ok("DELETE", "/v1/doc/ev")
        said = self.said(start)
        self.assertEqual(said[:3], [
            ("doc_put", {"collection": "ev", "id": "d", "revision": put["revision"], "doc": {"a": 1, "b": {"c": 2}}}),
            ("doc_put", {"collection": "ev", "id": "d", "revision": patched["revision"], "doc": {"a": 1, "b": {}}}),
            ("doc_deleted", {"collection": "ev", "id": "d"})])
        self.assertEqual(said[5:], [("doc_deleted", {"collection": "ev", "id": name}) for name in "xy"])

    def test_events_of_sql(self):
        start = self.note()
        self.ok("POST", "/v1/sql/exec", {"sql": "CREATE TABLE ev (a, b)"})
        self.ok("POST", "/v1/sql/exec", {"sql": "INSERT INTO ev VALUES (?, ?)", "params": [1.5, "x"]})
        self.ok("POST", "/v1/sql/query", {"sql": "SELECT * FROM ev"})
        self.ok("POST", "/v1/sql/exec", {"sql": "UPDATE ev SET a = 2", "params": []})
        self.assertEqual(self.said(start), [
            ("sql_executed", {"sql": "CREATE TABLE ev (a, b)", "params": [], "rows_affected": 0}),
            ("sql_executed", {"sql": "INSERT INTO ev VALUES (?, ?)", "params": [1.5, "x"], "rows_affected": 1}),
            ("sql_executed", {"sql": "UPDATE ev SET a = 2", "params": [], "rows_affected": 1})])

    def test_events_of_vectors(self):
        start = self.note()
        self.ok("POST", "/v1/vector/ev", {"dim": 2, "metric": "cosine"})
        for route, body in (("add", {"id": "a", "vector": [3, 4], "meta": {"m": 1}}),
                            ("upsert", {"id": 7, "vector": [1, 2]}),
                            ("update", {"id": "a", "meta": {"n": 2}, "meta_mode": "merge"}), ("delete", {"id": 7}),
                            ("upsert_batch", {"items": [{"id": 8, "vector": [1, 1]}, {"id": 9, "vector": [2, 2]}]}),
                            ("delete_by_filter", {"filter": {"has_id": [8]}})):
            self.ok("POST", "/v1/vector/ev/" + route, body)
        self.ask("POST", "/v1/vector/ev/import", b'{"id":10,"vector":[5,5]}\n', {"Content-Type": "application/x-ndjson"})
        self.ok("DELETE", "/v1/vector/ev")
        said = self.said(start)
        self.assertEqual(said[:-2], [
            ("vector_collection_created", {"collection": "ev", "dim": 2, "metric": "cosine"}),
            ("vector_added", {"collection": "ev", "id": "a", "vector": [3, 4], "meta": {"m": 1}}),
            ("vector_upserted", {"collection": "ev", "id": 7, "vector": [1, 2], "meta": None}),
            ("vector_updated", {"collection": "ev", "id": "a", "vector": [3, 4], "meta": {"m": 1, "n": 2}}),
            ("vector_deleted", {"collection": "ev", "id": 7}),
            ("vector_upserted", {"collection": "ev", "id": 8, "vector": [1, 1], "meta": None}),
            ("vector_upserted", {"collection": "ev", "id": 9, "vector": [2, 2], "meta": None}),
            ("vector_deleted", {"collection": "ev", "id": 8})])
        self.assertEqual((said[-2][0], said[-2][1]["collection"]), ("vectors_imported", "ev"))
        self.assertEqual(said[-1], ("vector_collection_deleted", {"collection": "ev"}))

    def test_what_is_refused_has_no_event(self):
        start = self.note()
        self.refused(409, "revision_mismatch", "PUT", "/v1/state/no", {"value": 1, "if_revision": 5})
        self.refused(404, "not_found", "PATCH", "/v1/doc/ev/no", {})
        self.refused(400, "invalid_argument", "POST", "/v1/sql/exec", {"sql": "nonsense"})
        self.assertEqual(self.said(start), [])

    # ---- Filters ----
    def test_filters(self):
        start = self.note()
        self.ok("PUT", "/v1/state/f:1", {"value": 1})
        self.ok("PUT", "/v1/state/g:1", {"value": 1})
        self.ok("DELETE", "/v1/state/f:1")
        self.ok("PUT", "/v1/doc/f/1", {})
        self.ok("PUT", "/v1/doc/g/1", {})
        own = self.note({"key": "f:own", "collection": "f"})
        for filters, wanted in (({"types": "state_deleted"}, ["state_deleted"]),
                                ({"types": "state_deleted, doc_put"}, ["state_deleted", "doc_put", "doc_put"]),
                                ({"key_prefix": "f:"}, ["state_updated", "state_deleted", USERS]),
                                ({"collection": "f"}, ["doc_put", USERS]),
                                ({"collection": "f", "types": "doc_put"}, ["doc_put"]),
                                ({"collection": "f", "key_prefix": "f:"}, [USERS]),
                                ({"key_prefix": "f:", "types": "state_updated"}, ["state_updated"])):
            stream = self.stream(since=start, **filters)
            frames = stream.read(len(wanted))
            self.assertEqual([frame.event for frame in frames], wanted, filters)
            stream.close()
        last = self.stream(since=start, key_prefix="f:own")
        self.assertEqual(last.read(1)[0].id, own)

    def test_a_filtered_stream_says_nothing_of_other_events(self):
        stream = self.stream(since=self.note(), types="state_deleted", timeout=5)
        self.ok("PUT", "/v1/state/quiet", {"value": 1})
        self.assertTrue(stream.is_silent(0.3))

    def test_the_alias_takes_prefix(self):
        start = self.note()
        self.ok("PUT", "/v1/state/alias:1", {"value": 1})
        frame = self.stream(path="/v1/events", since=start, prefix="alias:").read(1)[0]
        self.assertEqual(frame.data["data"]["key"], "alias:1")
        self.refused(400, "unknown_field", "GET", "/v1/stream?prefix=a", words=("prefix",))
        self.refused(400, "unknown_field", "GET", "/v1/events?key_prefx=a", words=("key_prefx",))

    def test_parameters_that_make_no_sense_are_refused(self):
        for query in ("since=-1", "since=x", "since=1.5", "since=", "since=18446744073709551616", "since=1&since=2",
                      "key_prefix=" + "k" * 513, "types=" + ",".join("t%d" % i for i in range(65))):
            self.refused(400, "invalid_argument", "GET", "/v1/stream?" + query, words=(query.split("=")[0],))
        self.refused(400, "unknown_field", "GET", "/v1/stream?mistyped=1", words=("mistyped",))
        for count in (63, 64):
            self.stream(types=",".join("t%d" % i for i in range(count))).close()
        self.refused(405, "method_not_allowed", "POST", "/v1/stream", {})

    # ---- The user's own ----
    def test_a_type_of_ones_own(self):
        for kind in ("a", "A.b-c_9", "t" * 63, "t" * 64, ".dot", "state_updated2", "Gap"):
            said = self.ok("POST", "/v1/events", {"type": kind, "data": {}})
            self.assertEqual(said.keys(), {"offset", "lsn"})
            self.assertEqual(said["offset"], said["lsn"])
            self.assertEqual(self.stream(since=said["lsn"] - 1).read(1)[0].event, kind)
        system = """state_updated state_deleted vector_collection_created vector_collection_deleted vector_added
            vector_upserted vector_updated vector_deleted vectors_imported doc_put doc_deleted sql_executed gap""".split()
        for kind in (*system, "", "t" * 65, "a b", "a/b", "caf\u00e9", "a\n", 7, None, [], True):
            self.refused(400, "invalid_argument", "POST", "/v1/events", {"type": kind, "data": {}}, words=("type",))

    def test_data_of_ones_own(self):
        for data in ({}, [], "text", 1.5, True, {"a": {"b": [None]}}):
            lsn = self.note(data)
            self.assertEqual(self.stream(since=lsn - 1).read(1)[0].data["data"], data)
        self.check_body_rules("POST", "/v1/events", {"type": USERS, "data": {}}, ("type",))
        mib = 1 << 20
        for length, status in ((mib - 1, 200), (mib, 200), (mib + 1, 413)):
            self.ask("POST", "/v1/events", {"type": USERS, "data": text_of_bytes(length)}, status=status)

    def test_idempotency_keys_and_relaxed_writes(self):
        self.check_idempotency("POST", "/v1/events", {"type": USERS, "data": 1}, {"type": USERS, "data": 2})
        self.check_relaxed("POST", "/v1/events", {"type": USERS, "data": 1})

    # ---- Keys ----
    def test_roles(self):
        query, ingest = self.make_key("query"), self.make_key("ingest")
        nobody = self.server.connect(None)
        body = {"type": USERS, "data": 1}
        self.assertEqual([one.post("/v1/events", body).status for one in (query, ingest, nobody)], [403, 200, 401])
        for key, status in ((query.key, 200), (ingest.key, 403), (None, 401)):
            stream = EventStream(self.server.port, key, since=0)
            self.assertEqual(stream.status, status)
            stream.close()

    def test_a_key_that_is_limited_sees_events_of_its_collections_only(self):
        scoped = self.make_key("query", "ingest", collections=["mine"])
        self.assertEqual(scoped.post("/v1/events", {"type": USERS, "data": {"collection": "mine"}}).status, 403)
        start = self.note({"collection": "mine"})
        self.ok("PUT", "/v1/state/hidden", {"value": {"collection": "mine"}})
        self.ok("POST", "/v1/sql/exec", {"sql": "CREATE TABLE IF NOT EXISTS hidden (a)"})
        self.ok("PUT", "/v1/doc/theirs/1", {})
        self.ok("PUT", "/v1/doc/mine/1", {})
        self.ok("POST", "/v1/vector/mine", {"dim": 2, "metric": "l2"})
        self.ok("DELETE", "/v1/vector/mine")
        frames = self.stream(key=scoped.key, since=start).read(3)
        self.assertEqual([frame.event for frame in frames],
                         ["doc_put", "vector_collection_created", "vector_collection_deleted"])
        self.assertTrue(all(frame.data["data"]["collection"] == "mine" for frame in frames))

    # ---- Last: it waits for what began first ----
    def test_zz_a_silent_stream_gets_a_comment_every_15_seconds(self):
        time.sleep(max(0, self.began + 17 - time.monotonic()))
        self.assertGreaterEqual(self.silent.stream.comments, 1)
        self.assertEqual(self.silent.stop(), [])


class ReplayTest(EventsCase):
    def test_the_stream_goes_on_in_the_same_bytes_after_a_kill(self):
        for number in range(100):
            self.ok("PUT", "/v1/state/r:%d" % (number % 7), {"value": number})
            self.ok("PUT", "/v1/doc/r/%d" % (number % 5), {"n": number})
        short = self.ok("PUT", "/v1/state/ttl", {"value": 1, "ttl_ms": 2000})
        end = self.note("end")
        before = self.stream(since=0).read_to(end)
        for stop in (self.server.kill, self.server.stop):
            stop()
            time.sleep(max(0, short["expires_at_ms"] / 1000 + 0.1 - time.time()))   # It expires while nobody runs.
            self.server.start()
            self.api = self.server.connect()
            self.assertEqual(self.api.get("/v1/state/ttl").status, 404)
            self.stream(since=end, key_prefix="ttl").read(1)
            after = self.stream(since=0).read_to(self.note("after"))
            self.assertEqual([frame.raw for frame in after[:len(before)]], [frame.raw for frame in before])
            gone = [frame.data["data"] for frame in after if frame.event == "state_deleted"]
            self.assertEqual(gone, [{"key": "ttl", "reason": "ttl"}])
            before = after


class GapTest(EventsCase):
    FLAGS = ("--wal-segment-bytes", 1 << 20, "--wal-max-bytes", 4 << 20, "--wal-retain-bytes", 0,
             "--wal-retain-hours", 0, "--checkpoint-interval-secs", 1)

    def test_history_that_is_gone_is_one_gap(self):
        until = time.monotonic() + 60
        while True:
            for _ in range(100):
                last = self.ok("PUT", "/v1/state/filler", {"value": text_of_bytes(50_000)})["lsn"]
            self.ok("POST", "/v1/admin/checkpoint")
            stream = self.stream(since=3)
            frames = stream.read_to(last)
            stream.close()
            if frames[0].event == "gap" or time.monotonic() > until:
                break
        gap = frames[0]
        self.assertEqual((gap.event, gap.id), ("gap", None))
        self.assertEqual(gap.data.keys(), {"from_offset", "to_offset", "dropped"})
        self.assertEqual((gap.data["from_offset"], gap.data["to_offset"]), (4, frames[1].id - 1))
        self.assertEqual([frame.event for frame in frames[1:] if frame.event == "gap"], [])
        filtered = self.stream(since=3, types="no.such.type")
        self.assertEqual(filtered.read(1)[0].event, "gap", "it passes by filters")
        self.assertEqual(self.stream(since=last - 1).read(1)[0].id, last)


if __name__ == "__main__":
    cli.main()
