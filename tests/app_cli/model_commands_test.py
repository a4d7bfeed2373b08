"""vibratod state, doc, sql and stream against a made server: what they send, what they print, when they end."""
import http.server
import json
import signal
import subprocess
import threading
import time
import unittest

import cli


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, body.decode(), dict(self.headers)))
        status, headers, answer = self.server.answers.pop(0) if self.server.answers else (500, {}, "{}")
        if isinstance(answer, list):
            self.stream(answer)
            return
        answer = answer if isinstance(answer, bytes) else answer.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def stream(self, pieces):
        """Chunks; a number among them waits so long, None keeps the connection."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in pieces:
                if piece is None:
                    self.server.hold.wait(30)
                    break
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            else:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # Whoever asked is gone.
        self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *arguments):
        pass


def event(lsn, type_name, data):
    payload = json.dumps({"offset": lsn, "ts_ms": 1795308798272, "type": type_name, "data": data})
    return f"event: {type_name}\nid: {lsn}\ndata: {payload}\n\n".encode()


class ModelsTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.requests, self.server.answers = [], []
        self.server.hold = threading.Event()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.hold.set)

    def answer(self, answer, status=200, **headers):
        is_stream = isinstance(answer, list) and isinstance(answer[0], bytes)
        self.server.answers.append((status, headers, answer if isinstance(answer, str) or is_stream
                                    else json.dumps(answer)))

    def run_model(self, *arguments, **options):
        done = self.succeed(*arguments, "--server", self.url, "--key", "k", **options)
        return done.stdout.decode()

    def sent(self):
        method, path, body, _ = self.server.requests[-1]
        return method, path, json.loads(body) if body else None

    def test_state_put_sends_json_and_prints_the_revision(self):
        for given in ('{"a": 1.50}', "@" + str(self.write("v.json", '{"a": 1.50}'))):
            self.answer({"key": "a/b", "revision": 7, "expires_at_ms": None, "lsn": 7})
            self.assertEqual(self.run_model("state", "put", "a/b", given, "--ttl-ms", 5, "--if-revision", 0),
                             "revision 7\n")
            self.assertEqual(self.server.requests[-1][:3],
                             ("PUT", "/v1/state/a%2Fb", '{"value":{"a": 1.50},"ttl_ms":5,"if_revision":0}'))
        self.answer('{"key":"k","revision":8}')
        self.assertEqual(self.run_model("state", "put", "k", "-", "--json", stdin=b'"x"'), '{"key":"k","revision":8}\n')
        self.assertEqual(self.server.requests[-1][3]["Authorization"], "Bearer k")

    def test_state_get_prints_the_value(self):
        self.answer('{"key":"k","value":{"z":1,"a":[2]},"revision":3,"expires_at_ms":null}')
        self.assertEqual(self.run_model("state", "get", "k"), '{"z":1,"a":[2]}\n')
        self.answer({"error": "not_found", "message": "there is no key k"}, status=404)
        message = self.fail_with(1, "state", "get", "k", "--server", self.url)
        self.assertIn("the server answered 404: there is no key k", message)

    def test_state_delete_is_of_a_key_or_of_a_prefix(self):
        self.answer({"deleted": True, "lsn": 4})
        self.assertEqual(self.run_model("state", "delete", "k", "--if-revision", 3), "deleted\n")
        self.assertEqual(self.sent()[:2], ("DELETE", "/v1/state/k?if_revision=3"))
        self.answer({"deleted": False})
        self.assertEqual(self.run_model("state", "delete", "k"), "not there\n")
        self.answer({"deleted": 12, "lsn": 9})
        self.assertEqual(self.run_model("state", "delete", "--prefix", "a/"), "deleted 12\n")
        self.assertEqual(self.sent()[:2], ("DELETE", "/v1/state?prefix=a%2F"))

    def test_what_cannot_be_meant_is_named(self):
        for given in (("state", "list"), ("doc", "find", "books")):
            self.assertIn("--limit", self.fail_with(2, *given, "--limit", 0, "--server", self.url))
        message = self.fail_with(2, "doc", "get", ".b", "x", "--server", self.url)
        self.assertIn("COLLECTION: a name is", message)
        self.assertEqual(self.server.requests, [])

    def test_state_list_goes_from_page_to_page(self):
        item = {"key": "a", "value": "x", "revision": 1, "expires_at_ms": None}
        self.answer([item, item | {"key": "b"}], **{"x-next-cursor": "n 1"})
        self.answer([item | {"key": "c"}])
        self.assertEqual(self.run_model("state", "list", "--prefix", "é"), 'a\t1\t"x"\nb\t1\t"x"\nc\t1\t"x"\n')
        self.assertEqual([request[1] for request in self.server.requests],
                         ["/v1/state?prefix=%C3%A9&limit=1000", "/v1/state?prefix=%C3%A9&limit=1000&cursor=n%201"])
        self.answer([item], **{"x-next-cursor": "n"})
        self.assertEqual(json.loads(self.run_model("state", "list", "--limit", 1, "--json")), item)
        self.assertEqual(self.sent()[1], "/v1/state?prefix=&limit=1")

    def test_doc_put_get_and_find(self):
        self.answer({"id": "d", "revision": 5, "doc": {}, "lsn": 5})
        self.assertEqual(self.run_model("doc", "put", "books", "d/1", '{"t": 1}', "--if-revision", 4), "revision 5\n")
        self.assertEqual(self.sent(), ("PUT", "/v1/doc/books/d%2F1", {"t": 1}))
        self.assertEqual(self.server.requests[-1][3]["If-Match"], "4")
        self.answer({"id": "d", "revision": 5, "doc": {"t": 1}})
        self.assertEqual(self.run_model("doc", "get", "books", "d"), '{"t":1}\n')
        found = {"id": "d", "revision": 5, "doc": {"t": 1}}
        self.answer({"documents": [found], "next_cursor": "more"})
        self.answer({"documents": [found | {"id": "e"}], "next_cursor": None})
        self.assertEqual(self.run_model("doc", "find", "books", "--filter", '{"is_null": "x"}', "--sort", "a.b:desc,c"),
                         'd\t{"t":1}\ne\t{"t":1}\n')
        self.assertEqual(self.sent(), ("POST", "/v1/doc/books/find", {
            "limit": 1000, "filter": {"is_null": "x"}, "cursor": "more",
            "sort": [{"key": "a.b", "order": "desc"}, {"key": "c", "order": "asc"}]}))
        self.answer({"documents": [found], "next_cursor": "more"})
        self.assertEqual(json.loads(self.run_model("doc", "find", "books", "--limit", 1, "--json")), found)

    def test_a_file_may_be_larger_than_the_value_in_it(self):
        spaced = '{"a":' + " " * 2_000_000 + "1}"
        self.answer({"key": "k", "revision": 7, "expires_at_ms": None, "lsn": 7})
        self.assertEqual(self.run_model("state", "put", "k", "@" + str(self.write("v.json", spaced))), "revision 7\n")

    def test_sql_prints_a_table_or_the_answer(self):
        rows = {"columns": ["track", "plays"], "rows": [{"track": "a", "plays": 12}, {"track": None, "plays": 3}],
                "truncated": False}
        self.answer(rows)
        self.assertEqual(self.run_model("sql", "SELECT 1", "--params", "[1, \"x\"]"),
                         "track  plays\na         12\nNULL       3\n")
        self.assertEqual(self.sent(), ("POST", "/v1/sql/query", {"sql": "SELECT 1", "params": [1, "x"]}))
        self.answer(rows)
        self.assertEqual(json.loads(self.run_model("sql", "-", "--json", stdin=b"SELECT 2")), rows)
        self.answer({"rows_affected": 1, "last_insert_id": 3, "lsn": 8})
        self.assertEqual(self.run_model("sql", "--exec", "INSERT"), "1 row affected, lsn 8\n")
        self.assertEqual(self.sent()[1], "/v1/sql/exec")
        self.answer(rows | {"truncated": True})
        done = self.succeed("sql", "SELECT 1", "--server", self.url)
        self.assertIn(b"more rows", done.stderr)

    def test_wrong_use_is_2_names_the_flag_and_sends_nothing(self):
        for words, named in ((["state", "get"], "KEY"), (["state", "put", "k"], "VALUE"),
                             (["state", "put", "k", "text"], "VALUE is not valid JSON"),
                             (["state", "get", "k", "--ttl-ms", 1], "--ttl-ms"),
                             (["state", "put", "k", "1", "--ttl-ms", 0], "--ttl-ms"),
                             (["state", "list", "k"], "--prefix"), (["state", "list", "--if-revision", 1], "--if-rev"),
                             (["state", "frob", "k"], "ACTION"), (["doc", "get", "books"], "ID"),
                             (["doc", "find", "books", "--sort", "year:dsc"], "--sort"),
                             (["doc", "put", "books", "d"], "DOCUMENT"), (["doc", "find", "a/b"], "COLLECTION"),
                             (["doc", "find", "b", "--filter", "year<3"], "--filter is not valid JSON"),
                             (["doc", "get", "b", "d", "--filter", "{}"], "--filter"), (["sql"], "STATEMENT"),
                             (["sql", "SELECT 1", "--params", "x"], "--params is not valid JSON"),
                             (["stream", "--since", "x"], "--since"), (["stream", "--collection", "a/b"], "--coll")):
            self.assertIn(named, self.fail_with(2, *words, "--server", self.url), words)
        self.assertEqual(self.server.requests, [])
        for words in (["state", "get", "k"], ["doc", "get", "b", "d"], ["sql", "SELECT 1"], ["stream"]):
            self.assertIn("localhost", self.fail_with(2, *words, "--server", "localhost"))
            self.assertIn("cannot connect", self.fail_with(1, *words, "--server", "http://127.0.0.1:1"))

    def test_stream_prints_an_event_a_line_and_goes_on_where_it_was(self):
        whole = event(3, "state_updated", {"key": "a"}) + b": keepalive\n\n" + event(5, "doc_put", {"id": "ü"})
        self.answer([whole[:20], whole[20:90], whole[90:]])
        self.answer([event(6, "x.y", 1)])
        done = self.succeed("stream", "--since", 2, "--types", "state_updated,doc_put,x.y", "--key-prefix", "a/b",
                            "--collection", "books", "--limit", 3, "--server", self.url)
        self.assertEqual(done.stdout.decode(), '3  2026-11-22T00:53:18.272Z  state_updated  {"key":"a"}\n'
                         '5  2026-11-22T00:53:18.272Z  doc_put  {"id":"ü"}\n6  2026-11-22T00:53:18.272Z  x.y  1\n')
        self.assertIn(b"going on behind 5", done.stderr)
        asked = "&types=state_updated%2Cdoc_put%2Cx.y&key_prefix=a%2Fb&collection=books"
        self.assertEqual([request[1] for request in self.server.requests],
                         ["/v1/stream?since=2" + asked, "/v1/stream?since=5" + asked])

    def test_a_stream_that_ends_before_its_first_event_is_asked_for_again(self):
        self.answer([b""])
        self.answer([event(6, "x.y", 1)])
        done = self.succeed("stream", "--since", 2, "--limit", 1, "--server", self.url)
        self.assertIn(b"x.y", done.stdout)
        self.assertIn(b"going on behind 2", done.stderr)

    def test_stream_json_is_what_the_server_sent(self):
        self.answer([event(3, "gap", {"dropped": 2})])
        line = self.run_model("stream", "--json", "--limit", 1)
        self.assertEqual(json.loads(line)["data"], {"dropped": 2})
        self.assertEqual(line.count("\n"), 1)

    def test_stream_ends_at_a_signal_with_0_and_at_a_refusal_with_1(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.answer([event(1, "a", {}), None])
            running = subprocess.Popen([cli.BINARY, "stream", "--server", self.url], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=cli.clean_environment())
            self.assertIn(b"  a  {}", running.stdout.readline())
            begun = time.monotonic()
            running.send_signal(number)
            _, errors = running.communicate(timeout=20)
            self.assertEqual((running.returncode, errors), (0, b""))
            self.assertLess(time.monotonic() - begun, 5)
        self.answer({"error": "forbidden", "message": "not for this key"}, status=403)
        self.assertIn("not for this key", self.fail_with(1, "stream", "--server", self.url))


if __name__ == "__main__":
    cli.main()
