#include "sql/sql_model.hpp"

#include <chrono>
#include <condition_variable>
#include <future>
#include <gtest/gtest.h>
#include <mutex>

#include "sqlite/file_mark.hpp"
#include "support/sql_store.hpp"

namespace vibrato::sql {
namespace {

class SqlModelTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(store_.open()); }

  void restart() {
    store_.close();
    ASSERT_OK(store_.open());
  }

  SystemClock clock_;
  io::SimulatedFileSystem fs_;
  test::SqlStore store_{fs_, clock_};
};

TEST_F(SqlModelTest, a_statement_is_seen_by_the_next_query_and_after_a_restart) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"));
  EXPECT_EQ(store_.last_outcome.rows_affected, 0U);
  const auto committed = store_.exec("INSERT INTO t(b) VALUES (?1), (?2)", R"(["x", 2.5])");
  ASSERT_OK(committed);
  EXPECT_EQ(committed->last_lsn, Lsn(2));
  EXPECT_EQ(store_.last_outcome.rows_affected, 2U);
  EXPECT_EQ(store_.last_outcome.last_insert_id, 2);
  EXPECT_EQ(store_.query("SELECT * FROM t ORDER BY a"), "1|x 2|2.5");
  restart();
  EXPECT_EQ(store_.query("SELECT * FROM t ORDER BY a"), "1|x 2|2.5");
}

TEST_F(SqlModelTest, parameters_keep_their_types) {
  EXPECT_EQ(store_.query("SELECT typeof(?1), typeof(?2), typeof(?3), typeof(?4), typeof(?5), ?2, ?6",
                         R"([null, true, 9007199254740993, 1.0, "x", 18446744073709551615])"),
            "null|integer|integer|real|text|1|1.8446744073709552e+19");
}

TEST_F(SqlModelTest, parameters_that_are_too_few_or_too_many_or_no_values_are_refused) {
  EXPECT_EQ(store_.query("SELECT ?1", "[]"), "error: params: the statement takes 1, there are 0");
  EXPECT_EQ(store_.query("SELECT 1", "[1]"), "error: params: the statement takes 0, there are 1");
  EXPECT_CODE(parse_parameters("[[]]"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(parse_parameters("{}"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(parse_parameters("[1"), ErrorCode::kInvalidArgument);
}

TEST_F(SqlModelTest, parameters_and_text_have_their_caps) {
  const auto many = [](std::size_t count) {
    std::string json = "[0";
    for (std::size_t i = 1; i < count; ++i) json += ",0";
    return json + "]";
  };
  EXPECT_OK(parse_parameters(many(limits::kSqlParametersMax - 1)));
  EXPECT_OK(parse_parameters(many(limits::kSqlParametersMax)));
  EXPECT_CODE(parse_parameters(many(limits::kSqlParametersMax + 1)), ErrorCode::kInvalidArgument);
  for (const std::size_t size : {limits::kSqlRequestBytesMax - 1, limits::kSqlRequestBytesMax}) {
    EXPECT_OK(check_statement(std::string(size, 'x')));
  }
  EXPECT_CODE(check_statement(std::string(limits::kSqlRequestBytesMax + 1, 'x')), ErrorCode::kPayloadTooLarge);
  const auto text = [](std::size_t size) { return "[\"" + std::string(size, 'x') + "\"]"; };
  EXPECT_OK(parse_parameters(text(limits::kSqlValueBytesMax - 1)));
  EXPECT_OK(parse_parameters(text(limits::kSqlValueBytesMax)));
  EXPECT_CODE(parse_parameters(text(limits::kSqlValueBytesMax + 1)), ErrorCode::kPayloadTooLarge);
  const auto blank = [](std::size_t size) { return "[" + std::string(size - 2, ' ') + "]"; };
  EXPECT_OK(parse_parameters(blank(limits::kSqlParameterBytesMax - 1)));
  EXPECT_OK(parse_parameters(blank(limits::kSqlParameterBytesMax)));
  EXPECT_CODE(parse_parameters(blank(limits::kSqlParameterBytesMax + 1)), ErrorCode::kPayloadTooLarge);
}

TEST_F(SqlModelTest, a_query_gives_at_most_the_rows_that_it_asked_for) {
  constexpr std::string_view kRows =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?1) SELECT i FROM n";
  for (const std::uint32_t rows : {limits::kSqlRowsMax - 1, limits::kSqlRowsMax, limits::kSqlRowsMax + 1}) {
    test::SqlTextSink sink;
    const auto end = store_.query(std::string(kRows), fmt::format("[{}]", rows), sink);
    ASSERT_OK(end);
    EXPECT_EQ(sink.rows, std::min(rows, limits::kSqlRowsMax));
    EXPECT_EQ(end->truncated, rows > limits::kSqlRowsMax);
  }
}

TEST_F(SqlModelTest, a_statement_that_fails_leaves_no_trace) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a INTEGER PRIMARY KEY)"));
  const Lsn before = store_.log().end().last_lsn;
  ASSERT_OK(store_.exec("INSERT INTO t VALUES (5)"));
  EXPECT_CODE(store_.exec("INSERT OR FAIL INTO t VALUES (6), (7), (5)"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(store_.exec("INSERT OR ROLLBACK INTO t VALUES (6), (7), (5)"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(store_.exec("INSERT INTO nothing VALUES (1)"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(store_.exec("SELECT 1"), ErrorCode::kInvalidArgument);
  EXPECT_CODE(store_.exec("INSERT INTO t VALUES (9) RETURNING a"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_.log().end().last_lsn, before.next());
  EXPECT_EQ(store_.query("SELECT * FROM t"), "5");
  restart();
  EXPECT_EQ(store_.query("SELECT * FROM t"), "5");
}

TEST_F(SqlModelTest, time_and_chance_of_a_statement_are_those_of_its_record) {
  ASSERT_OK(store_.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP, n, r, b, j, e)"));
  ASSERT_OK(
      store_.exec("INSERT INTO t(n, r, b, j, e) SELECT datetime('now'), random(), randomblob(9), julianday('now'), "
                  "strftime('%s') FROM (SELECT 1 UNION ALL SELECT 2)"));
  ASSERT_OK(store_.exec("UPDATE t SET r = r + random() WHERE id = 2"));
  const std::string rows = store_.query("SELECT * FROM t");
  EXPECT_EQ(store_.query("SELECT count(DISTINCT r) + count(DISTINCT b) + count(DISTINCT n) FROM t"), "5");
  EXPECT_EQ(store_.query("SELECT abs(e - strftime('%s','now')) < 60, at = n FROM t WHERE id = 1"), "1|1");
  // The file is lost: all of it comes again from the log.
  store_.close();
  ASSERT_OK(fs_.remove_file("/data/sql.db"));
  (void)fs_.remove_file("/data/sql.db-wal");
  ASSERT_OK(store_.open());
  EXPECT_EQ(store_.query("SELECT * FROM t"), rows);
}

TEST_F(SqlModelTest, statements_of_one_round_see_each_other_and_go_alone) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"));
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::vector<std::shared_ptr<ExecOutcome>> outcomes;
  for (int i = 0; i < 100; ++i) {
    auto outcome = outcomes.emplace_back(std::make_shared<ExecOutcome>());
    // Each third fails, in ways that take a statement or the whole transaction back.
    const std::string sql = i % 3 != 2   ? "INSERT INTO t(b) VALUES ((SELECT count(*) FROM t))"
                            : i % 2 == 0 ? "INSERT OR ROLLBACK INTO t(a) VALUES (1000 + 1), (1)"
                                         : "INSERT INTO t(a) VALUES (2000), (1)";
    auto write = make_exec(store_.model(), {sql, "[]", 0}, outcome);
    ASSERT_OK(write);
    ASSERT_OK(store_.sequencer().submit(std::move(write).value(), commit::Durability::kSynced,
                                        [&](const Result<commit::Committed>& done) { ++(done.ok() ? good : bad); }));
  }
  store_.sequencer().stop();
  EXPECT_EQ(good, 67);
  EXPECT_EQ(bad, 33);
  EXPECT_EQ(store_.query("SELECT count(*), min(a - b), max(a - b) FROM t"), "67|1|1");
  restart();
  EXPECT_EQ(store_.query("SELECT count(*), min(a - b), max(a - b) FROM t"), "67|1|1");
}

TEST_F(SqlModelTest, saving_makes_the_file_durable_up_to_what_is_visible) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a)"));
  ASSERT_OK(store_.exec("INSERT INTO t VALUES (1)"));
  EXPECT_LT(store_.model().durable_lsn(), Lsn(2));
  ASSERT_OK(store_.model().save(Lsn(2)));
  EXPECT_EQ(store_.model().durable_lsn(), Lsn(2));
  restart();
  EXPECT_EQ(store_.model().durable_lsn(), Lsn(2));
}

TEST_F(SqlModelTest, a_capture_is_the_file_of_one_moment) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a)"));
  ASSERT_OK(store_.exec("INSERT INTO t VALUES (1)"));
  auto capture = store_.model().capture();
  ASSERT_OK(capture);
  ASSERT_OK(store_.exec("INSERT INTO t VALUES (2)"));
  EXPECT_EQ((*capture)->applied_lsn(), Lsn(2));
  ASSERT_OK(fs_.create_directory("/copy"));
  ASSERT_OK((*capture)->copy_to("/copy/sql.db"));
  capture->reset();
  auto copy = sqlite::Connection::open(store_.vfs(), "/copy/sql.db");
  ASSERT_OK(copy);
  const auto mark = sqlite::read_file_mark(**copy);
  ASSERT_OK(mark);
  EXPECT_EQ(*mark, 2U);
  auto count = (*copy)->prepare("SELECT count(*) FROM t");
  ASSERT_OK(count);
  auto rows = count->run();
  ASSERT_OK(rows.next());
  EXPECT_EQ(rows.i64(0), 1);
  EXPECT_EQ(store_.query("SELECT * FROM t"), "1 2");
}

TEST_F(SqlModelTest, a_statement_past_its_deadline_is_taken_back) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a)"));
  const std::int64_t soon = clock_.monotonic_ns() + 50'000'000;
  EXPECT_CODE(store_.exec("INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n",
                          "[]", soon),
              ErrorCode::kTimeout);
  test::SqlTextSink sink;
  EXPECT_CODE(store_.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT count(*) FROM n", "[]",
                           sink, clock_.monotonic_ns() + 50'000'000),
              ErrorCode::kTimeout);
  EXPECT_EQ(store_.query("SELECT count(*) FROM t"), "0");
  ASSERT_OK(store_.exec("INSERT INTO t VALUES (1)"));
}

TEST_F(SqlModelTest, a_deferred_reference_that_is_broken_fails_its_statement_not_the_commit) {
  ASSERT_OK(store_.exec("CREATE TABLE p(a INTEGER PRIMARY KEY)"));
  ASSERT_OK(store_.exec("CREATE TABLE c(a REFERENCES p DEFERRABLE INITIALLY DEFERRED)"));
  EXPECT_CODE(store_.exec("INSERT INTO c VALUES (1)"), ErrorCode::kInvalidArgument);
  ASSERT_OK(store_.exec("INSERT INTO p VALUES (1)"));
  ASSERT_OK(store_.exec("INSERT INTO c VALUES (1)"));
  EXPECT_CODE(store_.exec("DELETE FROM p"), ErrorCode::kInvalidArgument);
  EXPECT_OK(store_.model().health());
}

TEST_F(SqlModelTest, the_last_rowid_is_refused_since_the_next_would_be_random) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a INTEGER PRIMARY KEY)"));
  EXPECT_CODE(store_.exec("INSERT INTO t VALUES (9223372036854775807)"), ErrorCode::kInvalidArgument);
  ASSERT_OK(store_.exec("INSERT INTO t VALUES (9223372036854775806)"));
  EXPECT_CODE(store_.exec("UPDATE t SET a = 9223372036854775807"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_.query("SELECT a FROM t"), "9223372036854775806");
}

TEST_F(SqlModelTest, what_has_nothing_to_do_is_a_statement_without_effect) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"));
  const auto migrate = [&] {
    for (const auto* sql :
         {"CREATE TABLE IF NOT EXISTS t(a)", "CREATE INDEX IF NOT EXISTS i ON t(b)",
          "-- A comment.\n create trigger\tIF NOT EXISTS r AFTER INSERT ON t BEGIN SELECT 1; END;",
          "CREATE VIEW IF NOT EXISTS v AS SELECT 1", "DROP TABLE IF EXISTS gone", "DROP INDEX IF EXISTS gone",
          "/* It. */ Drop Trigger IF EXISTS gone", "DROP VIEW IF EXISTS gone"}) {
      const Lsn before = store_.log().end().last_lsn;
      const auto done = store_.exec(sql);
      ASSERT_OK(done) << sql;
      EXPECT_EQ(done->last_lsn, before.next());
      EXPECT_EQ(store_.last_outcome.rows_affected, 0U);
      EXPECT_EQ(store_.last_outcome.last_insert_id, 0);
    }
  };
  migrate();
  const std::string schema = store_.query("SELECT name, sql FROM sqlite_schema ORDER BY 1");
  migrate();
  EXPECT_EQ(store_.query("SELECT name, sql FROM sqlite_schema ORDER BY 1"), schema);
  EXPECT_CODE(store_.exec("DROP TABLE IF EXISTS gone", "[1]"), ErrorCode::kInvalidArgument);
  for (const auto* sql : {"VACUUM", "DROP TABLE gone", "DROP TABLE IF EXISTS gone; VACUUM", "EXPLAIN VACUUM"}) {
    EXPECT_CODE(store_.exec(sql), ErrorCode::kInvalidArgument) << sql;
  }
  EXPECT_EQ(store_.query("DROP TABLE IF EXISTS gone").substr(0, 6), "error:");
  store_.close();
  ASSERT_OK(fs_.remove_file("/data/sql.db"));
  (void)fs_.remove_file("/data/sql.db-wal");
  ASSERT_OK(store_.open());
  EXPECT_EQ(store_.query("SELECT name, sql FROM sqlite_schema ORDER BY 1"), schema);
}

// SQLite asks nobody about the functions of a DEFAULT.
TEST_F(SqlModelTest, a_default_that_would_differ_when_it_is_replayed_is_refused) {
  ASSERT_OK(store_.exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"));
  ASSERT_OK(store_.exec("CREATE TABLE x(id INTEGER PRIMARY KEY, n DEFAULT (total_changes()) CHECK (n > 0))"));
  ASSERT_OK(store_.exec("INSERT INTO t(b) VALUES (1)"));
  const Lsn before = store_.log().end().last_lsn;
  const auto refused = store_.exec("INSERT INTO x(id) VALUES (1)");
  EXPECT_CODE(refused, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.status().message(), "sql: the function total_changes is not allowed here");
  EXPECT_EQ(store_.log().end().last_lsn, before);
  ASSERT_OK(store_.exec("INSERT INTO x VALUES (1, 5)"));
  restart();
  EXPECT_CODE(store_.exec("INSERT INTO x(id) VALUES (2)"), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_.query("SELECT * FROM x"), "1|5");
  EXPECT_OK(store_.model().health());
  ASSERT_OK(store_.exec("CREATE TABLE y(id INTEGER PRIMARY KEY, n DEFAULT (round(cos(0))))"));
  EXPECT_EQ(store_.query("SELECT cos(0), round(log(2, 8)), sqlite_version() > '3', typeof(pi())"), "1|3|1|real");
  EXPECT_CODE(store_.exec("INSERT INTO y(id) VALUES (1)"), ErrorCode::kInvalidArgument);
}

TEST_F(SqlModelTest, functions_that_are_allowed_work_wherever_a_schema_has_them) {
  ASSERT_OK(store_.exec(
      "CREATE TABLE t(a INTEGER PRIMARY KEY, j TEXT DEFAULT (replace('[1,[2],y]', 'y', quote(upper('x')))), "
      "k TEXT DEFAULT (iif(1, coalesce(NULL, printf('%03d', 7)), 0)), at DEFAULT (date(0, 'unixepoch')), "
      "first AS (substr(j, 2, 1)) STORED, last AS (replace(trim(j, '[]'), ',', '')), CHECK (j LIKE '[%'), "
      "CHECK (likely(length(k) = 3)))"));
  ASSERT_OK(store_.exec("CREATE INDEX i ON t(lower(last), format('%s', j), hex(j)) WHERE instr(j, '2') > 0"));
  ASSERT_OK(store_.exec("INSERT INTO t(a) VALUES (1)"));
  EXPECT_EQ(store_.query("SELECT * FROM t WHERE lower(last) > '1[2]' AND instr(j, '2') > 0"),
            R"(1|[1,[2],'X']|007|1970-01-01|1|1[2]'X')");
  EXPECT_CODE(store_.exec("INSERT INTO t(j) VALUES ('{')"), ErrorCode::kInvalidArgument);
  ASSERT_OK(store_.exec("ALTER TABLE t RENAME COLUMN j TO doc"));
  ASSERT_OK(store_.exec("ALTER TABLE t RENAME TO u"));
  ASSERT_OK(store_.exec("ALTER TABLE u ADD COLUMN c CHECK (c IS NULL OR round(c) > 1)"));
  ASSERT_OK(store_.exec("ALTER TABLE u DROP COLUMN at"));
  restart();
  ASSERT_OK(store_.exec("INSERT INTO u(a, doc) VALUES (2, '[2,3]')"));
  ASSERT_OK(store_.exec("REINDEX"));
  EXPECT_EQ(store_.query("SELECT * FROM u"), R"(1|[1,[2],'X']|007|1|1[2]'X'|null 2|[2,3]|007|2|23|null)");
}

TEST_F(SqlModelTest, functions_of_json_answer_as_those_of_sqlite) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(json_array(json('[1]'), '[1]', NULL, 1.5, json_object('a', json('{}'))))",
       R"([[1],"[1]",null,1.5,{"a":{}}])"},
      {R"(json_set('{"a":1}', '$.b', json('[2]'), '$.a', '[3]'))", R"({"a":"[3]","b":[2]})"},
      {R"(json_insert('{"a":1}', '$.a', 2, '$.b', json_array(3)))", R"({"a":1,"b":[3]})"},
      {R"(json_replace('{"a":1}', '$.a', json('{"x":1}'), '$.b', 2))", R"({"a":{"x":1}})"},
      {R"(json_remove('[0,1,2]', '$[0]', '$[1]'))", "[1]"},
      {R"(json_patch('{"a":1,"b":2}', '{"a":null}'))", R"({"b":2})"},
      {R"(json_array(json_patch('{}', '{"a":1}')))", R"([{"a":1}])"},
      {R"(json_array('{"a":[1]}' -> '$.a', '{"a":[1]}' ->> '$.a', '[7]' -> 0, '[7]' ->> 0))", R"([[1],"[1]",7,7])"},
      {R"(json_array(json_extract('{"a":{"b":1}}', '$.a'), json_extract('[1,2]', '$[0]', '$[1]')))",
       R"([{"b":1},[1,2]])"},
      {R"(json_group_array(json_array(1)))", "[[1]]"},
      {R"(json_quote(json('[1]')) || json_quote('[1]'))", R"([1]"[1]")"},
      {R"(json_type('[1.5]', '$[0]') || json_type('{}') || json_valid('[') || json_array_length('[1,[2,3]]', '$[1]'))",
       "realobject02"},
      {R"(printf('%s|%5.2f|%d', json(' [ 1 ] '), 1.5, 7) || format('%q', 'it''s'))", "[1]| 1.50|7it''s"},
      {R"(json_extract(NULL, '$.a') IS NULL AND json_array_length('[1,2]') = 2)", "1"},
  };
  for (const auto& [expression, wanted] : cases) {
    EXPECT_EQ(store_.query(std::string("SELECT ") + expression), wanted) << expression;
  }
  EXPECT_EQ(store_.query("SELECT json_extract('{', '$.a')"), "error: sql: malformed JSON");
  EXPECT_EQ(store_.query("SELECT sum(value), count(*) FROM json_each('[1,2]')"), "3|2");
  ASSERT_OK(store_.exec("CREATE TABLE t(a)"));
  EXPECT_EQ(store_.query("SELECT count(*) FROM json_tree('{\"a\":[1]}')"), "3");
}

// Stands still; who looks at its time of deadlines may have to wait.
class GateClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ms() const override { return 1'700'000'000'000; }
  [[nodiscard]] std::int64_t monotonic_ns() const override {
    std::unique_lock lock(mutex_);
    is_waited_at_ = is_shut_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_shut_; });
    return 0;
  }
  void set_shut(bool shut) {
    const std::lock_guard lock(mutex_);
    is_shut_ = shut;
    changed_.notify_all();
  }
  void wait_for_waiter() const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_waited_at_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool is_shut_ = false;
  mutable bool is_waited_at_ = false;
};

TEST(SqlModel, queries_do_not_wait_for_a_statement_that_writes) {
  io::SimulatedFileSystem fs;
  sqlite::Vfs vfs(fs);
  GateClock clock;
  commit::VisibleLsn visible;
  const commit::RoundTime time(clock);
  ASSERT_OK(fs.create_directory("/data"));
  SqlModel::Options options;
  options.clock = &clock;
  auto model = SqlModel::open(vfs, "/data", visible, time, std::move(options));
  ASSERT_OK(model);
  ASSERT_OK((*model)->load());
  clock.set_shut(true);
  auto statement =
      std::async(std::launch::async, [&] { return (*model)->run("CREATE TABLE t(a)", {}, {.lsn = Lsn(1)}).status(); });
  clock.wait_for_waiter();
  auto asked = std::async(std::launch::async, [&] {
    EXPECT_OK((*model)->health());
    EXPECT_EQ((*model)->durable_lsn(), Lsn());
    test::SqlTextSink rows;
    Query query;
    query.statement = "SELECT 1";
    EXPECT_OK((*model)->query(query, rows));
    EXPECT_EQ(rows.text, "1");
  });
  EXPECT_EQ(asked.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  clock.set_shut(false);
  EXPECT_OK(statement.get());
}

}  // namespace
}  // namespace vibrato::sql
