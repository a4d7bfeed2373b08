"""vibratod serve-v2: the key of the first start, refusals, TLS, the stop; and the commands that speak to it."""
import http.client
import json
import random
import shutil
import signal
import ssl
import subprocess
import threading
import time

import cli
import live_server


def made_rows(count, dim, seed=7):
    made = random.Random(seed)
    return [[round(made.gauss(0, 1), 4) for _ in range(dim)] for _ in range(count)]


class ServeV2Test(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "db"

    def start(self, *flags, **options):
        server = live_server.TidyServer(cli.BINARY, self.data, *flags, environment=cli.clean_environment())
        self.addCleanup(server.end)
        return server.start(**options)

    def remote(self, server):
        return "--server", f"http://127.0.0.1:{server.port}", "--key", server.key

    # ---- Starting ----
    def first_lines(self, *flags, **variables):
        """What a start prints before it listens."""
        process = subprocess.Popen([cli.BINARY, "serve-v2", "--data-dir", self.data, "--port", "0", *flags],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=cli.clean_environment(**variables))
        lines = []
        while not lines or not lines[-1].startswith("listening on "):
            line = process.stdout.readline().decode()
            if not line:
                raise AssertionError(process.communicate()[1].decode())
            lines.append(line)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=40)
        process.stdout.close()
        self.assertEqual((process.returncode, rest), (0, b""))
        return lines

    def test_the_bootstrap_key_is_printed_once_before_the_socket_opens(self):
        for spelling in (["--bootstrap-admin-key", "true"], ["--bootstrap-admin-key"]):
            lines = self.first_lines(*spelling)
            self.assertEqual(len(lines), 2)
            self.assertRegex(lines[0], r"\ABOOTSTRAP_ADMIN_KEY=vbk_[0-9a-f]{32}\.[A-Za-z0-9_-]{43}\n\Z")
            self.assertRegex(lines[1], r"\Alistening on http://127\.0\.0\.1:\d+\n\Z")
            self.assertEqual(len(self.first_lines(*spelling)), 1, "there is a key by now")
            shutil.rmtree(self.data)
        self.assertEqual(len(self.first_lines("--bootstrap-admin-key", "false")), 1)
        self.assertEqual(len(self.first_lines(VIBRATO_BOOTSTRAP_ADMIN_KEY="true")), 2)

    def test_without_a_key_nothing_but_health_is_answered(self):
        server = self.start()
        nobody, admin = server.connect(None), server.connect()
        self.assertEqual(nobody.get("/v1/health").status, 200)
        self.assertEqual([nobody.get(path).status for path in ("/v1/vector", "/v1/metrics", "/v1/admin/keys")],
                         [401, 401, 401])
        self.assertEqual([admin.get(path).status for path in ("/v1/vector", "/v1/metrics", "/v1/admin/keys")],
                         [200, 200, 200])
        self.assertIn(b'route="/v1/vector"', admin.get("/v1/metrics").body)

    def test_no_auth_asks_nobody(self):
        server = self.start("--no-auth")
        self.assertEqual(server.connect(None).get("/v1/vector").status, 200)

    def test_metrics_may_be_public(self):
        server = self.start("--public-health-metrics", "true")
        self.assertEqual(server.connect(None).get("/v1/metrics").status, 200)

    def test_listed_origins_may_call_from_a_browser_and_others_get_nothing(self):
        server = self.start("--cors-origin", "https://a.example", "--cors-origin", "https://b.example,https://c.example")
        nobody, admin = server.connect(None), server.connect()
        for origin in ("https://a.example", "https://b.example", "https://c.example"):
            asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = nobody.ask("OPTIONS", "/v1/vector/docs/search", None, asks)
            self.assertEqual((preflight.status, preflight.body), (204, b""))
            self.assertIn("Authorization", preflight.headers["Access-Control-Allow-Headers"])
            self.assertEqual(nobody.ask("OPTIONS", "/v1/nowhere", None, asks).status, 404)
            for connection, status in ((nobody, 401), (admin, 200)):
                answer = connection.ask("GET", "/v1/vector", None, {"Origin": origin})
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.headers["Access-Control-Allow-Origin"], origin)
                self.assertEqual(answer.headers["Vary"], "Origin")
                self.assertIsNone(answer.headers["Access-Control-Allow-Credentials"])
                exposed = answer.headers["Access-Control-Expose-Headers"]
                self.assertTrue({"x-next-cursor", "x-request-id"} <= set(exposed.split(", ")), exposed)
        asks = {"Origin": "https://d.example", "Access-Control-Request-Method": "GET"}
        for method, status in (("OPTIONS", 405), ("GET", 200)):
            answer = admin.ask(method, "/v1/vector", None, asks)
            self.assertEqual(answer.status, status)
            self.assertEqual([name for name in answer.headers if name.startswith("Access-Control")], [])
        self.assertEqual(server.stop(), 0)
        self.assertNotIn("Access-Control-Allow-Origin", self.start().connect().ask(
            "GET", "/v1/vector", None, {"Origin": "https://a.example"}).headers)

    def test_uses_that_make_no_sense_exit_2_and_make_nothing(self):
        for arguments, word in ((["--host", "0.0.0.0"], "--insecure"),
                                (["--host", "0.0.0.0", "--no-auth", "--insecure"], "--no-auth"),
                                (["--tls-cert", "x"], "--tls-key"), (["--tls-key", "x"], "--tls-cert"),
                                (["--flight-port", "1"], "not built yet"),
                                (["--cors-origin", "app.example"], "app.example"), (["--collection", "a/b"], "name"),
                                (["--dim", "0"], "--dim"), (["--dim", "16385"], "--dim"), (["--metric", "x"], "x"),
                                (["--bootstrap-admin-key", "yes"], "yes"), (["--wal-segment-bytes", "1"], "--wal"),
                                (["--vector-madvise-mode", "fast"], "fast"), (["--no-such-flag"], "--no-such-flag")):
            self.assertIn(word, self.fail_with(2, "serve-v2", "--data-dir", self.data, *arguments), arguments)
        self.assertFalse(self.data.exists())

    def test_the_flags_of_earlier_systems_are_taken(self):
        server = self.start("--checkpoint-interval-secs", 30, "--compaction-interval-secs", 180, "--orphan-ttl-hours",
                            168, "--audio-colocated", "false", "--catalog-read-timeout-ms", 5000,
                            "--sqlite-wal-autocheckpoint-pages", 500, "--quarantine-max-files", 50,
                            "--quarantine-max-bytes", 1000, "--background-io-mb-per-sec", 40, "--hot-index-shards", 8,
                            "--ingest-queue-capacity", 1024, "--memory-budget-bytes", 0, "--vector-madvise-mode",
                            "RANDOM")
        self.assertEqual(server.stop(), 0)
        self.assertIn("--hot-index-shards has no effect", server.log())

    def test_the_configuration_file_and_the_environment_count(self):
        config = self.write("c.toml", "[serve-v2]\ncollection = \"songs\"\ndim = 3\npublic-health-metrics = true\n")
        server = self.start("--config", config)
        self.assertEqual(server.connect().get("/v1/vector/songs").json["dim"], 3)
        self.assertEqual(server.connect(None).get("/v1/metrics").status, 200)

    def test_the_collection_of_the_flags_is_made_and_checked(self):
        server = self.start("--collection", "docs", "--dim", 8, "--metric", "cosine")
        info = server.connect().get("/v1/vector/docs").json
        self.assertEqual((info["dim"], info["metric"]), (8, "cosine"))
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.start("--collection", "docs").stop(), 0)
        process = subprocess.run([cli.BINARY, "serve-v2", "--data-dir", self.data, "--port", "0", "--collection", "docs",
                                  "--dim", "9"], capture_output=True, timeout=60, env=cli.clean_environment())
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"has dim 8, --dim says 9", process.stderr)

    def test_a_held_folder_is_refused_naming_the_way_out(self):
        server = self.start()
        nobody = "vbk_" + 32 * "0"
        for arguments in (["serve-v2", "--port", "0"], ["key-create", "--name", "n"], ["key-list"],
                          ["key-revoke", "--key-id", nobody], ["snapshot-create"],
                          ["snapshot-restore", "--snapshot-dir", self.folder], ["replay-to-lsn", "--target-lsn", "1"],
                          ["migrate-v2", "--input", self.make_vdb("a.vdb", [[1, 2]])]):
            message = self.fail_with(1, *arguments, "--data-dir", self.data)
            self.assertRegex(message, r"--server|no snapshot|manifest", arguments)
        self.assertEqual(server.connect().get("/v1/vector").status, 200)

    # ---- What clients send ----
    def test_bodies_and_queries_as_they_come_over_the_wire(self):
        server = self.start("--collection", "docs", "--dim", 2)
        docs = server.connect()
        post = lambda route, text: docs.ask("POST", "/v1/vector/docs/" + route, text.encode())
        lsn = lambda: docs.get("/v1/admin/stats").json["visible_lsn"]
        before = lsn()
        answer = post("upsert_batch", '{"items":[{"id":1,"vector":[1,2]},{"id":2,"vector":[1e999,1]},'
                                      '{"id":3,"vector":[1,2],"meta":{"n":123456789012345678901234567890}},'
                                      '{"id":18446744073709551616,"vector":[1,2]}]}')
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual([one["status"] for one in answer.json["results"]], ["upserted", "error", "error", "error"])
        self.assertEqual(lsn(), before + 1)
        for levels, status in ((31, 200), (32, 200), (33, 400)):
            for opening, closing in (("[", "]"), ('{"a":', "}")):
                inner = "[]" if opening == "[" else "{}"
                meta = opening * (levels - 2) + inner + closing * (levels - 2)
                self.assertEqual(post("upsert", '{"id":1,"vector":[1,2],"meta":%s}' % meta).status, status, meta)
        before = lsn()
        for answer, words in ((docs.get("/v1/vector/docs/get?id=1&id=2"), "query parameter id comes twice"),
                              (docs.ask("POST", "/v1/vector/docs/upsert?durability=synced&durability=relaxed",
                                        {"id": 1, "vector": [1, 2]}), "query parameter durability comes twice"),
                              (post("upsert", '{"id":1,"id":2,"vector":[1,2]}'), "id comes twice"),
                              (post("search", '{"vector":[1,2],"k":123456789012345678901234567890}'),
                               "k must be a whole number from 1 to 1000")):
            self.assertEqual((answer.status, answer.json["error"]), (400, "invalid_argument"), answer)
            self.assertIn(words, answer.json["message"])
        self.assertEqual(lsn(), before)
        self.assertEqual(server.stop(), 0)

    def test_the_audit_of_a_revoked_key_has_the_status_that_was_answered(self):
        server = self.start("--collection", "docs", "--dim", 2)
        admin = server.connect()
        made = admin.post("/v1/admin/keys", {"name": "k", "roles": ["query"]}).json
        self.assertEqual(admin.ask("DELETE", "/v1/admin/keys/" + made["id"]).status, 200)
        revoked = server.connect(made["key"])
        answered = [revoked.post("/v2/query", {"vector": [1, 2]}).status,
                    revoked.post("/v1/vector/docs/search", {"vector": [1, 2]}).status]
        self.assertEqual(answered, [403, 401])
        events = admin.get("/v1/admin/audit").json["events"]
        rows = [event["status"] for event in events if event["key_id"] == made["id"]]
        self.assertEqual(rows, answered[::-1], "newest first")
        self.assertEqual(server.stop(), 0)

    def test_readiness_names_what_is_damaged_and_the_rest_is_served(self):
        server = self.start("--collection", "docs", "--dim", 64)
        docs = server.connect()
        rows = [{"id": i, "vector": row} for i, row in enumerate(made_rows(2000, 64))]
        self.assertEqual(docs.post("/v1/vector/docs/upsert_batch", {"items": rows}).status, 200)
        self.assertEqual(docs.post("/v1/admin/checkpoint").status, 200)
        self.assertEqual(server.stop(), 0)
        files = [path for path in self.data.rglob("*.vdb") if path.stat().st_size > 100_000]
        self.assertEqual(len(files), 1, files)
        with open(files[0], "r+b") as file:
            file.write(b"\xff" * 64)
        server.start(wait_until_ready=False)
        nobody = server.connect(None)
        until = time.monotonic() + 60
        # While it recovers the reasons are others; what it ends with is the damage.
        ready = nobody.get("/v1/health/ready")
        while files[0].name not in ready.body.decode() and time.monotonic() < until:
            time.sleep(0.02)
            ready = nobody.get("/v1/health/ready")
        self.assertEqual(ready.status, 503, ready)
        self.assertEqual((ready.json["status"], ready.json["ready"]), ("not_ready", False))
        reasons = " ".join(ready.json["reasons"])
        self.assertIn(files[0].name, reasons)
        self.assertNotIn("docs", reasons, "who asks may have no key")
        self.assertEqual(nobody.get("/v1/health/live").status, 200)
        self.assertEqual(nobody.get("/v2/health/ready").status, 503)
        docs = server.connect()
        self.assertEqual(docs.get("/v1/vector").status, 200)
        self.assertEqual(docs.post("/v1/vector/docs/upsert", rows[0]).status, 503)
        self.assertEqual(server.stop(), 0)

    # ---- Commands that speak to it ----
    def test_keys_are_made_listed_and_revoked_through_the_server(self):
        server = self.start()
        made = self.succeed("key-create", *self.remote(server), "--name", "reader", "--roles", "query")
        key = made.stdout.decode().split("token=")[1].strip()
        self.assertEqual(server.connect(key).get("/v1/vector").status, 200)
        self.assertEqual(server.connect(key).post("/v1/vector/x", {"dim": 2, "metric": "l2"}).status, 403)
        self.assertIn("name=reader roles=query", self.succeed("key-list", *self.remote(server)).stdout.decode())
        self.assertIn("403", self.fail_with(1, "key-list", "--server", f"http://127.0.0.1:{server.port}", "--key", key))
        key_id = key.split(".")[0]
        done = self.succeed("key-revoke", *self.remote(server), "--key-id", key_id)
        self.assertEqual(done.stdout.decode(), f"revoked={key_id}\n")
        self.assertEqual(server.connect(key).get("/v1/vector").status, 401)

    def test_rows_are_ingested_and_found(self):
        server = self.start()
        rows = made_rows(1000, 16)
        file = self.write_jsonl("rows.jsonl", [{"id": f"p{i}", "vector": row, "meta": {"n": i}}
                                               for i, row in enumerate(rows)])
        ingest = ["ingest", "--input", file, *self.remote(server), "--collection", "docs"]
        self.assertIn("404", self.fail_with(1, *ingest))
        done = self.succeed(*ingest, "--create", "--metric", "l2")
        self.assertRegex(done.stdout.decode(), r"\Adocs: 1,000 rows, dim 16, lsn \d+\n\Z")
        self.assertEqual(server.connect().get("/v1/vector/docs").json["live_count"], 1000)
        query = ",".join(map(str, rows[17]))
        found = self.succeed("search", *self.remote(server), "--collection", "docs", f"--query={query}", "-k", 2)
        self.assertRegex(found.stdout.decode(), r'\A#  ID +SCORE\n *1  "p17" +0\.0000\n')
        self.assertIn("401", self.fail_with(1, "search", "--server", f"http://127.0.0.1:{server.port}", "--key", "x",
                                            "--collection", "docs", "--query", query))

    def test_searches_are_filtered_grouped_and_explained(self):
        server = self.start("--collection", "docs", "--dim", 2)
        connection = server.connect()
        items = [{"id": i, "vector": [1, i], "meta": {"n": i, "kind": "even" if i % 2 == 0 else "odd"}}
                 for i in range(20)]
        connection.post("/v1/vector/docs/upsert_batch", {"items": items})

        def search(*flags):
            command = ["search", *self.remote(server), "--collection", "docs", "--query", "0,1", *flags]
            return self.succeed(*command).stdout.decode()

        odd = ["--filter", '{"key": "kind", "match": {"value": "odd"}}', "-k", 2]
        answer = json.loads(search(*odd, "--include-meta", "--explain", "--format", "json"))
        self.assertEqual([hit["meta"]["n"] for hit in answer["hits"]], [19, 17])
        self.assertEqual(answer["explain"][0]["rows"], 20)
        self.assertRegex(search(*odd), r"(?s)\A# +ID +SCORE\n1 +19 .*\n2 +17 .*\n\n2 hits in \d+\.\d\d ms\n\Z")
        self.assertRegex(search(*odd, "--explain"),
                         r"\nsegment +rows +estimated +matching +plan +rows_visited +distances\n"
                         r"hot +20 +10 +10 +filtered_scan +10 +10\n")
        self.assertRegex(search("--group-by", "kind", "-k", 2), r"\n1 +19 .*\n2 +18 ")
        wrong = self.fail_with(1, "search", *self.remote(server), "--collection", "docs", "--query", "0,1",
                               "--filter", '{"must": [{"key": "n", "range": {"gt": "x"}}]}')
        self.assertIn("filter.must[0].range.gt", wrong)

    def test_snapshots_are_made_restored_and_replayed(self):
        server = self.start("--collection", "docs", "--dim", 2)
        docs = server.connect()
        first = docs.post("/v1/vector/docs/upsert", {"id": "a", "vector": [1, 0]}).json["lsn"]
        made = self.succeed("snapshot-create", *self.remote(server), "--name", "one").stdout.decode()
        self.assertIn("snapshot_id=one\n", made)
        self.assertIn(f"lsn={first}\n", made)
        second = docs.post("/v1/vector/docs/upsert", {"id": "b", "vector": [0, 1]}).json["lsn"]
        self.assertIn("409", self.fail_with(1, "snapshot-create", *self.remote(server), "--name", "one"))
        self.assertEqual(server.stop(), 0)
        two = self.succeed("snapshot-create", "--data-dir", self.data, "--name", "two").stdout.decode()
        self.assertIn(f"lsn={second}\n", two)
        self.succeed("snapshot-restore", "--data-dir", self.data, "--snapshot-dir", self.data / "snapshots" / "one")
        for name in ("catalog.db", "pepper"):  # They hold what keys are checked by.
            self.assertEqual((self.data / name).stat().st_mode & 0o777, 0o600, name)
        server.start()
        docs = server.connect()
        self.assertEqual([docs.get(f"/v1/vector/docs/get?id={name}").status for name in "ab"], [200, 404])
        self.assertEqual(server.stop(), 0)
        self.succeed("snapshot-restore", "--data-dir", self.data, "--snapshot-dir", self.data / "snapshots" / "two")
        done = self.succeed("replay-to-lsn", "--data-dir", self.data, "--target-lsn", first)
        self.assertIn(f"replayed_to_lsn={first}\n", done.stdout.decode())
        server.start()
        docs = server.connect()
        self.assertEqual([docs.get(f"/v1/vector/docs/get?id={name}").status for name in "ab"], [200, 404])
        self.assertEqual(server.stop(), 0)
        self.fail_with(1, "replay-to-lsn", "--data-dir", self.data, "--target-lsn", 10**9)

    def test_a_file_is_taken_over(self):
        rows = made_rows(300, 8)
        file = self.make_vdb("old.vdb", [{"vector": row, "meta": {"n": i}} for i, row in enumerate(rows)], metric="dot")
        done = self.succeed("migrate-v2", "--data-dir", self.data, "--input", file, "--collection", "songs")
        self.assertRegex(done.stdout.decode(), r"\Amigrated_segment=\S+\nrows=300\ncollection=songs\n\Z")
        server = self.start()
        self.assertEqual(server.connect().get("/v1/vector/songs").json["live_count"], 300)
        self.assertEqual(server.stop(), 0)
        self.assertIn("dim", self.fail_with(1, "migrate-v2", "--data-dir", self.data, "--input", file, "--collection",
                                            "songs", "--dim", 9))

    # ---- Stopping ----
    def test_a_stop_under_load_loses_no_acknowledged_write(self):
        server = self.start("--collection", "docs", "--dim", 4)
        acknowledged, stopping = [[] for _ in range(4)], threading.Event()

        def write(worker):
            connection = server.connect(timeout=30)
            number = 0
            while not stopping.is_set():
                name = f"{worker}-{number}"
                try:
                    answer = connection.post("/v1/vector/docs/upsert", {"id": name, "vector": [worker, number, 1, 1]})
                except (OSError, http.client.HTTPException):
                    return
                if answer.status != 200:
                    return
                acknowledged[worker].append(name)
                number += 1

        threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 30
        while min(map(len, acknowledged)) < 20 and time.monotonic() < until:
            time.sleep(0.01)
        began = time.monotonic()
        code = server.stop()
        took = time.monotonic() - began
        stopping.set()
        for thread in threads:
            thread.join()
        self.assertEqual(code, 0, server.log()[-2000:])
        self.assertLess(took, 30)
        self.assertGreaterEqual(min(map(len, acknowledged)), 20)
        server.start()
        self.assertGreaterEqual(server.connect().get("/v1/vector/docs").json["live_count"],
                                sum(map(len, acknowledged)))
        docs = server.connect()
        for worker in range(4):
            for number, name in enumerate(acknowledged[worker]):
                point = docs.get(f"/v1/vector/docs/get?id={name}")
                self.assertEqual((point.status, point.json.get("vector")), (200, [worker, number, 1, 1]), name)
        self.assertEqual(server.stop(), 0)

    # ---- TLS ----
    def certificate(self, name):
        return live_server.make_certificate(self.folder, name)

    def ask_over_tls(self, port, ca):
        context = ssl.create_default_context(cafile=ca)
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
        try:
            connection.request("GET", "/v1/health")
            return connection.getresponse().status
        finally:
            connection.close()

    def test_tls_is_spoken_and_its_certificate_renewed(self):
        first, second = self.certificate("first"), self.certificate("second")
        used = self.folder / "used.crt", self.folder / "used.key"
        for source, target in zip(first, used):
            shutil.copy(source, target)
        server = self.start("--tls-cert", used[0], "--tls-key", used[1], wait_until_ready=False)
        self.assertEqual(server.scheme, "https")
        self.assertEqual(self.ask_over_tls(server.port, first[0]), 200)
        listed = self.succeed("key-list", "--server", f"https://127.0.0.1:{server.port}", "--key", server.key,
                              "--ca-cert", first[0])
        self.assertIn("bootstrap", listed.stdout.decode())
        self.fail_with(1, "key-list", "--server", f"https://127.0.0.1:{server.port}", "--key", server.key, "--ca-cert",
                       second[0])
        for source, target in zip(second, used):
            shutil.copy(source, target)
        server.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                if self.ask_over_tls(server.port, second[0]) == 200:
                    break
            except ssl.SSLError:
                time.sleep(0.05)
        self.assertEqual(self.ask_over_tls(server.port, second[0]), 200)
        used[0].write_text("no certificate")
        server.process.send_signal(signal.SIGHUP)
        self.assertEqual(self.ask_over_tls(server.port, second[0]), 200)
        self.assertEqual(server.stop(), 0)

    def test_a_tls_start_names_the_file_that_is_wrong(self):
        certificate, key = self.certificate("a")
        for arguments in (["--tls-cert", key, "--tls-key", key], ["--tls-cert", certificate, "--tls-key", certificate]):
            self.assertRegex(self.fail_with(1, "serve-v2", "--data-dir", self.data, "--port", "0", *arguments),
                             r"--tls-cert|TLS (certificate|key)")


if __name__ == "__main__":
    cli.main()
