"""migrate-v2 and replay-to-lsn of one collection, killed with SIGKILL while they write, and run again."""
import struct
import subprocess
import time

import cli
import live_server

DIM = 32
ROWS = 30000
PIECES = 5


def bytes_of_logs(folder):
    """Of all logs in the folder, the one of a state that is being built included."""
    total = 0
    for path in folder.rglob("events-*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            pass
    return total


def vdb(rows):
    """Version 1; the first number of a row is its number."""
    return struct.pack("<8sII", b"VIBDB001", rows, DIM) + b"".join(
        struct.pack("<%df" % DIM, row + 1, *[1.5] * (DIM - 1)) for row in range(rows))


class InterruptedTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "db"
        self.key = None

    def serve(self):
        server = live_server.LiveServer(cli.BINARY, self.data, key=self.key, environment=cli.clean_environment())
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        server.start()
        self.key = server.key
        return server

    def count(self, collection):
        server = self.serve()
        connection = server.connect()
        answer = connection.get("/v1/vector/" + collection)
        connection.close()
        self.assertEqual(server.stop(), 0)
        return answer.json["live_count"] if answer.status == 200 else 0

    def kill_after(self, grown_bytes, *arguments):
        """SIGKILL once the logs have grown by so much. Whether it still ran."""
        before = bytes_of_logs(self.data)
        process = subprocess.Popen([cli.BINARY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=cli.clean_environment())
        while process.poll() is None and bytes_of_logs(self.data) - before < grown_bytes:
            time.sleep(0.001)
        process.kill()
        process.communicate()
        return process.returncode == -9

    def test_a_migration_adds_all_rows_once_or_none(self):
        command = ["migrate-v2", "--data-dir", self.data, "--input", self.write("in.vdb", vdb(ROWS)),
                   "--collection", "songs"]
        killed = 0
        for piece in range(PIECES):
            killed += self.kill_after(4 * DIM * ROWS * piece // PIECES + 1, *command)
            self.assertIn(self.count("songs"), (0, ROWS))
        self.assertGreater(killed, 0)
        self.succeed(*command)
        self.assertEqual(self.count("songs"), ROWS)
        self.assertEqual([path.name for path in self.data.iterdir() if path.name.startswith("restor")], [])

    def test_a_collection_is_replayed_wholly_or_not_at_all(self):
        server = self.serve()
        docs = server.connect()
        self.addCleanup(docs.close)
        docs.post("/v1/vector/docs", {"dim": DIM, "metric": "l2"})

        def upsert(first, count):
            items = [{"id": "p%d" % number, "vector": [number] * DIM} for number in range(first, first + count)]
            return docs.post("/v1/vector/docs/upsert_batch", {"items": items}).json["lsn"]

        for first in range(0, 8000, 2000):
            then = upsert(first, 2000)
        for first in range(0, 8000, 2000):
            ids = ["p%d" % number for number in range(first, first + 2000)]
            docs.post("/v1/vector/docs/delete_batch", {"ids": ids})
        upsert(20000, 3)
        self.assertEqual(server.stop(), 0)
        command = ["replay-to-lsn", "--data-dir", self.data, "--target-lsn", then, "--collection", "docs"]
        killed = 0
        # The state of then is built from a copy of the log, in front of the writes.
        copies = 2 * bytes_of_logs(self.data)
        for grown in (1, 4 * DIM * 3000, copies // 2, copies, copies + 4 * DIM * 2000, copies + 4 * DIM * 6000):
            killed += self.kill_after(grown, *command)
            self.assertIn(self.count("docs"), (3, 8000))
        self.assertGreater(killed, 0)
        done = self.succeed(*command).stdout.decode()
        self.assertRegex(done, r"\Aasked_lsn=%d\nreplayed_to_lsn=%d\nlog_end_lsn=\d+\ncollection=docs\n\Z" % (then, then))
        self.assertEqual(self.count("docs"), 8000)

    def test_an_lsn_inside_a_write_is_told_and_means_what_was_before_it(self):
        server = self.serve()
        docs = server.connect()
        self.addCleanup(docs.close)
        docs.post("/v1/vector/docs", {"dim": 2, "metric": "l2"})
        one = docs.post("/v1/vector/docs/upsert", {"id": "a", "vector": [1, 2]}).json["lsn"]
        many = docs.post("/v1/vector/docs/upsert_batch",
                         {"items": [{"id": name, "vector": [1, 2]} for name in "bcd"]}).json["lsn"]
        self.assertEqual((server.stop(), many), (0, one + 3))
        for flags in (["--collection", "docs"], []):
            done = self.succeed("replay-to-lsn", "--data-dir", self.data, "--target-lsn", many - 1, *flags)
            self.assertIn(f"asked_lsn={many - 1}\nreplayed_to_lsn={one}\n", done.stdout.decode())
            self.assertIn(f"LSN {many - 1} is inside a write", done.stderr.decode())
            self.assertEqual(self.count("docs"), 1)


if __name__ == "__main__":
    cli.main()
