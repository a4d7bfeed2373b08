"""vibratod serve: starting, listening, stopping, and what it refuses."""
import json
import os
import random
import re
import resource
import signal
import socket
import subprocess
import unittest
import urllib.error
import urllib.request

import cli


class Server:
    """A running `vibratod serve` on a free port."""

    def __init__(self, *arguments, **options):
        self.process = subprocess.Popen([cli.BINARY, "serve", "--port", "0", *map(str, arguments)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=cli.clean_environment(),
                                        **options)
        self.line = self.process.stdout.readline().decode()
        match = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", self.line)
        if not match:
            raise AssertionError(f"no listening line: {self.line!r} {self.process.communicate()}")
        self.url = match[1]

    def call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return json.load(reply)

    def stop(self, signal_number=signal.SIGTERM):
        """Exit code, what came on stdout after the listening line, stderr."""
        self.process.send_signal(signal_number)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err.decode()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class ServeTest(cli.CliTest):
    def start(self, *arguments, **options):
        server = Server(*arguments, **options)
        self.addCleanup(server.kill)
        return server

    def made_rows(self, count=300, dim=8):
        made = random.Random(7)
        return [[made.gauss(0, 1) for _ in range(dim)] for _ in range(count)]

    def test_answers_searches_and_stops_with_0(self):
        rows = self.made_rows()
        file = self.make_vdb("a.vdb", [{"vector": row, "meta": {"source_file": f"f{i}"}} for i, row in enumerate(rows)],
                             metric="l2")
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            server = self.start("--data", file)
            self.assertEqual(server.call("/health")["vectors_loaded"], len(rows))
            hits = server.call("/search", {"vector": rows[17], "k": 3})["results"]
            self.assertEqual(hits[0]["id"], 17)
            self.assertEqual(hits[0]["metadata"]["source_file"], "f17")
            code, out, err = server.stop(signal_number)
            self.assertEqual((code, out), (0, b""), err)
            self.assertNotIn("\x1b", err)

    def test_the_search_command_prints_what_the_server_found(self):
        rows = self.made_rows()
        server = self.start("--data", self.make_vdb("a.vdb", rows, metric="l2"))
        query = ",".join(map(str, rows[5]))
        done = self.succeed("search", "--server", server.url, f"--query={query}", "-k", 2)
        self.assertRegex(done.stdout.decode(), r"\AQuery time: \d+\.\d\dms\nResults:\n  ID: 5, Score: 0\.0000\n  ID: ")
        self.assertIn("400", self.fail_with(1, "search", "--server", server.url, "-q", "1,2"))
        self.assertEqual(server.stop()[0], 0)

    def test_a_missing_graph_is_built_and_stored(self):
        file = self.make_vdb("a.vdb", self.made_rows())
        self.assertIsNone(json.loads(self.succeed("stats", "-f", file, "--json").stdout)["graph"])
        self.assertEqual(self.start("--data", file, "--m", 8, "--ef-construction", 40).stop()[0], 0)
        graph = json.loads(self.succeed("stats", "-f", file, "--json").stdout)["graph"]
        self.assertEqual((graph["m"], graph["ef_construction"]), (8, 40))
        self.assertEqual(graph["levels"][0]["rows"], 300)
        self.succeed("verify", file)

    def test_a_low_soft_limit_of_open_files_costs_no_connections(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        server = self.start("--data", self.make_vdb("a.vdb", [[1, 2]]),
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard)))
        port = int(server.url.rsplit(":", 1)[1])
        clients = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(100)]
        for client in clients:
            with client:
                client.sendall(b"GET /health/live HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                self.assertIn(b"200 OK", client.recv(4096))
        self.assertNotIn("cannot accept", server.stop()[2])

    def test_a_flush_that_runs_is_finished_before_what_is_lost_is_counted(self):
        file = self.make_vdb("a.vdb", self.made_rows(3000, 64))
        server = self.start("--data", file)
        server.call("/ingest", {"vector": [1.0] * 64})
        self.assertEqual(server.call("/flush", {})["status"], "started")
        code, _, err = server.stop()
        self.assertEqual(code, 0)
        self.assertNotIn("not flushed", err)
        self.assertEqual(json.loads(self.succeed("stats", "-f", file, "--json").stdout)["rows"], 3001)

    def test_why_a_graph_is_kept_in_memory_is_said(self):
        file = self.make_vdb("a.vdb", self.made_rows())
        os.mkdir(str(file) + ".flushing.indexed")  # The graph cannot be put in place.
        server = self.start("--data", file)
        self.assertEqual(len(server.call("/search", {"vector": [1.0] * 8, "k": 3})["results"]), 3)
        err = server.stop()[2]
        self.assertRegex(err, r"the graph is kept in memory .*a\.vdb\.flushing")

    def test_vectors_that_were_not_flushed_are_counted_when_it_stops(self):
        server = self.start("--data", self.make_vdb("a.vdb", self.made_rows()))
        self.assertEqual(server.call("/ingest", {"vector": [1.0] * 8})["id"], 300)
        code, _, err = server.stop()
        self.assertEqual(code, 0)
        self.assertIn("1 vectors were ingested and not flushed", err)

    def test_other_machines_are_let_in_only_on_request(self):
        file = self.make_vdb("a.vdb", [[1, 2]])
        for host in ("0.0.0.0", "::", "192.0.2.1"):
            self.assertIn("--insecure", self.fail_with(2, "serve", "--data", file, "--port", "0", "--host", host))

    def test_what_cannot_be_served_exits_1(self):
        self.assertIn("absent.vdb", self.fail_with(1, "serve", "--data", self.folder / "absent.vdb", "--port", "0"))
        text = self.write("text.vdb", "this is no vector file, it only looks like one by its name")
        self.assertIn("text.vdb", self.fail_with(1, "serve", "--data", text, "--port", "0"))
        file = self.make_vdb("a.vdb", [[1, 2], [3, 4]])
        server = self.start("--data", file)
        port = server.url.rsplit(":", 1)[1]
        self.assertIn(port, self.fail_with(1, "serve", "--data", file, "--port", port))


if __name__ == "__main__":
    cli.main()
