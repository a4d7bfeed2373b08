"""GET /v1/metrics of a running server: every name that clients of the earlier system ask for, with true values."""
import time

import cli
import live_server

COUNTERS = """query_requests_total identify_requests_total ingest_requests_total ingest_backpressure_soft_total
    ingest_backpressure_hard_total ingest_semantic_throttle_ms_total auth_failures_total audit_failures_total
    checkpoint_total compaction_total obsolete_files_deleted_total catalog_read_timeout_total
    quarantine_evictions_total""".split()
GAUGES = """active_segments obsolete_segments failed_segments hot_vectors wal_pending total_vectors
    checkpoint_jobs_inflight compaction_jobs_inflight sqlite_wal_bytes quarantine_files quarantine_bytes
    ingest_queue_bytes memory_proxy_bytes memory_budget_bytes""".split()


class MetricsTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "db"

    def serve(self, *flags):
        server = live_server.LiveServer(cli.BINARY, self.data, *flags, environment=cli.clean_environment())
        self.addCleanup(lambda: server.process.poll() is None and server.kill())
        return server.start()

    @staticmethod
    def read(connection, path="/v1/metrics"):
        """Kinds and values by name, those with labels left out."""
        kinds, values = {}, {}
        for line in connection.get(path).body.decode().splitlines():
            if line.startswith("# TYPE "):
                kinds[line.split()[2]] = line.split()[3]
            elif not line.startswith("#") and "{" not in line:
                values[line.split()[0]] = float(line.split()[1])
        return kinds, values

    def job(self, connection, path, body=None):
        job = connection.post(path, body)
        self.assertIn(job.status, (200, 202), job)
        until = time.monotonic() + 60
        while True:
            state = connection.get("/v1/admin/jobs/" + job.json["job_id"]).json
            if state["state"] != "running":
                self.assertEqual(state["state"], "completed", state)
                return
            self.assertLess(time.monotonic(), until)
            time.sleep(0.02)

    def test_every_name_is_there_and_says_what_happened(self):
        server = self.serve("--collection", "docs", "--dim", 2, "--memory-budget-bytes", 1 << 30)
        docs = server.connect()
        for number in range(40):
            self.assertEqual(docs.post("/v1/vector/docs/upsert", {"id": number, "vector": [number, 1]}).status, 200)
        self.assertEqual(docs.post("/v1/vector/docs/search", {"vector": [1, 1], "k": 3}).status, 200)
        stranger = server.connect("vbk_" + 32 * "0" + "." + 43 * "A")
        self.assertEqual(stranger.get("/v1/vector").status, 401)
        stranger.close()
        kinds, values = self.read(docs)
        for kind, names in (("counter", COUNTERS), ("gauge", GAUGES), ("histogram", ["query_latency_us"])):
            self.assertEqual([name for name in names if kinds.get("vibrato_" + name) != kind], [])
        self.assertEqual([name for name in COUNTERS + GAUGES if "vibrato_" + name not in values], [])

        def value(name):
            return values["vibrato_" + name]

        self.assertEqual((value("ingest_requests_total"), value("query_requests_total"), value("auth_failures_total")),
                         (40, 1, 1))
        self.assertEqual((value("total_vectors"), value("hot_vectors"), value("wal_pending") >= 40), (40, 40, True))
        self.assertEqual(value("memory_budget_bytes"), 1 << 30)
        self.assertGreater(value("memory_proxy_bytes"), 0)
        self.assertGreater(value("sqlite_wal_bytes"), 0)
        self.assertEqual((value("checkpoint_total"), value("compaction_total"), value("obsolete_files_deleted_total")),
                         (0, 0, 0))

        # Files that a merge leaves are removed, and counted.
        for part in range(2):
            self.job(docs, "/v1/admin/checkpoint")
            docs.post("/v1/vector/docs/upsert", {"id": 100 + part, "vector": [part, 1]})
        self.job(docs, "/v1/admin/checkpoint")
        self.job(docs, "/v1/admin/compact", {"collection": "docs"})
        until = time.monotonic() + 60
        while True:
            _, values = self.read(docs)
            if value("obsolete_files_deleted_total") >= 3 and value("obsolete_segments") == 0:
                break
            self.assertLess(time.monotonic(), until, values)
            time.sleep(0.05)
        self.assertEqual(len(list((self.data / "segments").iterdir())), 1)
        self.assertEqual((value("active_segments"), value("hot_vectors"), value("wal_pending")), (1, 0, 0))
        self.assertGreaterEqual(value("checkpoint_total"), 3)
        self.assertGreaterEqual(value("compaction_total"), 1)
        stats = docs.get("/v2/admin/stats").json["data"]
        self.assertEqual((stats["obsolete_segments"], stats["catalog_read_timeout_total"]), (0, 0))
        self.assertEqual(self.read(docs, "/v2/metrics")[0], kinds)
        docs.close()
        self.assertEqual(server.stop(), 0)

    def test_an_orphan_is_put_into_quarantine_under_the_time_and_counted(self):
        server = self.serve()
        self.assertEqual(server.stop(), 0)
        before = int(time.time() * 1000)
        (self.data / "segments" / "segment-0000000000000042.vdb").write_bytes(b"x" * 1000)
        server.start()
        (name,) = [path.name for path in (self.data / "quarantine").iterdir()]
        self.assertRegex(name, r"\A\d{13}-segment-0000000000000042\.vdb\Z")
        self.assertTrue(before <= int(name.split("-")[0]) <= int(time.time() * 1000) + 1)
        connection = server.connect()
        _, values = self.read(connection)
        self.assertEqual((values["vibrato_quarantine_files"], values["vibrato_quarantine_bytes"]), (1, 1000))
        connection.close()
        self.assertEqual(server.stop(), 0)

    def test_the_scrub_goes_by_its_flags(self):
        server = self.serve("--scrub-interval-secs", 1, "--scrub-mb-per-sec", 8)
        connection = server.connect()
        until = time.monotonic() + 60
        while self.read(connection)[1]["vibrato_scrub_total"] < 2:
            self.assertLess(time.monotonic(), until)
            time.sleep(0.1)
        connection.close()
        self.assertEqual(server.stop(), 0)
        server.flags = ("--scrub-interval-secs", 0)
        server.start()
        connection = server.connect()
        self.assertEqual(self.read(connection)[1]["vibrato_scrub_total"], 0)
        connection.close()
        self.assertEqual(server.stop(), 0)
        for flags in (["--scrub-interval-secs", "-1"], ["--scrub-mb-per-sec", "1000001"]):
            self.assertIn("--scrub", self.fail_with(2, "serve-v2", "--data-dir", self.data, *flags))


if __name__ == "__main__":
    cli.main()
