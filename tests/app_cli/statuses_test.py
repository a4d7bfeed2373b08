"""Every status that docs/openapi.yaml documents for a route is produced: here against the real server, with the
requests that the description gives as examples, or by a unit test that is named here and must be there.
"""
import collections
import json
import pathlib
import re
import socket
import threading
import unittest

import cli
import openapi
from live_server import TidyServer

PROJECT = pathlib.Path(__file__).resolve().parents[2]
STALLED_MS = 300
BODY_BUDGET = 1 << 20

# What only a fake can bring about: the test that does, for one route, or for all that document the status.
BY_UNIT_TESTS = {
    503: "Statuses.every_route_that_says_so_answers_503_while_the_log_is_replayed",
    507: "Statuses.every_route_that_says_so_answers_507_on_a_full_disk",
    202: "JobCall.answers_202_at_the_deadline_and_what_became_of_it_when_it_is_done",
    ("POST", "/v1/vector/{collection}/import", 408): "ExchangeStreamTest.a_client_that_sends_nothing_is_told_408",
    ("POST", "/v1/vector/{collection}/import", 413): "ImportRowsTest.a_line_may_be_so_long_and_no_longer",
    ("POST", "/v1/vector/{collection}/import", 429): "ImportRouteTest.past_as_many_as_may_run_is_429",
    ("GET", "/v1/stream", 429): "EventHubTest.there_are_only_so_many_streams_and_who_leaves_makes_room",
    ("GET", "/v1/events", 429): "EventHubTest.there_are_only_so_many_streams_and_who_leaves_makes_room",
    ("GET", "/v1/vector/{collection}/export", 429): "ExportStreamTest.so_many_run_at_a_time_and_no_more",
    **{(method, path, 429): "Statuses.every_route_without_a_body_that_says_so_answers_429_when_too_much_waits"
       for method, path in (("DELETE", "/v1/vector/{collection}"), ("GET", "/v1/state"), ("DELETE", "/v1/state"),
                            ("DELETE", "/v1/state/{key}"), ("DELETE", "/v1/doc/{collection}"),
                            ("DELETE", "/v1/doc/{collection}/{id}"))},
    410: "VectorRoutes.vectors_that_an_archive_dropped_are_null_and_no_examples",
}

NAMES = {"collection": "docs", "id": "first", "key": "config%2Ftheme"}
QUERIES = {"GET /v1/vector/{collection}/get": "id=first", "DELETE /v1/state": "prefix=config/"}
WRONG_ROLE = {"query": "ingest", "ingest": "query", "admin": "query"}


FREE_FORM = {"value", "doc", "data"}  # Members that are what a client wrote.
ANSWERS_WITH_EXAMPLES = 16  # At least so many are JSON.


def is_like(example, answer):
    """Whether they have the same members, at every depth. Of lists the first elements are compared, if both have one."""
    if isinstance(example, dict) and isinstance(answer, dict):
        return list(example) == list(answer) and all(
            name in FREE_FORM or is_like(example[name], answer[name]) for name in example)
    if isinstance(example, list) and isinstance(answer, list):
        return not example or not answer or is_like(example[0], answer[0])
    return type(example) is type(answer) or example is None or answer is None


def path_of(operation, **names):
    path = re.sub(r"{(\w+)}", lambda match: (NAMES | names)[match[1]], operation.path)
    query = QUERIES.get(operation.name)
    return f"{path}?{query}" if query else path


class StatusesTest(cli.CliTest):
    @classmethod
    def setUpClass(cls):
        cls.operations = openapi.operations((PROJECT / "docs" / "openapi.yaml").read_text())

    def setUp(self):
        super().setUp()
        self.produced = collections.defaultdict(set)
        self.wrong = []
        self.compared = 0
        flags = ("--collection", "docs", "--dim", "3", "--metric", "cosine")
        self.server = self.start("data", *flags, "--sql")
        self.hurried = self.start("hurried", *flags, "--request-timeout-ms", STALLED_MS,
                                  "--body-bytes-in-flight-max", BODY_BUDGET)
        self.admin = self.server.connect()
        self.keys = {role: self.make_key([role]) for role in ("query", "ingest", "admin")}
        for row in ({"id": "first", "vector": [1, 0, 0.1], "meta": {"title": "First", "year": 2024}},
                    {"id": "second", "vector": [0, 1, 0.1]}, {"id": 3, "vector": [0.9, 0.1, 0.1]}):
            self.done(self.admin.post("/v1/vector/docs/upsert", row))
        self.done(self.admin.ask("PUT", "/v1/doc/docs/kept", {"title": "Deleted with its collection only"}))

    def start(self, name, *flags):
        server = TidyServer(cli.BINARY, self.folder / name, *flags, environment=cli.clean_environment()).start()
        self.addCleanup(server.end)
        return server

    def done(self, answer):
        self.assertEqual(answer.status, 200, answer)
        return answer

    def make_key(self, roles):
        return self.done(self.admin.post("/v1/admin/keys", {"name": "made", "roles": roles})).json["key"]

    def ask(self, operation, path, body=None, headers=None, key="admin", server=None):
        """A connection of its own: refused bodies end theirs."""
        connection = (server or self.server).connect(key=server.key if server else self.keys.get(key))
        return connection.ask(operation.method, path, body, headers)

    def note(self, operation, answer, wanted):
        if wanted in operation.statuses:
            if answer.status != wanted:
                self.wrong.append(f"{operation.name}: {wanted} is described, not {answer}")
            elif wanted >= 400:
                self.check_envelope(operation, answer)
        if answer.status in operation.statuses:
            self.produced[operation.name].add(answer.status)

    def check_envelope(self, operation, answer):
        code = "code" if operation.path.startswith("/v2/") else "error"
        self.assertEqual(set(answer.json) - {"details"}, {code, "message", "request_id"}, operation.name)

    def test_every_documented_status_is_produced(self):
        self.refusals()
        self.successes()
        self.assertGreaterEqual(self.compared, ANSWERS_WITH_EXAMPLES)
        missing = self.wrong
        for operation in self.operations:
            self.assertTrue(operation.statuses, f"{operation.name} has no status")
            for status in operation.statuses:
                named = (operation.method, operation.path, status)
                if status not in self.produced[operation.name] and not {named, status} & set(BY_UNIT_TESTS):
                    missing.append(f"{operation.name}: {status}")
        self.assertFalse(missing, "documented, and not produced:\n" + "\n".join(missing))

    def refusals(self):
        for operation in self.operations:
            path = path_of(operation)
            self.bad_request(operation, path)
            if operation.role != "public":
                self.note(operation, self.ask(operation, path, operation.example, key=None), 401)
                self.note(operation, self.ask(operation, path, operation.example, key=WRONG_ROLE[operation.role]), 403)
            if 404 in operation.statuses:
                self.absent(operation)
            if 408 in operation.statuses and "import" not in path:
                self.note(operation, self.stalled(operation, path), 408)
            if operation.has_body:
                self.note(operation, self.ask(operation, path, b"x", {"Content-Type": "text/plain"}), 415)
                if "import" not in path:
                    self.note(operation, self.too_large(operation, path), 413)
                if 429 in operation.statuses and "import" not in path:
                    self.note(operation, self.over_budget(operation, path), 429)
            if 409 in operation.statuses:
                self.conflict(operation, path)

    def bad_request(self, operation, path):
        headers = {"Content-Type": "application/json"}
        if operation.has_body:
            answer = self.ask(operation, path, b"{", headers | ({"Content-Type": "application/x-ndjson"}
                                                                 if "import" in path else {}))
        elif operation.path.startswith("/v2/"):
            answer = self.raw(self.server, operation, path, "x-api-key: a\r\nx-api-key: b\r\n")
        else:
            answer = self.ask(operation, path + ("&" if "?" in path else "?") + "nonsense=1")
        self.note(operation, answer, 400)

    def absent(self, operation):
        names = {name: "absent" for name in re.findall(r"{(\w+)}", operation.path)}
        body = operation.example
        if operation.path == "/v1/admin/compact":
            body = {"collection": "absent"}
        if operation.path == "/v1/batch":
            body = {"operations": [{"op": "vector.delete", "collection": "docs", "id": "absent"}]}
        if "import" in operation.path:
            answer = self.ask(operation, path_of(operation, **names), b'{"id":1,"vector":[1,2,3]}\n',
                              {"Content-Type": "application/x-ndjson"})
        elif operation.path.startswith("/v1/sql/"):
            answer = self.ask(operation, operation.path, body, server=self.hurried)  # It has no --sql.
        else:
            answer = self.ask(operation, path_of(operation, **names), body)
        self.note(operation, answer, 404)

    def conflict(self, operation, path):
        """Its Idempotency-Key was another request's; a snapshot has its name already."""
        if operation.name == "POST /v1/admin/snapshot":
            self.done(self.admin.post(path, {"name": "taken"}))
            self.note(operation, self.ask(operation, path, {"name": "taken"}), 409)
            return
        taken = self.server.connect(key=self.keys["admin"])
        first = {"id": "other", "vector": [1, 1, 1]}
        self.done(taken.post("/v1/vector/docs/upsert?durability=relaxed", first, {"Idempotency-Key": "taken"}))
        if operation.name == "POST /v1/vector/{collection}":
            path = path_of(operation, collection="fresh")  # One that is there as asked for is 200 in any case.
        headers = {"Idempotency-Key": "taken"}
        self.note(operation, self.ask(operation, path, operation.example, headers), 409)

    def raw(self, server, operation, path, fields, sent=b""):
        """The answer to a request that no client would send."""
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as opened:
            head = f"{operation.method} {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n"
            opened.sendall(head.encode())
            sender = threading.Thread(target=self.send, args=(opened, sent))
            sender.start()
            received = b""
            while b"\r\n\r\n" not in received:
                piece = opened.recv(65536)
                if not piece:
                    break
                received += piece
            answer_head, _, body = received.partition(b"\r\n\r\n")
            length = int(re.search(rb"(?i)content-length: (\d+)", answer_head)[1])
            while len(body) < length:
                body += opened.recv(65536)
            opened.shutdown(socket.SHUT_RDWR)
            sender.join()
        return RawAnswer(int(answer_head.split()[1]), body)

    @staticmethod
    def send(opened, sent):
        try:
            opened.sendall(sent)
        except OSError:
            pass  # The server has said no and hung up.

    def fields(self, server, length):
        return (f"Authorization: Bearer {server.key}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {length}\r\n")

    def stalled(self, operation, path):
        return self.raw(self.hurried, operation, path, self.fields(self.hurried, 10))

    def too_large(self, operation, path):
        return self.raw(self.server, operation, path, self.fields(self.server, 1 << 40))

    def over_budget(self, operation, path):
        size = 3 * BODY_BUDGET
        return self.raw(self.hurried, operation, path, self.fields(self.hurried, size), b" " * size)

    def successes(self):
        """In the order of the description; what is put comes before what is read, and deletions come last, of one thing
        before those of many."""
        turns = {"PUT": 0, "DELETE": 2}
        ordered = sorted(self.operations, key=lambda o: (
            turns.get(o.method, 1), -o.path.count("{") if o.method == "DELETE" else 0, "vector" in o.path))
        ordered.sort(key=lambda o: o.name == "DELETE /v1/vector/{collection}")
        for operation in ordered:
            body, headers = operation.example, {}
            if "import" in operation.path:
                body, headers = b'{"id":9,"vector":[1,2,3]}\n', {"Content-Type": "application/x-ndjson"}
            answer = self.ask(operation, path_of(operation, **self.made(operation)), body, headers)
            self.note(operation, answer, operation.statuses[0])
            if operation.answer is not None and not isinstance(operation.answer, str):
                self.compared += 1
                if not is_like(operation.answer, answer.json):
                    self.wrong.append(f"{operation.name}: {operation.answer} is described, not {answer.json}")

    def made(self, operation):
        """Names of what is there: a job and a key."""
        if operation.path == "/v1/admin/jobs/{id}":
            return {"id": self.done(self.admin.get("/v1/admin/jobs")).json["jobs"][0]["job_id"]}
        if operation.path == "/v1/admin/keys/{id}":
            return {"id": self.make_key(["query"]).split(".")[0]}
        return {}

    def test_the_unit_tests_that_are_named_are_there(self):
        sources = "".join(path.read_text() for path in (PROJECT / "tests").rglob("*_test.cpp"))
        for name in set(BY_UNIT_TESTS.values()):
            suite, test = name.split(".")
            self.assertTrue(re.search(rf"TEST(_F|_P)?\({suite},\s*{test}\)", sources), f"no unit test {name}")

    def test_what_is_bound_to_a_unit_test_is_documented(self):
        documented = {(operation.method, operation.path, status)
                      for operation in self.operations for status in operation.statuses}
        for bound in BY_UNIT_TESTS:
            if isinstance(bound, int):
                self.assertTrue(any(status == bound for _, _, status in documented), bound)
            else:
                self.assertIn(bound, documented)


class RawAnswer:
    def __init__(self, status, body):
        self.status = status
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:300])


if __name__ == "__main__":
    cli.main()
