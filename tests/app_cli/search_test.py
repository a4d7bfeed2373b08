"""vibratod search against a made server: what it sends, what it prints."""
import http.server
import json
import socket
import threading
import unittest

import cli


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Content-Type"], json.loads(body)))
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


class SearchTest(cli.CliTest):
    ANSWER = b'{"results":[{"id":7,"score":0.98765},{"id":0,"score":-1.5}],"query_time_ms":0.4049}'

    def setUp(self):
        super().setUp()
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.server.requests = []
        self.server.answer = (200, self.ANSWER)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def test_prints_time_and_hits(self):
        done = self.succeed("search", "--server", self.url, "--query", "0.5,-1,2", "-k", 3, "--ef", 70)
        self.assertEqual(done.stdout.decode(),
                         "Query time: 0.40ms\nResults:\n  ID: 7, Score: 0.9877\n  ID: 0, Score: -1.5000\n")
        self.assertEqual(self.server.requests,
                         [("/search", "application/json", {"vector": [0.5, -1.0, 2.0], "k": 3, "ef": 70})])

    def test_defaults_are_k_10_and_ef_50(self):
        self.succeed("search", "-q", "1", VIBRATO_SERVER=self.url)
        self.assertEqual(self.server.requests[0][2], {"vector": [1.0], "k": 10, "ef": 50})

    def test_the_query_comes_from_a_file_or_stdin(self):
        file = self.write("query.json", '{"vector": [1, 2], "k": 99}')
        self.succeed("search", "--server", self.url, "--query-file", file)
        self.succeed("search", "--server", self.url, stdin=b"[1, 2]\n")
        self.assertEqual([request[2] for request in self.server.requests],
                         [{"vector": [1.0, 2.0], "k": 10, "ef": 50}] * 2)

    def test_a_server_that_does_not_answer_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as stuck:  # Takes the connection and the request, no more.
            url = f"http://127.0.0.1:{stuck.getsockname()[1]}"
            for command in (["search", "-q", "1"], ["key-list", "--key", "k"], ["snapshot-create", "--name", "s"]):
                message = self.fail_with(1, *command, "--server", url, "--timeout-ms", 200)
                self.assertIn("gave up after 200 ms; --timeout-ms waits longer", message)
        self.fail_with(2, "search", "-q", "1", "--timeout-ms", 0)

    def test_json_is_the_answer_as_it_is(self):
        done = self.succeed("search", "--server", self.url, "-q", "1", "--json")
        self.assertEqual(done.stdout, self.ANSWER + b"\n")

    HITS = b'{"hits":[{"id":"a","score":1,"meta":{"n":1}}],"took_us":1250,"explain":[{"segment":"hot","rows":3}]}'

    def search_docs(self, *arguments, **options):
        self.server.answer = (200, self.HITS)
        done = self.succeed("search", "--server", self.url, "--collection", "docs", *arguments, **options)
        return done.stdout.decode(), self.server.requests[-1]

    def test_a_filter_is_sent_as_it_is_written(self):
        filter_text = '{"key": "n", "match": {"value": 18446744073709551615}}'
        file = self.write("filter.json", filter_text + "\n")
        for given in (filter_text, f"@{file}"):
            _, request = self.search_docs("-q", "1", "--filter", given, "--include-meta", "--explain", "--exact",
                                          "--offset", 2, "--group-by", "kind")
            self.assertEqual(request, ("/v1/vector/docs/search", "application/json", {
                "vector": [1.0], "k": 10, "filter": json.loads(filter_text), "include_meta": True, "explain": True,
                "exact": True, "offset": 2, "group_by": "kind"}))

    def test_a_point_may_be_the_query(self):
        _, request = self.search_docs("--id", "7", "-k", 1)
        self.assertEqual(request[2], {"id": 7, "k": 1})
        _, request = self.search_docs("--id", '"7"', "-k", 1)
        self.assertEqual(request[2], {"id": "7", "k": 1})

    def test_hits_of_a_collection_are_a_table(self):
        text, _ = self.search_docs("-q", "1")
        self.assertEqual(text, '#  ID    SCORE  META\n1  "a"  1.0000  {"n":1}\n\n'
                               "segment  rows\nhot         3\n\n1 hit in 1.25 ms\n")
        self.assertEqual(self.search_docs("-q", "1", "--format", "table")[0], text)

    def test_both_spellings_of_json_print_the_answer(self):
        for flags in (["--json"], ["--format", "json"]):
            self.assertEqual(self.search_docs("-q", "1", *flags)[0].encode(), self.HITS + b"\n")

    def test_wrong_flags_of_a_search_are_wrong_usage(self):
        to_docs = ["search", "--server", self.url, "--collection", "docs"]
        self.assertIn("--filter is not valid JSON", self.fail_with(2, *to_docs, "-q", "1", "--filter", "n=1"))
        self.fail_with(2, *to_docs, "-q", "1", "--format", "xml")
        self.fail_with(2, *to_docs, "-q", "1", "--id", "7")
        self.fail_with(2, *to_docs, "-q", "1", "--format", "table", "--json")
        for flags in (["--filter", "{}"], ["--explain"], ["--include-meta"], ["--exact"], ["--offset", 1],
                      ["--group-by", "a"]):
            message = self.fail_with(2, "search", "--server", self.url, "-q", "1", *flags)
            self.assertIn("give --collection", message)
        self.assertEqual(self.server.requests, [])
        self.assertIn("no-file", self.fail_with(1, *to_docs, "-q", "1", "--filter", "@no-file"))

    def test_an_error_of_the_server_goes_to_stderr(self):
        self.server.answer = (400, b'{"error":"dim is 3"}')
        error = self.fail_with(1, "search", "--server", self.url, "-q", "1")
        self.assertIn('the server answered 400: {"error":"dim is 3"}', error)

    def test_an_answer_of_something_else_is_an_error(self):
        self.server.answer = (200, b"<html>")
        self.assertIn("not that of a search", self.fail_with(1, "search", "--server", self.url, "-q", "1"))

    def test_a_server_that_is_not_there_is_an_error(self):
        self.assertIn("cannot connect", self.fail_with(1, "search", "--server", "http://127.0.0.1:1", "-q", "1"))

    def test_a_query_without_numbers_is_wrong_usage(self):
        self.assertIn("no numbers", self.fail_with(2, "search", "--server", self.url, stdin=b" \n"))
        self.assertIn("element 1", self.fail_with(2, "search", "--server", self.url, "-q", "1,nan"))
        self.assertEqual(self.server.requests, [])


if __name__ == "__main__":
    cli.main()
