"""Where options of serve-v2 come from, and what is refused: every flag with every kind of bad value, as a flag, as a
variable and in the file; exit 2, a message that names flag, value and source, and nothing made."""
import os
import re
import socket
import subprocess

import cli
import live_server

# The table is written down a second time on purpose: a flag that is new has to be thought of here.
NUMBERS = {
    "dim": (1, 16384), "port": (0, 65535), "threads": (0, 1024), "request-timeout-ms": (1, 3600000),
    "connections-max": (1, 1000000), "body-bytes-max": (1024, 2**32), "body-bytes-in-flight-max": (2**20, 2**50),
    "dim-max": (1, 16384), "k-max": (1, 10000), "wal-segment-bytes": (2**20, 2**50), "wal-retain-bytes": (0, 2**50),
    "wal-retain-hours": (0, 878400), "wal-max-bytes": (2**20, 2**50), "idempotency-hours": (1, 878400),
    "memory-budget-bytes": (0, 2**50), "tail-budget-bytes": (2**20, 2**50), "hot-part-bytes": (2**20, 2**50),
    "state-cache-bytes": (0, 2**50),
    "disk-reserve-bytes": (0, 2**50), "ingest-queue-capacity": (1, 1000000), "checkpoint-interval-secs": (1, 86400),
    "compaction-interval-secs": (1, 86400), "compaction-bytes-per-pass": (2**20, 2**50),
    "background-io-mb-per-sec": (0, 1000000), "background-threads": (1, 1024), "query-threads": (0, 1024),
    "query-queue-max": (1, 1000000), "orphan-ttl-hours": (0, 878400), "quarantine-max-files": (0, 1000000),
    "quarantine-max-bytes": (0, 2**50), "sqlite-wal-autocheckpoint-pages": (1, 1000000),
    "audit-events-max": (1, 100000000), "catalog-read-timeout-ms": (0, 3600000), "hot-index-shards": (0, 2**32 - 1),
    "scrub-interval-secs": (0, 31622400), "scrub-mb-per-sec": (0, 1000000),
}
SWITCHES = {"insecure", "no-auth", "bootstrap-admin-key", "public-health-metrics", "audio-colocated", "sql"}
WORDS = {"metric": "cosine,dot,l2", "vector-madvise-mode": "normal,random", "log-level": "debug,info,warning,error,off"}
# Flag: bad values and a word of the message.
TEXTS = {
    "collection": (["a/b", ".x", "x" * 65, "ä"], "a name is 1 to 64"),
    "host": (["example.com", "256.0.0.1", "127.0.0.1:80", "-1"], "neither an IP address nor localhost"),
    "tls-cert": (["x"], "--tls-key"),
    "tls-key": (["x"], "--tls-cert"),
    "cors-origin": (["app.example", "https://", "https://a/b", "https://a b"], "is no origin"),
    "compaction-tombstone-ratio": (["-1", "abc", "1.1", "0", "nan", "inf", "1e999"], "not in range 0.01 to 1"),
}
OTHERS = {"data-dir", "config", "help"}


def variable(flag):
    return "VIBRATO_" + flag.upper().replace("-", "_")


def bad_values():
    """Flag, value, what the message must have besides the flag."""
    for flag, (low, high) in NUMBERS.items():
        values = ["abc", "-1", "1.5", str(high + 1), "99999999999999999999", "1x", "nan"]
        if low > 0:
            values.append(str(low - 1))
        for value in values:
            yield flag, value, f"Value {value} not in range {low} to {high}"
    for flag in SWITCHES:
        for value in ("yes", "1", "TRUE", "-1"):
            yield flag, value, f"'{value}' is neither true nor false"
    for flag, words in WORDS.items():
        for value in ("x", "-1", words.split(",")[0] + "x"):
            yield flag, value, f"{value} not in {{{words}}}"
    for flag, (values, word) in TEXTS.items():
        for value in values:
            yield flag, value, word


class FlagsTest(cli.CliTest):
    def setUp(self):
        super().setUp()
        self.data = self.folder / "db"

    def refused(self, *arguments, **variables):
        message = self.fail_with(2, "serve-v2", "--data-dir", self.data, *arguments, **variables)
        self.assertFalse(self.data.exists(), message)
        self.assertRegex(message, r"\Avibratod(?: serve-v2)?: ", "a line of its own, no log")
        return message

    def config(self, text):
        return self.write("c.toml", text)

    # ---- Bad values ----
    def test_the_table_has_every_flag_of_the_help(self):
        text = self.succeed("serve-v2", "--help").stdout.decode()
        flags = set(re.findall(r"^ +(?:-\w,)?--([a-z0-9-]+)", text, re.MULTILINE))
        self.assertEqual(flags, set(NUMBERS) | SWITCHES | set(WORDS) | set(TEXTS) | OTHERS)

    def test_a_bad_value_of_a_flag_names_flag_value_and_what_is_allowed(self):
        for flag, value, words in bad_values():
            message = self.refused(f"--{flag}={value}")
            self.assertIn(f"--{flag}", message)
            self.assertIn(words, message)
            self.assertNotIn("VIBRATO_", message, "it is the flag")

    def test_a_bad_value_of_a_variable_names_the_variable(self):
        checked = 0
        for flag, value, words in bad_values():
            if flag in TEXTS and flag != "compaction-tombstone-ratio":
                continue  # Their messages are about the option, wherever it comes from: below.
            message = self.refused(**{variable(flag): value})
            self.assertIn(f"--{flag}", message)
            self.assertIn(words, message)
            self.assertIn(variable(flag), message)
            checked += 1
        self.assertGreater(checked, 200)
        for flag, (values, words) in TEXTS.items():
            self.assertIn(words, self.refused(**{variable(flag): values[0]}))

    def test_a_bad_value_in_the_file_names_file_and_key(self):
        for flag, value, words in bad_values():
            if flag in TEXTS and flag != "compaction-tombstone-ratio":
                continue
            path = self.config(f'[serve-v2]\n{flag} = "{value}"\n')
            message = self.refused("--config", path)
            self.assertIn(words, message)
            self.assertIn(f"'{flag}' in {path}", message)

    def test_an_empty_value_is_refused_and_not_taken_for_none(self):
        for flag in sorted(set(NUMBERS) | SWITCHES | set(WORDS) | set(TEXTS) | {"config"}):
            for arguments in ([f"--{flag}", ""], [f"--{flag}="]):
                self.assertIn(f"--{flag}: the value is empty", self.refused(*arguments))
        for arguments in (["--data-dir", ""], ["--data-dir="]):
            self.assertIn("--data-dir: the value is empty", self.fail_with(2, "serve-v2", *arguments))
        self.assertIn("'no-auth' has no value", self.refused("--config", self.config("no-auth =\n")))
        self.assertIn("'port' has no value", self.refused("--config", self.config('port = ""\n')))

    def test_a_flag_without_its_value_or_given_twice_is_named(self):
        self.assertIn("--port: 1 required", self.refused("--port"))
        self.assertIn("--port", self.refused("--port", "1", "--port", "2"))
        self.assertIn("--prot", self.refused("--prot", "1"))
        self.assertIn("extra", self.refused("extra"))

    # ---- Paths ----
    def test_paths_that_cannot_be_are_named_with_their_flag(self):
        file = self.write("file", "x")
        for path, words in ((file, "is not a folder"), (self.folder / "no" / "db", "cannot find"),
                            (file / "db", "--data-dir: ")):
            message = self.fail_with(2, "serve-v2", "--port", 0, "--data-dir", path)
            self.assertIn("--data-dir: ", message)
            self.assertIn(words, message)
            self.assertIn(str(path), message)
        for arguments, flag in ((["--tls-cert", self.folder / "none", "--tls-key", file], "--tls-cert"),
                                (["--tls-cert", file, "--tls-key", self.folder / "none"], "--tls-key"),
                                (["--tls-cert", self.folder, "--tls-key", file], "--tls-cert")):
            self.assertIn(flag + ": ", self.refused(*arguments))

    # ---- The file ----
    def test_what_is_wrong_with_the_file_is_named_with_the_file(self):
        for text, words in (("prot = 1\n", "'prot' is not an option of serve-v2"),
                            ("[serve-v2]\ndim-maximum = 1\n", "'dim-maximum' is not an option of serve-v2"),
                            ("[serve_v2]\nport = 1\n", "the section [serve_v2] is not named after a command"),
                            ("[servev2]\n", "the section [servev2] is not named after a command"),
                            ("[serve-v2.tls]\ncert = 1\n", "the section [serve-v2.tls] is not named after a command"),
                            ("[serve-v2\nport = 1\n", "'[serve-v2' is not an option"),
                            ("port = 1\nport = 2\n", "--port: At Most 1 required but received 2"),
                            ("port = 1\n[serve-v2]\nport = 2\n", "'port' comes twice"),
                            ("config = x\n", "config"), ("\x01\x02\x7fgarbage\n", "line 1: expected 'some-name = value', found '???garbage'"),
                            ("port = 1\n[serve-v2]\ndim 4\n", "line 3: expected 'some-name = value', found 'dim 4'")):
            path = self.config(text)
            message = self.refused("--config", path)
            self.assertIn(str(path), message, text)
            self.assertIn(words, message, text)

    def test_a_file_that_cannot_be_read_is_named_with_where_it_was_given(self):
        absent = self.folder / "absent.toml"
        for path in (absent, self.folder):
            self.assertIn(f"--config: {path} was not readable", self.refused("--config", path))
            self.assertIn(f"VIBRATO_CONFIG: {path} was not readable", self.refused(VIBRATO_CONFIG=str(path)))
        if os.geteuid() != 0:
            closed = self.config("port = 0\n")
            closed.chmod(0)
            self.assertIn(str(closed), self.refused("--config", closed))
            self.assertIn("VIBRATO_CONFIG", self.refused(VIBRATO_CONFIG=str(closed)))

    # ---- Which source wins ----
    def start(self, *flags, **variables):
        server = live_server.TidyServer(cli.BINARY, self.data, *flags, environment=cli.clean_environment(**variables))
        self.addCleanup(server.end)
        return server.start()

    def test_flags_win_over_the_environment_and_that_over_the_file(self):
        path = self.config('collection = "of-file"\n[serve-v2]\ndim = 3\nmetric = "l2"\nk-max = 5\n[ingest]\ndim = 9\n')
        server = self.start("--config", path, "--collection", "of-flag", VIBRATO_COLLECTION="of-variable",
                            VIBRATO_METRIC="cosine")
        info = server.connect().get("/v1/vector").json["collections"]
        self.assertEqual([(one["collection"], one["dim"], one["metric"]) for one in info], [("of-flag", 3, "cosine")])
        search = lambda k: server.connect().post("/v1/vector/of-flag/search", {"vector": [1, 2, 3], "k": k}).status
        self.assertEqual((search(5), search(6)), (200, 400))
        self.assertEqual(server.stop(), 0)
        server = self.start(VIBRATO_CONFIG=str(path), VIBRATO_DIM="4", VIBRATO_K_MAX="6", VIBRATO_NO_AUTH="true")
        self.assertEqual(server.connect().get("/v1/vector/of-file").json["dim"], 4)
        nobody = server.connect(None)
        self.assertEqual(nobody.post("/v1/vector/of-file/search", {"vector": [1, 2, 3, 4], "k": 6}).status, 200)
        self.assertEqual(server.stop(), 0)
        server = self.start("--no-auth", "false", VIBRATO_NO_AUTH="true", VIBRATO_K_MAX="")
        self.assertEqual(server.connect(None).get("/v1/vector").status, 401)
        self.assertEqual(server.stop(), 0)

    def test_a_bad_value_that_a_better_source_overrules_does_no_harm(self):
        path = self.config("[serve-v2]\nport = 99999\n")
        self.assertIn("99999", self.refused("--config", path))
        server = self.start("--config", path, VIBRATO_DIM="abc", *("--dim", 2))
        self.assertEqual(server.stop(), 0)

    # ---- Who may come in ----
    def test_a_host_that_others_reach_needs_tls_or_insecure(self):
        certificate, key = live_server.make_certificate(self.folder, "a")
        tls = ["--tls-cert", certificate, "--tls-key", key]
        for host in ("0.0.0.0", "::", "10.0.0.1"):
            self.assertIn("--insecure", self.refused("--host", host))
            self.assertIn("--insecure", self.refused(VIBRATO_HOST=host))
            self.assertIn("--insecure", self.refused("--config", self.config(f'host = "{host}"\n')))
            self.assertIn("--insecure", self.refused("--host", host, "--insecure", "false"))
            for more in ([], ["--insecure"], tls, tls + ["--insecure"]):
                self.assertIn("--no-auth", self.refused("--host", host, "--no-auth", *more))
        server = self.start("--host", "0.0.0.0", "--insecure")
        self.assertEqual(server.scheme, "http")
        self.assertEqual(server.connect(None).get("/v1/vector").status, 401)
        self.assertEqual(server.connect().get("/v1/vector").status, 200)
        self.assertEqual(server.stop(), 0)

    def test_no_auth_is_for_every_spelling_of_loopback(self):
        hosts = ["127.0.0.1", "localhost", "127.0.0.2"]
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
            hosts.append("::1")
        except OSError:
            pass  # A machine without IPv6.
        for host in hosts:
            process = subprocess.Popen([cli.BINARY, "serve-v2", "--data-dir", self.data, "--port", "0", "--no-auth",
                                        "--host", host], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       env=cli.clean_environment())
            line = process.stdout.readline().decode()
            self.assertRegex(line, r"\Alistening on http://\S+:\d+\n\Z", host)
            port = int(line.rsplit(":", 1)[1])
            with socket.create_connection((host, port), timeout=30) as client:
                client.sendall(b"GET /v1/vector HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = client.makefile("rb").read()
            self.assertRegex(answer[:12].decode(), r"HTTP/1.1 (200|503)", host)
            process.terminate()
            process.communicate(timeout=40)
            self.assertEqual(process.returncode, 0, host)


if __name__ == "__main__":
    cli.main()
