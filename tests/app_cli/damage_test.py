"""What is missing in a data folder is named at the start, with what to do about it; that way works."""
import json
import shutil
import subprocess
import time

import cli
import live_server


class DamageTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "db"

    def serve(self, *flags, **options):
        server = live_server.LiveServer(cli.BINARY, self.data, *flags, environment=cli.clean_environment())
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        return server.start(**options)

    def fill(self, server, first, last):
        connection = server.connect()
        for number in range(first, last):
            answer = connection.post("/v1/vector/docs/upsert", {"id": number, "vector": [number, 1]})
            self.assertEqual(answer.status, 200)
        connection.close()
        return answer.json["lsn"]

    def refused(self):
        """What a start in the folder says that exits with 1 before it listens."""
        done = subprocess.run([cli.BINARY, "serve-v2", "--data-dir", self.data, "--port", "0", "--bootstrap-admin-key"],
                              capture_output=True, timeout=60, env=cli.clean_environment())
        self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr.decode())
        return done.stderr.decode()

    def found(self, server):
        connection = server.connect()
        info = connection.get("/v1/vector/docs").json
        connection.close()
        return info["live_count"]

    def witnessed(self, lsn, seconds=20):
        """Waits until the witness vouches for the LSN."""
        until = time.monotonic() + seconds
        while int((self.data / "witness").read_text().split()[4]) < lsn:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)

    def test_a_folder_without_its_catalog_is_not_taken_for_a_new_one(self):
        server = self.serve("--collection", "docs", "--dim", 2)
        lsn = self.fill(server, 0, 50)
        old_key = server.key
        self.assertEqual(server.stop(), 0)
        (self.data / "catalog.db").unlink()
        for commands in range(2):
            message = self.refused()
            for word in ("catalog.db", "snapshot-restore", "replay-to-lsn", "--bootstrap-admin-key"):
                self.assertIn(word, message)
        self.assertIn("catalog.db", self.fail_with(1, "key-create", "--data-dir", self.data, "--name", "n"))
        self.assertFalse((self.data / "catalog.db").exists())
        done = self.succeed("replay-to-lsn", "--data-dir", self.data, "--target-lsn", lsn).stdout.decode()
        old_state = done.split("old_state=")[1].strip()
        self.assertRegex(old_state, r"/replaced-\d+-\*\Z")
        server = self.serve()
        self.assertNotEqual(server.key, old_key)
        self.assertEqual(self.found(server), 50)
        connection = server.connect(old_key)
        self.assertEqual(connection.get("/v1/vector").status, 401)
        connection.close()
        self.assertEqual(server.stop(), 0)

    def test_a_lost_journal_of_the_catalog_is_noticed_and_a_snapshot_helps(self):
        server = self.serve("--collection", "docs", "--dim", 2)
        lsn = self.fill(server, 0, 10)
        self.succeed("snapshot-create", "--server", f"http://127.0.0.1:{server.port}", "--key", server.key, "--name", "s")
        made = self.succeed("key-create", "--server", f"http://127.0.0.1:{server.port}", "--key", server.key, "--name",
                            "later").stdout.decode()
        self.assertIn("token=", made)
        commits = int((self.data / "witness").read_text().split()[3])
        until = time.monotonic() + 20
        while int((self.data / "witness").read_text().split()[3]) == commits:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        server.kill()
        (self.data / "catalog.db-wal").unlink()
        message = self.refused()
        self.assertIn("catalog.db", message)
        self.assertIn("snapshot-restore", message)
        restore = ["snapshot-restore", "--data-dir", self.data, "--snapshot-dir", self.data / "snapshots" / "s"]
        self.assertIn("away", self.fail_with(1, *restore))
        (self.data / "catalog.db").rename(self.folder / "moved.db")
        self.assertIn(f"lsn={lsn}\n", self.succeed(*restore).stdout.decode())
        server.start()
        self.assertEqual(self.found(server), 10)
        self.assertEqual(server.stop(), 0)

    def test_a_missing_state_file_of_the_log_leaves_it_readable_and_says_what_to_do(self):
        server = self.serve("--collection", "docs", "--dim", 2)
        lsn = self.fill(server, 0, 20)
        self.assertEqual(server.stop(), 0)
        (self.data / "wal" / "state").unlink()
        server.start(wait_until_ready=False)
        self.check_read_only(server, ["wal/state", "Put back", "replay-to-lsn"], 20)
        self.assertEqual(server.stop(), 0)
        self.succeed("replay-to-lsn", "--data-dir", self.data, "--target-lsn", lsn)
        server.start()
        self.assertEqual(self.found(server), 20)
        self.assertEqual(server.stop(), 0)

    def check_read_only(self, server, words, count):
        connection = server.connect()
        until = time.monotonic() + 60
        while True:
            answer = connection.get("/v1/health/ready")
            self.assertEqual(answer.status, 503)
            if b"read-only" in answer.body:
                break
            self.assertLess(time.monotonic(), until, answer)
            time.sleep(0.02)
        for word in words:
            self.assertIn(word, json.dumps(answer.json))
            self.assertIn(word, server.log())
        self.assertEqual(self.found(server), count)
        self.assertEqual(connection.post("/v1/vector/docs/upsert", {"id": 1, "vector": [1, 1]}).status, 503)
        connection.close()

    def test_a_log_that_was_cut_by_hand_is_noticed_after_a_kill(self):
        server = self.serve("--collection", "docs", "--dim", 2)
        lsn = self.fill(server, 0, 20)
        self.witnessed(lsn)
        server.kill()
        copy = self.folder / "copy"
        shutil.copytree(self.data, copy)
        segment = sorted((self.data / "wal").glob("events-*.log"))[-1]
        content = segment.read_bytes().rstrip(b"\0")
        segment.write_bytes(content[:-20])
        for start in range(2):
            server.start(wait_until_ready=False)
            self.check_read_only(server, [f"expected a log up to LSN {lsn}, found one up to LSN {lsn - 1}"], 19)
            self.assertEqual(server.stop(), 0)
        shutil.rmtree(self.data)
        copy.rename(self.data)
        server.start()
        self.assertEqual(self.found(server), 20)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    cli.main()
