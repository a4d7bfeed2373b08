"""vibratod import and export against a running server: what they print, what they refuse, what a kill leaves."""
import base64
import http.client
import json
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import cli
import live_server


class ImportTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        (self.folder / "data").mkdir()
        self.server = live_server.TidyServer(cli.BINARY, self.folder / "data").start()
        self.addCleanup(self.server.end)
        self.connection = self.server.connect()
        self.make("docs", 3)

    def make(self, name, dim):
        answer = self.connection.post(f"/v1/vector/{name}", {"dim": dim, "metric": "l2"})
        self.assertEqual(answer.status, 200, answer)

    def remote(self, collection="docs"):
        return ("--server", f"http://127.0.0.1:{self.server.port}", "--key", self.server.key, "--collection",
                collection)

    def info(self, name="docs"):
        return self.connection.get(f"/v1/vector/{name}").json

    def export(self, name="docs"):
        return self.succeed("export", *self.remote(name)).stdout

    def lines(self, name="docs"):
        return [json.loads(line) for line in self.export(name).splitlines()]

    def test_a_file_comes_and_goes_bit_by_bit(self):
        random.seed(7)
        points = []
        for i in range(3000):
            bits = [struct.unpack("<f", struct.pack("<I", random.getrandbits(31) % 0x56000000))[0] for _ in range(3)]
            points.append({"id": i if i % 3 else f"text {i}", "vector": bits, "meta": {"n": i} if i % 2 else None})
        points[5] = {"id": 5, "vector_b64": base64.b64encode(struct.pack("<3f", 1.5, -2.5, 1e-40)).decode()}
        path = self.write("points.ndjson", "\n".join(json.dumps(point) for point in points))
        done = self.succeed("import", *self.remote(), "--input", path)
        self.assertRegex(done.stdout.decode(), r"\Adocs: 3,000 points, lsn [0-9]+\n\Z")
        info = self.info()
        self.assertEqual((info["live_count"], info["indexed_count"]), (3000, 3000))
        first = self.export()
        self.assertEqual(len(first.splitlines()), 3000)
        self.make("copy", 3)
        self.succeed("import", *self.remote("copy"), "--input", "-", stdin=first)
        self.assertEqual(self.export("copy"), first)
        output = self.folder / "out.ndjson"
        self.succeed("export", *self.remote("copy"), "--output", output)
        self.assertEqual(output.read_bytes(), first)
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.export("docs"), first)

    def test_tables_get_numbers(self):
        rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        self.succeed("import", *self.remote(), "--input", self.write("a.npy", cli.npy(rows)))
        fvecs = b"".join(struct.pack("<i3f", 3, *row) for row in rows)
        self.succeed("import", *self.remote(), "--input", self.write("a.fvecs", fvecs), "--first-id", "10")
        self.succeed("import", *self.remote(), "--input", "-", "--format", "fvecs", "--first-id", "1", stdin=fvecs)
        self.assertEqual([(point["id"], point["vector"][0]) for point in self.lines()],
                         [(0, 1.0), (1, 1.0), (2, 4.0), (10, 1.0), (11, 4.0)])

    def test_a_bad_line_fails_all_of_it_by_its_number(self):
        cases = {
            '{"id":1,"vector":[1,2,3]}\n{"id":2,"vector":[1,2]}\n': "line 2: ",
            '{"id":1,"vector":[1,2,3]}\n\n{"id":2,"vector":[1,2,3],"mata":1}\n': "line 3: ",
            '{"id":1,"vector":[1,2,3]}\n{"id":2,': "line 2: ",
            '{"id":true,"vector":[1,2,3]}': "line 1: ",
        }
        for text, message in cases.items():
            error = self.fail_with(1, "import", *self.remote(), "--input", self.write("bad.ndjson", text))
            self.assertIn(message, error)
        for name, content in {"a.fvecs": struct.pack("<i3f", 3, 1, 2, 3) + b"\1", "b.npy": cli.npy([[1.0] * 3])[:-1],
                              "c.npy": cli.npy([[1.0] * 3]) + b"\0" * 12}.items():
            error = self.fail_with(1, "import", *self.remote(), "--input", self.write(name, content))
            self.assertIn("row ", error)
        self.assertEqual(self.lines(), [])
        self.assertEqual(list((self.folder / "data" / "segments").iterdir()), [])

    def test_what_is_refused_is_said_before_the_file_is_read(self):
        path = self.write("a.ndjson", '{"id":1,"vector":[1,2,3]}\n')
        self.assertIn("no collection", self.fail_with(1, "import", *self.remote("none"), "--input", path))
        self.assertIn("no collection", self.fail_with(1, "export", *self.remote("none")))
        made = self.connection.post("/v1/admin/keys", {"name": "k", "roles": ["query"], "collections": ["docs"]}).json
        remote = ("--server", f"http://127.0.0.1:{self.server.port}", "--key", made["key"], "--collection")
        self.assertIn("403", self.fail_with(1, "import", *remote, "docs", "--input", path))
        self.succeed("export", *remote, "docs")
        self.assertIn("403", self.fail_with(1, "export", *remote, "other"))
        self.assertIn("Idempotency-Key", self.connection.ask(
            "POST", "/v1/vector/docs/import", b"", {"Idempotency-Key": "a", "Content-Type": "application/x-ndjson"}).json[
                "message"])
        self.assertEqual(self.connection.post("/v1/vector/docs/import", {}).status, 415)

    def stream(self, pieces):
        """Begins an import, sends chunks, and returns the socket."""
        connection = socket.create_connection(("127.0.0.1", self.server.port))
        self.addCleanup(connection.close)
        connection.sendall((f"POST /v1/vector/docs/import HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {self.server.key}"
                            "\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
                            "Expect: 100-continue\r\n\r\n").encode())
        # It has begun when the server asks for the body: no other import is in front of it then.
        self.assertIn(b"100 Continue", connection.recv(100))
        for piece in pieces:
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        return connection

    def test_one_at_a_time_and_a_client_that_goes_leaves_nothing(self):
        first = self.stream([b'{"id":1,"vector":[1,2,3]}\n'])
        until = time.monotonic() + 30
        status = None
        while status != 429 and time.monotonic() < until:
            answer = self.connection.ask("POST", "/v1/vector/docs/import", b'{"id":2,"vector":[1,2,3]}\n',
                                         {"Content-Type": "application/x-ndjson"})
            status = answer.status
        self.assertEqual(status, 429, answer)
        first.close()
        while status == 429 and time.monotonic() < until:
            status = self.connection.ask("POST", "/v1/vector/docs/import", b'{"id":3,"vector":[1,2,3]}\n',
                                         {"Content-Type": "application/x-ndjson"}).status
        self.assertEqual(status, 200)
        self.assertNotIn(1, [point["id"] for point in self.lines()])

    @staticmethod
    def read_until(connection, text):
        connection.settimeout(60)
        answer = b""
        while text not in answer:
            piece = connection.recv(1000)
            if not piece:
                raise AssertionError(f"{text} does not come: {answer}")
            answer += piece
        return answer

    def test_what_fails_behind_a_line_of_progress_is_the_last_line(self):
        started = self.stream([b'{"id":1,"vector":[1,2,3]}\n'])
        self.send_until(started, b'"rows"', b"\n")
        started.sendall(b"9\r\n[1, 2, 3\n\r\n0\r\n\r\n")
        answer = self.read_until(started, b'"request_id"')
        self.assertIn(b'"error":"invalid_json"', answer)
        self.assertEqual(self.lines(), [])

    def send_until(self, connection, text, piece):
        """Sends a chunk again and again until the text comes back."""
        connection.settimeout(0.05)
        answer = b""
        until = time.monotonic() + 60
        while text not in answer:
            self.assertLess(time.monotonic(), until, answer)
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            try:
                answer += connection.recv(1000)
            except socket.timeout:
                pass
        return answer

    def test_a_drop_of_its_collection_ends_it_while_the_body_comes(self):
        rows = b"".join(b'{"id":%d,"vector":[1,2,3]}\n' % i for i in range(100))
        started = self.stream([rows])
        self.assertEqual(self.connection.ask("DELETE", "/v1/vector/docs").status, 200)
        answer = self.send_until(started, b"not_found", rows)
        self.assertIn(b'"error":"not_found"', answer)
        self.make("docs", 3)
        self.assertEqual(self.lines(), [])

    def test_a_stop_ends_it_and_leaves_nothing(self):
        started = self.stream([b'{"id":1,"vector":[1,2,3]}\n'])
        time.sleep(0.2)
        began = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - began, 20)
        self.assertIn(b"503", started.recv(100))
        self.server.start()
        self.connection = self.server.connect()
        self.assertEqual(self.lines(), [])
        self.assertEqual(list((self.folder / "data" / "segments").iterdir()), [])

    def test_help_has_examples(self):
        for command in ("import", "export"):
            self.assertIn(f"vibratod {command} --server", self.succeed(command, "--help").stdout.decode())
        self.fail_with(2, "import", "--server", "http://127.0.0.1:1", "--collection", "c")
        self.fail_with(2, "export", "--collection", "c")


if __name__ == "__main__":
    cli.main()
