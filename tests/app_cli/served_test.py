"""For tests that ask one running server over HTTP: it is started once for a class of tests and ends with it."""
import json
import pathlib
import shutil
import tempfile
import unittest
from typing import Optional
from urllib.parse import quote

import cli
import live_server

NEVER = 1 << 62   # An LSN that no log reaches.


def path_of(*parts: str) -> str:
    """A path of which each part after the first is encoded whole."""
    return "/".join([parts[0], *(quote(part, safe="") for part in parts[1:])])


def text_of_bytes(count: int) -> str:
    """A string that is so many bytes as JSON text."""
    return "x" * (count - 2)


def nested(levels: int, opening: str = "[") -> str:
    """JSON text of so many levels."""
    if opening == "[":
        return "[" * levels + "]" * levels
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


class ServedTest(unittest.TestCase):
    FLAGS: tuple = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="vibrato_served_"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.server = live_server.TidyServer(cli.BINARY, cls.folder / "db", *cls.FLAGS,
                                            environment=cli.clean_environment())
        cls.addClassCleanup(cls.server.end)
        cls.server.start()

    def setUp(self) -> None:
        self.api = self.server.connect()
        self.addCleanup(self.api.close)

    # ---- Asking ----
    def ask(self, method: str, path: str, body=None, headers: Optional[dict] = None, status: int = 200):
        answer = self.api.ask(method, path, body, headers)
        self.assertEqual(answer.status, status, "%s %s %r: %r" % (method, path, str(body)[:300], answer))
        return answer

    def ok(self, method: str, path: str, body=None, headers: Optional[dict] = None):
        """The JSON of a 200."""
        return self.ask(method, path, body, headers).json

    def refused(self, status: int, code: str, method: str, path: str, body=None, headers: Optional[dict] = None,
                words: tuple = ()):
        """An error as every error is; returns its JSON."""
        answer = self.ask(method, path, body, headers, status)
        said = answer.json
        self.assertEqual(said["error"], code, "%s %s %r: %r" % (method, path, str(body)[:300], answer))
        self.assertLessEqual(said.keys(), {"error", "message", "details", "request_id"})
        self.assertLessEqual({"error", "message", "request_id"}, said.keys())
        for word in words:
            self.assertIn(word, said["message"])
        return said

    def end_of_log(self) -> int:
        """The LSN of a write that is now the last; the next write has a greater one."""
        return self.ok("PUT", "/v1/state/end-of-log", {"value": 0})["lsn"]

    def logs_nothing(self, asked) -> None:
        """What `asked` does leaves no record."""
        before = self.end_of_log()
        asked()
        self.assertEqual(self.end_of_log(), before + 1)

    def make_key(self, *roles: str, collections: Optional[list] = None):
        """A connection with such a key."""
        body = {"name": "made", "roles": list(roles)} | ({} if collections is None else {"collections": collections})
        connection = self.server.connect(self.ok("POST", "/v1/admin/keys", body)["key"])
        self.addCleanup(connection.close)
        return connection

    # ---- What holds for every route ----
    def check_body_rules(self, method: str, path: str, good: dict, required: tuple = ()) -> None:
        """Of a route whose body is an object of known fields: the order of checks, and what is no JSON."""
        wrong = path + ("&" if "?" in path else "?") + "mistyped=1"
        self.refused(400, "unknown_field", method, wrong, b"{", {"Content-Type": "text/plain"}, ("mistyped",))
        self.refused(415, "unsupported_media_type", method, path, b"{", {"Content-Type": "text/plain"})
        for body in (b"", b"{", b"nonsense", b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"{} {}",
                     b'{"a":' + nested(32).encode() + b"}"):
            self.refused(400, "invalid_json", method, path, body)
        for body in ([], "text", 7, None, True):
            self.refused(400, "invalid_argument", method, path, json.dumps(body).encode())
        self.refused(400, "unknown_field", method, path, good | {"mistyped": 1}, words=("mistyped",))
        for name in required:
            rest = {key: value for key, value in good.items() if key != name}
            self.refused(400, "invalid_argument", method, path, rest, words=(name,))

    def check_idempotency(self, method: str, path: str, body, other) -> None:
        """The first answer again for the same request, 409 for another; refused ones are not remembered."""
        name = "%s of %s" % (method, self.id())
        first = self.ask(method, path, body, {"Idempotency-Key": name})
        before = self.end_of_log()
        again = self.ask(method, path, body, {"Idempotency-Key": name})
        self.assertEqual(again.body, first.body)
        self.refused(409, "conflict", method, path, other, {"Idempotency-Key": name})
        self.assertEqual(self.end_of_log(), before + 1, "nothing else was logged")
        for bad in ("", "k" * 257):
            self.refused(400, "invalid_argument", method, path, body, {"Idempotency-Key": bad})

    def check_relaxed(self, method: str, path: str, body=None) -> None:
        """`durability` is said when it is relaxed, and is one of two words."""
        self.refused(400, "invalid_argument", method, path + "?durability=maybe", body, words=("durability",))
        said = self.ok(method, path + "?durability=relaxed", body)
        self.assertEqual(said["durability"], "relaxed")
        self.assertNotIn("durability", self.ok(method, path + "?durability=synced", body))

    def check_min_lsn(self, path: str) -> None:
        """Of a GET."""
        mark = "&" if "?" in path else "?"
        self.ok("GET", "%s%smin_lsn=%d" % (path, mark, self.end_of_log()))
        for bad in ("-1", "x", "1.5", ""):
            self.refused(400, "invalid_argument", "GET", path + mark + "min_lsn=" + bad, words=("min_lsn",))
        self.refused(400, "invalid_argument", "GET", path + mark + "min_lsn=1&min_lsn=1", words=("min_lsn",))
        self.refused(408, "timeout", "GET", "%s%smin_lsn=%d" % (path, mark, NEVER))
