"""Snapshots, restores and replays of all models at one LSN, with the real binary."""
import shutil
import time

import cli
import live_server
from event_stream import EventStream
from model_contents import (COUNT_UP, INSERT_ROW, MAKE_COUNTER, MAKE_TABLES, Contents, check_server, expect)

COLLECTIONS, VECTORS = ("a", "b"), ("v",)


class SnapshotsModelsTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.server = self.serve(self.folder / "db")
        self.api = self.server.connect()
        for sql in MAKE_TABLES:
            expect(self.api.post("/v1/sql/exec", {"sql": sql}))
        expect(self.api.post("/v1/sql/exec", {"sql": MAKE_COUNTER, "params": [1]}))
        expect(self.api.post("/v1/vector/v", {"dim": 2, "metric": "l2"}))

    def serve(self, folder, *flags, key=None):
        server = live_server.TidyServer(cli.BINARY, folder, "--sql", *flags, key=key,
                                        environment=cli.clean_environment())
        self.addCleanup(server.end)
        return server.start()

    def write(self, first, count):
        """Every model, some of it again and again; the last LSN."""
        for number in range(first, first + count):
            name = "n%d" % (number % 13)
            expect(self.api.ask("PUT", "/v1/state/" + name, {"value": {"n": number}}))
            expect(self.api.ask("PUT", "/v1/doc/%s/%s" % (COLLECTIONS[number % 2], name), {"n": number}))
            expect(self.api.post("/v1/sql/exec", {"sql": INSERT_ROW, "params": ["t%d" % number, "p"]}))
            expect(self.api.post("/v1/sql/exec", {"sql": COUNT_UP, "params": ["t%d" % number, 1]}))
            if number % 5 == 0:
                expect(self.api.ask("DELETE", "/v1/state/" + name))
                expect(self.api.ask("DELETE", "/v1/doc/%s/%s" % (COLLECTIONS[number % 2], name)))
            last = expect(self.api.post("/v1/batch", {"operations": [
                {"op": "vector.upsert", "collection": "v", "id": number % 7, "vector": [number, 1],
                 "meta": {"n": number}},
                {"op": "state.put", "key": "last", "value": number}]})).json["lsn"]
        return last

    def contents(self, lsn, server=None):
        """What the events up to an LSN make."""
        server = server or self.server
        contents = Contents()
        with EventStream(server.port, server.key, since=0) as stream:
            for frame in stream.read_to(lsn):
                contents.apply(frame.event, frame.id, frame.data["data"])
        return contents

    def check(self, server, contents, what):
        check_server(server, contents, what, COLLECTIONS, VECTORS)

    def restore(self, folder, name):
        self.succeed("snapshot-restore", "--data-dir", folder, "--snapshot-dir", self.folder / "db" / "snapshots" / name)

    def test_a_snapshot_holds_all_models_at_its_lsn(self):
        first = self.write(0, 60)
        made = expect(self.api.post("/v1/admin/snapshot", {"name": "one"}))
        self.assertEqual(made.json["state"], "completed")
        at_first = self.contents(first)
        second = self.write(60, 40)
        at_second = self.contents(second)
        self.check(self.server, at_second, "the live one")
        with EventStream(self.server.port, self.server.key, since=0) as stream:
            history = {frame.id: frame.raw for frame in stream.read_to(second)}
        self.restore(self.folder / "other", "one")
        other = self.serve(self.folder / "other", "--no-auth")
        self.check(other, at_first, "restored elsewhere")
        api = other.connect()
        said = expect(api.ask("PUT", "/v1/state/last", {"value": "went on"})).json
        self.assertGreater(said["lsn"], first)
        with EventStream(other.port, None, since=0) as stream:
            kept = [frame for frame in stream.read_to(said["lsn"]) if frame.id is not None and frame.id <= first]
        self.assertTrue(all(history[frame.id] == frame.raw for frame in kept), "the same bytes as where it came from")
        expect(api.post("/v1/sql/exec", {"sql": COUNT_UP, "params": ["more", 1]}))
        row = expect(api.post("/v1/sql/query", {"sql": "SELECT n FROM counters"})).json["rows"][0]
        self.assertEqual(row["n"], at_first.counters[1][0] + 1)

    def test_the_own_folder_goes_back_and_forth(self):
        lsns = []
        for number, name in enumerate(("one", "two")):
            lsns.append(self.write(50 * number, 50))
            expect(self.api.post("/v1/admin/snapshot", {"name": name}))
            expect(self.api.post("/v1/admin/checkpoint"))
        wanted = [self.contents(lsn) for lsn in lsns]
        for index in (0, 1, 0):
            self.assertEqual(self.server.stop(), 0)
            self.restore(self.folder / "db", ("one", "two")[index])
            self.server.start()
            self.check(self.server, wanted[index], "restored %d" % index)
            for path in (self.folder / "db").glob("replaced-*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def test_replay_to_an_lsn_is_of_all_models(self):
        lsns = [self.write(20 * number, 20) for number in range(4)]
        wanted = [self.contents(lsn) for lsn in lsns]
        api = self.server.connect()
        end = expect(api.post("/v1/events", {"type": "app.end", "data": 1})).json["lsn"]
        self.assertEqual(self.server.stop(), 0)
        said = self.succeed("replay-to-lsn", "--data-dir", self.folder / "db", "--target-lsn", lsns[2]).stdout.decode()
        self.assertIn("replayed_to_lsn=%d\n" % lsns[2], said)
        self.server.start()
        self.check(self.server, wanted[2], "replayed")
        self.api = self.server.connect()
        put = expect(self.api.ask("PUT", "/v1/state/after", {"value": 1})).json
        self.assertGreater(put["lsn"], end, "no LSN is used twice")
        for since, events in ((end, ["gap", "state_updated"]), (lsns[2], ["state_updated"])):
            with EventStream(self.server.port, self.server.key, last_event_id=since) as stream:
                self.assertEqual([frame.event for frame in stream.read_to(put["lsn"])], events, "who saw what is gone")
        self.server.kill()
        self.server.start()
        wanted[2].state["after"] = (1, put["revision"], None)
        self.check(self.server, wanted[2], "after a kill")

    def test_what_expired_since_a_snapshot_is_not_seen_and_is_deleted_with_an_event(self):
        put = expect(self.api.ask("PUT", "/v1/state/short", {"value": 1, "ttl_ms": 300})).json
        expect(self.api.post("/v1/admin/snapshot", {"name": "one"}))
        time.sleep(0.4)
        self.restore(self.folder / "other", "one")
        other = self.serve(self.folder / "other", "--no-auth")
        self.assertEqual(other.connect().get("/v1/state/short").status, 404)
        with EventStream(other.port, None, since=put["lsn"], key_prefix="short") as stream:
            frame = stream.read(1)[0]
            frame = stream.read(1)[0] if frame.event == "gap" else frame
        self.assertEqual((frame.event, frame.data["data"]), ("state_deleted", {"key": "short", "reason": "ttl"}))

    def test_a_snapshot_without_a_server(self):
        last = self.write(0, 30)
        wanted = self.contents(last)
        self.server.kill()
        self.succeed("snapshot-create", "--data-dir", self.folder / "db", "--name", "offline")
        self.restore(self.folder / "other", "offline")
        self.check(self.serve(self.folder / "other", "--no-auth"), wanted, "restored")
        self.server.start()
        self.check(self.server, wanted, "the first")

    def test_an_idempotency_key_is_known_after_a_restore(self):
        key = {"Idempotency-Key": "once"}
        body = {"operations": [{"op": "event.append", "type": "app.once", "data": 1},
                               {"op": "state.put", "key": "once", "value": 1}]}
        first = expect(self.api.post("/v1/batch", body, key))
        expect(self.api.post("/v1/admin/snapshot", {"name": "one"}))
        self.assertEqual(self.server.stop(), 0)
        self.restore(self.folder / "db", "one")
        self.server.start()
        self.assertEqual(self.server.connect().post("/v1/batch", body, key).body, first.body)

    def test_a_damaged_file_of_a_model_is_refused_before_anything_changes(self):
        self.write(0, 30)
        expect(self.api.post("/v1/admin/checkpoint"))
        expect(self.api.post("/v1/admin/snapshot", {"name": "one"}))
        last = self.write(30, 10)
        wanted = self.contents(last)
        self.assertEqual(self.server.stop(), 0)
        snapshot = self.folder / "db" / "snapshots" / "one"
        for name in ("state.db", "docs.db", "sql.db"):
            files = list(snapshot.rglob(name))
            self.assertEqual(len(files), 1, "%s in %s" % (name, sorted(path.name for path in snapshot.rglob("*"))))
            good = files[0].read_bytes()
            files[0].write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
            done = self.run_cli("snapshot-restore", "--data-dir", self.folder / "db", "--snapshot-dir", snapshot)
            self.assertEqual(done.returncode, 1)
            self.assertIn(name, done.stderr.decode())
            files[0].write_bytes(good)
        self.server.start()
        self.check(self.server, wanted, "unchanged")


if __name__ == "__main__":
    cli.main()
