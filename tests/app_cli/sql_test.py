"""SQL over HTTP, line by line of its contract: queries, statements, parameters, caps, what the sandbox refuses."""
import subprocess
import threading
import time

import cli
import live_server
from served_test import ServedTest

QUERY, EXEC = "/v1/sql/query", "/v1/sql/exec"
# Each is refused by query and by exec, whatever else they allow.
NEVER_ALLOWED = (
    "ATTACH DATABASE 'other.db' AS other", "ATTACH ':memory:' AS m", "DETACH DATABASE main", "PRAGMA journal_mode",
    "PRAGMA journal_mode = OFF", "PRAGMA writable_schema = 1", "PRAGMA user_version", "VACUUM", "VACUUM INTO 'copy.db'",
    "SELECT load_extension('evil')", "SELECT * FROM pragma_table_info('t')", "SELECT * FROM pragma_database_list",
    "SELECT writefile('x', 'y')", "SELECT readfile('/etc/passwd')", "SELECT edit('x')", "BEGIN", "BEGIN IMMEDIATE",
    "COMMIT", "ROLLBACK", "SAVEPOINT s", "RELEASE s", "SELECT fts3_tokenizer('x')", "", " ", ";", "-- nothing",
    "nonsense", "SELECT", "SELECT * FROM nowhere", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE t",
    "CREATE VIRTUAL TABLE v USING dbstat", "SELECT * FROM dbstat", "SELECT * FROM sqlite_dbpage",
    "UPDATE sqlite_master SET sql = ''", "DELETE FROM sqlite_schema", "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN "
    "SELECT load_extension('y'); END", "EXPLAIN ATTACH 'x' AS y")
ONLY_EXEC = ("INSERT INTO t VALUES (1, 'x')", "UPDATE t SET a = 1", "DELETE FROM t", "CREATE TABLE u (a)", "DROP TABLE t",
             "ALTER TABLE t ADD COLUMN c", "REPLACE INTO t VALUES (1, 'x')", "CREATE INDEX i ON t (a)",
             "WITH w AS (SELECT 1) INSERT INTO t SELECT *, 'x' FROM w", "INSERT INTO t VALUES (1, 'x') RETURNING a")


class SqlTest(ServedTest):
    FLAGS = ("--sql", "--request-timeout-ms", 5000)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        api = cls.server.connect()
        assert api.post(EXEC, {"sql": "CREATE TABLE t (a INTEGER, b TEXT)"}).status == 200

    def setUp(self) -> None:
        super().setUp()
        self.run_sql("DELETE FROM t")

    def run_sql(self, sql: str, *params) -> dict:
        return self.ok("POST", EXEC, {"sql": sql} | ({"params": list(params)} if params else {}))

    def query(self, sql: str, *params) -> list:
        return self.ok("POST", QUERY, {"sql": sql, "params": list(params)})["rows"]

    # ---- Shapes ----
    def test_a_query_answers_columns_rows_and_whether_it_was_cut(self):
        self.run_sql("INSERT INTO t VALUES (?, ?)", 1, "one")
        said = self.ok("POST", QUERY, {"sql": "SELECT a, b FROM t"})
        self.assertEqual(said, {"columns": ["a", "b"], "rows": [{"a": 1, "b": "one"}], "truncated": False})
        self.assertEqual(self.ok("POST", QUERY, {"sql": "SELECT a FROM t WHERE 0"}),
                         {"columns": ["a"], "rows": [], "truncated": False})

    def test_an_exec_answers_what_it_did_and_its_lsn(self):
        before = self.end_of_log()
        said = self.run_sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
        self.assertEqual(said.keys(), {"rows_affected", "last_insert_id", "lsn"})
        self.assertEqual((said["rows_affected"], said["last_insert_id"]), (2, 2))
        self.assertGreater(said["lsn"], before)
        self.assertEqual(self.run_sql("UPDATE t SET b = 'c' WHERE a = 2")["rows_affected"], 1)
        self.assertEqual(self.run_sql("UPDATE t SET b = 'c' WHERE a = 9")["rows_affected"], 0)
        for sql in ("CREATE TABLE made (a)", "CREATE INDEX made_a ON made (a)", "ALTER TABLE made ADD COLUMN b",
                    "DROP TABLE made"):
            self.assertEqual(self.run_sql(sql)["rows_affected"], 0, sql)
        self.assertEqual(self.run_sql("DELETE FROM t")["rows_affected"], 2)

    def test_values_of_every_kind(self):
        rows = self.query("SELECT NULL AS n, 1 AS i, -9223372036854775808 AS low, 1.5 AS r, 'x' AS s, x'00ff10' AS b, "
                          "9e999 AS inf, -9e999 AS low_inf, '' AS empty")
        self.assertEqual(rows, [{"n": None, "i": 1, "low": -(1 << 63), "r": 1.5, "s": "x", "b": "AP8Q", "inf": None,
                                 "low_inf": None, "empty": ""}])
        self.assertEqual(self.query("SELECT x'00' AS one")[0]["one"], "AA", "without padding")

    def test_parameters_are_bound_by_position_and_kind(self):
        rows = self.query("SELECT ? AS a, typeof(?1) AS ta, ?2 AS b, typeof(?2) AS tb, ?3 AS c, typeof(?3) AS tc, "
                          "?4 AS d, typeof(?4) AS td, ?5 AS e, typeof(?5) AS te", 7, 1.5, "x'; DROP TABLE t", True, None)
        self.assertEqual(rows, [{"a": 7, "ta": "integer", "b": 1.5, "tb": "real", "c": "x'; DROP TABLE t", "tc": "text",
                                 "d": 1, "td": "integer", "e": None, "te": "null"}])
        self.assertEqual(self.query("SELECT typeof(?) AS t", (1 << 64) - 1), [{"t": "real"}])
        self.assertEqual(self.query("SELECT ? AS v", False), [{"v": 0}])
        for params in ([[]], [{}], "x", {"a": 1}, 7):
            for path in (QUERY, EXEC):
                self.refused(400, "invalid_argument", "POST", path, {"sql": "SELECT ?", "params": params},
                             words=("params",))
        for params in ([], [1, 2]):
            self.refused(400, "invalid_argument", "POST", QUERY, {"sql": "SELECT ? AS v", "params": params})
        self.ok("POST", QUERY, {"sql": "SELECT 1", "params": None})

    def test_reading_in_every_way_is_a_query(self):
        self.run_sql("INSERT INTO t VALUES (1, 'x')")
        for sql in ("select a from t", "  SELECT a FROM t", "-- said\nSELECT a FROM t",
                    "WITH w AS (SELECT 1 AS a) SELECT a FROM w",
                    "VALUES (1)", "SELECT a FROM t;", "SELECT count(*) AS a FROM t GROUP BY b",
                    "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 3) SELECT a FROM n LIMIT 1"):
            self.assertEqual(len(self.query(sql)), 1, sql)

    # ---- Caps ----
    def numbers(self, count: int, what: str = "a") -> str:
        return ("WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < %d) SELECT %s FROM n" %
                (count, what))

    def test_a_query_answers_10000_rows_at_most(self):
        for count, truncated in ((9_999, False), (10_000, False), (10_001, True)):
            said = self.ok("POST", QUERY, {"sql": self.numbers(count)})
            self.assertEqual((len(said["rows"]), said["truncated"]), (min(count, 10_000), truncated))
            self.assertEqual(said["rows"][-1]["a"], min(count, 10_000))

    def test_an_answer_has_16_mebibytes_at_most(self):
        said = self.ok("POST", QUERY, {"sql": self.numbers(20, "a, hex(zeroblob(524288)) AS h")})
        self.assertTrue(said["truncated"])
        self.assertTrue(10 <= len(said["rows"]) < 17, len(said["rows"]))
        self.assertFalse(self.ok("POST", QUERY, {"sql": self.numbers(14, "hex(zeroblob(524288)) AS h")})["truncated"])

    def test_a_statement_has_64_kibibytes_and_1000_parameters_at_most(self):
        most = 64 << 10
        for length, status in ((most - 1, 200), (most, 200), (most + 1, 413)):
            sql = "SELECT 1 AS a --" + "x" * (length - 16)
            self.assertEqual(self.api.post(QUERY, {"sql": sql}).status, status)
        self.assertEqual(self.api.post(EXEC, {"sql": "DELETE FROM t --" + "x" * (most - 15)}).status, 413)
        for count, status in ((999, 200), (1000, 200), (1001, 400)):
            sql = "SELECT 1 WHERE 1 IN (%s)" % ",".join("?" * count)
            self.ask("POST", QUERY, {"sql": sql, "params": [1] * count}, status=status)

    def test_a_statement_that_takes_too_long_is_ended(self):
        endless = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n) "
        began = time.monotonic()
        self.refused(408, "timeout", "POST", QUERY, {"sql": endless + "SELECT count(*) FROM n"})
        self.assertLess(time.monotonic() - began, 20)
        self.refused(408, "timeout", "POST", EXEC,
                     {"sql": "INSERT INTO t SELECT a, 'x' FROM (%s SELECT a FROM n)" % endless})
        self.assertEqual(self.query("SELECT count(*) AS n FROM t"), [{"n": 0}])
        self.run_sql("INSERT INTO t VALUES (1, 'after')")

    # ---- What is refused ----
    def test_what_is_not_allowed_is_an_invalid_argument_and_logs_nothing(self):
        self.run_sql("INSERT INTO t VALUES (1, 'kept')")

        def asked():
            for sql in NEVER_ALLOWED:
                for path in (QUERY, EXEC):
                    self.refused(400, "invalid_argument", "POST", path, {"sql": sql})
            for sql in ONLY_EXEC:
                self.refused(400, "invalid_argument", "POST", QUERY, {"sql": sql})

        self.logs_nothing(asked)
        self.assertEqual(self.query("SELECT a, b FROM t"), [{"a": 1, "b": "kept"}])
        names = [row["name"] for row in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")]
        self.assertIn("t", names)
        self.assertNotIn("u", names)

    def test_an_exec_that_yields_rows_is_refused_and_does_nothing(self):
        def asked():
            for sql in ("SELECT 1", "VALUES (1)", "SELECT a FROM t", "INSERT INTO t VALUES (1, 'x') RETURNING a"):
                self.refused(400, "invalid_argument", "POST", EXEC, {"sql": sql})

        self.logs_nothing(asked)
        self.assertEqual(self.query("SELECT a FROM t"), [])

    def test_a_migration_that_is_run_twice_does_nothing_the_second_time(self):
        for _ in range(2):
            for sql in ("CREATE TABLE IF NOT EXISTS moved (a)", "CREATE INDEX IF NOT EXISTS moved_a ON moved (a)",
                        "CREATE TRIGGER IF NOT EXISTS moved_t AFTER INSERT ON moved BEGIN SELECT 1; END",
                        "DROP TABLE IF EXISTS never_there", "DROP INDEX IF EXISTS never_there"):
                self.assertEqual(self.run_sql(sql)["rows_affected"], 0, sql)
        self.run_sql("ALTER TABLE moved RENAME COLUMN a TO b")
        self.run_sql("DROP TABLE moved")

    def test_a_statement_of_the_command_line_is_utf8(self):
        remote = ["--server", "http://127.0.0.1:%d" % self.server.port, "--key", self.server.key]
        done = subprocess.run([cli.BINARY, "sql", "-", *remote], input=b"SELECT '\xff'", capture_output=True, timeout=60,
                              env=cli.clean_environment())
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"UTF-8", done.stderr)

    def test_an_exec_that_fails_leaves_nothing(self):
        self.run_sql("CREATE TABLE IF NOT EXISTS one (a INTEGER PRIMARY KEY)")
        self.run_sql("DELETE FROM one")
        self.run_sql("INSERT INTO one VALUES (3)")

        def asked():
            self.refused(400, "invalid_argument", "POST", EXEC, {"sql": "INSERT INTO one VALUES (1), (2), (3)"})
            self.refused(400, "invalid_argument", "POST", EXEC, {"sql": "INSERT OR FAIL INTO one VALUES (1), (3)"})

        self.logs_nothing(asked)
        self.assertEqual(self.query("SELECT a FROM one"), [{"a": 3}])

    def test_the_fields(self):
        for path in (QUERY, EXEC):
            good = {"sql": "SELECT 1" if path == QUERY else "DELETE FROM t"}
            self.check_body_rules("POST", path, good, ("sql",))
            for sql in (7, None, [], {}, True):
                self.refused(400, "invalid_argument", "POST", path, {"sql": sql}, words=("sql",))

    # ---- Time and chance are of the record ----
    def test_time_and_random_are_the_same_after_a_restart(self):
        self.run_sql("CREATE TABLE drawn (r INTEGER, t TEXT, b BLOB)")
        for _ in range(5):
            self.run_sql("INSERT INTO drawn VALUES (random(), datetime('now'), randomblob(8))")
        before = self.query("SELECT r, t, b FROM drawn ORDER BY rowid")
        self.assertEqual(len({row["r"] for row in before}), 5)
        self.server.kill()
        self.server.start()
        api = self.server.connect()
        self.assertEqual(api.post(QUERY, {"sql": "SELECT r, t, b FROM drawn ORDER BY rowid"}).json["rows"], before)
        self.assertEqual(api.post(EXEC, {"sql": "DROP TABLE drawn"}).status, 200)

    # ---- What holds for every write and read ----
    def test_an_acknowledged_write_is_read_at_once_by_anyone(self):
        others = [self.server.connect() for _ in range(3)]
        for number in range(30):
            self.run_sql("INSERT INTO t VALUES (?, 'x')", number)
            for api in others:
                rows = api.post(QUERY, {"sql": "SELECT count(*) AS n FROM t"}).json["rows"]
                self.assertEqual(rows, [{"n": number + 1}])

    def test_counting_up_by_many_clients_misses_none(self):
        self.run_sql("INSERT INTO t VALUES (0, 'count')")
        faults = []

        def count():
            api = self.server.connect()
            for _ in range(25):
                answer = api.post(EXEC, {"sql": "UPDATE t SET a = a + 1 WHERE b = 'count'"})
                if answer.status != 200 or answer.json["rows_affected"] != 1:
                    faults.append(answer)

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.assertEqual(self.query("SELECT a FROM t"), [{"a": 200}])

    def test_idempotency_keys_relaxed_writes_and_reads_that_wait(self):
        self.check_idempotency("POST", EXEC, {"sql": "INSERT INTO t VALUES (1, 'once')"}, {"sql": "DELETE FROM t"})
        self.assertEqual(self.query("SELECT count(*) AS n FROM t"), [{"n": 1}])
        self.check_relaxed("POST", EXEC, {"sql": "INSERT INTO t VALUES (2, 'x')"})
        self.ok("POST", QUERY, {"sql": "SELECT 1", "min_lsn": self.end_of_log()})
        self.refused(408, "timeout", "POST", QUERY, {"sql": "SELECT 1", "min_lsn": 1 << 62})

    def test_roles_and_keys(self):
        query, ingest = self.make_key("query"), self.make_key("ingest")
        scoped = self.make_key("query", "ingest", collections=["docs"])
        for connection, wanted in ((query, (200, 403)), (ingest, (403, 200)), (scoped, (403, 403)),
                                   (self.server.connect(None), (401, 401))):
            said = (connection.post(QUERY, {"sql": "SELECT 1"}).status,
                    connection.post(EXEC, {"sql": "DELETE FROM t"}).status)
            self.assertEqual(said, wanted)
        for path in (QUERY, EXEC):
            self.refused(405, "method_not_allowed", "GET", path)


class WithoutSqlTest(ServedTest):
    def test_there_is_no_sql_without_the_flag(self):
        for path in (QUERY, EXEC):
            for body in ({"sql": "SELECT 1"}, {"sql": "SELECT ?", "params": [[]]}, {"sql": 7}):
                self.refused(404, "not_found", "POST", path, body, words=("--sql",))

    def test_what_is_in_the_file_is_kept_while_it_is_off(self):
        folder = self.folder / "switched"
        server = live_server.TidyServer(cli.BINARY, folder, "--sql", environment=cli.clean_environment())
        self.addCleanup(server.end)
        server.start()
        api = server.connect()
        for sql in ("CREATE TABLE t (a)", "INSERT INTO t VALUES (1)"):
            self.assertEqual(api.post(EXEC, {"sql": sql}).status, 200)
        self.assertEqual(server.stop(), 0)
        without = live_server.TidyServer(cli.BINARY, folder, key=server.key, environment=cli.clean_environment())
        self.addCleanup(without.end)
        without.start()
        self.assertEqual(without.connect().ask("PUT", "/v1/state/a", {"value": 1}).status, 200)
        self.assertEqual(without.stop(), 0)
        server.start()
        self.assertEqual(server.connect().post(QUERY, {"sql": "SELECT a FROM t"}).json["rows"], [{"a": 1}])


if __name__ == "__main__":
    cli.main()
