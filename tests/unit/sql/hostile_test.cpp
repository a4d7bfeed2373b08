// Statements of someone who means harm (hostile_statements.txt, hostile_schemas.txt): each is refused, or harmless.
// After each of them
//   - no file is there that was not there before, the settings hold, and the model takes statements;
//   - the answer came in time, and the file's LSN is that of the log;
//   - what was refused has left nothing, neither in the file nor in the log;
//   - the log alone gives the same rows again.
#include <ctime>
#include <fstream>
#include <gtest/gtest.h>

#include "support/source_dir.hpp"
#include "support/sql_store.hpp"

namespace vibrato::sql {
namespace {

constexpr std::int64_t kTimeLimitNs = 200'000'000;
constexpr double kPatience = 4;  // Seconds of the processor: the machine may have other work. Also for a sanitizer.

double processor_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Line {
  std::string place;
  char wanted = '*';
  std::vector<std::string> steps;
};

std::vector<Line> read_lines(const std::string& file) {
  constexpr std::string_view kBetween = " ;;; ";
  std::ifstream in(test::source_dir() + "/tests/unit/sql/" + file);
  std::vector<Line> lines;
  std::string text;
  for (std::size_t number = 1; std::getline(in, text); ++number) {
    if (text.starts_with('#') || text.size() < 2) continue;
    Line line{fmt::format("{}:{}", file, number), text[0], {}};
    std::string rest = text.substr(2);
    for (std::size_t at = rest.find(kBetween); at != std::string::npos; at = rest.find(kBetween)) {
      line.steps.push_back(rest.substr(0, at));
      rest.erase(0, at + kBetween.size());
    }
    line.steps.push_back(std::move(rest));
    lines.push_back(std::move(line));
  }
  return lines;
}

class HostileStore {
 public:
  HostileStore() {
    EXPECT_OK(store_.open());
    for (const auto* sql :
         {"CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)", "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')",
          "CREATE VIEW v AS SELECT b FROM t", "CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, b)",
          "INSERT INTO counted(b) VALUES (1)", "CREATE TABLE kept(a INTEGER PRIMARY KEY)",
          "CREATE TABLE child(a REFERENCES kept)"}) {
      EXPECT_OK(store_.exec(sql));
    }
  }

  test::SqlStore& store() { return store_; }
  std::int64_t deadline() const { return clock_.monotonic_ns() + kTimeLimitNs; }
  std::int64_t now_ns() const { return clock_.monotonic_ns(); }

  // Schema and rows of all tables.
  std::string dump() {
    std::string all = store_.query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name");
    test::SqlTextSink names;
    EXPECT_OK(store_.query("SELECT '\"' || name || '\"' FROM sqlite_schema WHERE type = 'table'", "[]", names));
    std::size_t begin = 0;
    while (begin < names.text.size()) {
      const std::size_t end = std::min(names.text.find(' ', begin), names.text.size());
      const std::string name = names.text.substr(begin, end - begin);
      all += "\n" + name + ": " + store_.query("SELECT * FROM " + name + " ORDER BY 1");
      begin = end + 1;
    }
    return all;
  }

  void check_unharmed() {
    const auto entries = fs_.list_directory("/data");
    ASSERT_OK(entries);
    for (const io::FileInfo& entry : *entries) {
      EXPECT_TRUE(entry.name == "sql.db" || entry.name == "sql.db-wal" || entry.name == "wal") << entry.name;
    }
    const auto root = fs_.list_directory("/");
    ASSERT_OK(root);
    EXPECT_EQ(root->size(), 1U);
    EXPECT_OK(store_.model().health());
    EXPECT_CODE(store_.exec("INSERT INTO child VALUES (77)"), ErrorCode::kInvalidArgument);
    EXPECT_OK(store_.exec("INSERT INTO kept(a) VALUES ((SELECT coalesce(max(a), 0) + 1 FROM kept))"));
    EXPECT_EQ(store_.query("SELECT 'a' LIKE 'A', count(*) FROM kept"), "1|1");
    const auto capture = store_.model().capture();
    ASSERT_OK(capture);
    EXPECT_EQ((*capture)->applied_lsn(), store_.log().end().last_lsn);
  }

  void forget_the_file() {
    store_.close();
    EXPECT_OK(fs_.remove_file("/data/sql.db"));
    (void)fs_.remove_file("/data/sql.db-wal");
    EXPECT_OK(store_.open());
  }

 private:
  SystemClock clock_;
  io::SimulatedFileSystem fs_;
  test::SqlStore store_{fs_, clock_};
};

bool is_refusal(const Status& status) {
  return status.code() == ErrorCode::kInvalidArgument || status.code() == ErrorCode::kTimeout;
}

void try_exec(HostileStore& hostile, const Line& line) {
  const std::string before = hostile.dump();
  const Lsn end = hostile.store().log().end().last_lsn;
  const auto executed = hostile.store().exec(line.steps.back(), "[]", hostile.deadline());
  EXPECT_TRUE(executed.ok() || is_refusal(executed.status())) << executed.status().message();
  if (line.wanted == '-') {
    EXPECT_FALSE(executed.ok()) << "exec ran it";
  }
  if (!executed.ok()) {
    EXPECT_EQ(hostile.store().log().end().last_lsn, end);
    EXPECT_EQ(hostile.dump(), before);
  }
}

void try_query(HostileStore& hostile, const Line& line) {
  test::SqlTextSink sink;
  sink.rows_max = 10'000;
  const std::string before = hostile.dump();
  const auto queried = hostile.store().query(line.steps.back(), "[]", sink, hostile.deadline());
  EXPECT_TRUE(queried.ok() || is_refusal(queried.status())) << queried.status().message();
  if (line.wanted != '*') {
    EXPECT_FALSE(queried.ok()) << "query ran it: " << sink.text.substr(0, 200);
  }
  EXPECT_EQ(hostile.dump(), before);
}

void try_line(const Line& line) {
  HostileStore hostile;
  for (std::size_t step = 0; step + 1 < line.steps.size(); ++step) {
    (void)hostile.store().exec(line.steps[step]);
  }
  const double begin = processor_seconds();
  try_query(hostile, line);
  try_exec(hostile, line);
  EXPECT_LT(processor_seconds() - begin, kPatience);
  const std::string rows = hostile.dump();
  hostile.forget_the_file();
  EXPECT_EQ(hostile.dump(), rows) << "the log gives other rows";
  hostile.check_unharmed();
}

TEST(HostileSql, each_statement_is_refused_or_harmless) {
  for (const char* file : {"hostile_statements.txt", "hostile_schemas.txt"}) {
    const std::vector<Line> lines = read_lines(file);
    ASSERT_GE(lines.size(), 40U);
    for (const Line& line : lines) {
      SCOPED_TRACE(fmt::format("{}: {}", line.place, line.steps.back()));
      try_line(line);
    }
  }
}

TEST(HostileSql, long_and_deep_texts_are_refused_or_run_in_time) {
  const auto repeat = [](std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
  };
  std::vector<std::string> texts = {
      "SELECT " + repeat("(", 32'000) + "1" + repeat(")", 32'000),
      "SELECT " + repeat("-", 65'001) + "1",
      "SELECT " + repeat("NOT ", 16'000) + "1",
      "SELECT 1" + repeat(" + 1", 16'000),
      "SELECT 1" + repeat(" AND 1", 10'000),
      "SELECT " + repeat("(SELECT ", 7'000) + "1" + repeat(")", 7'000),
      "SELECT 1" + repeat(" UNION ALL SELECT 1", 3'400),
      "SELECT 1" + repeat(", 1", 21'000),
      "SELECT abs(1" + repeat(", 1", 21'000) + ")",
      "SELECT 1 FROM t" + repeat(", t", 21'000),
      "SELECT 1 FROM t" + repeat(" JOIN t USING (a)", 63),
      "SELECT * FROM t a" + repeat(" NATURAL JOIN t", 63),
      "SELECT 1 IN (1" + repeat(", 1", 21'000) + ")",
      "SELECT * FROM " + repeat("(SELECT * FROM ", 4'000) + "t" + repeat(")", 4'000),
      "WITH " + repeat("w AS (SELECT 1), ", 3'800) + "x AS (SELECT 1) SELECT * FROM x",
      "SELECT CASE" + repeat(" WHEN 1 THEN 1", 4'600) + " END",
      "VALUES (1)" + repeat(", (1)", 13'000),
      "SELECT '" + repeat("x", limits::kSqlRequestBytesMax - 9) + "'",
      "CREATE TABLE x(a" + repeat(", a", 21'000) + ")",
      "INSERT INTO t(b) VALUES (1)" + repeat(", (1)", 13'000),
      repeat(";", limits::kSqlRequestBytesMax),
      repeat("/*", limits::kSqlRequestBytesMax / 2),
      repeat("\xEF\xBB\xBF", 1000) + "SELECT 1",
      "\xEF\xBB\xBFSELECT 1",
  };
  HostileStore hostile;
  for (const std::string& text : texts) {
    SCOPED_TRACE(text.substr(0, 60));
    const double begin = processor_seconds();
    test::SqlTextSink sink;
    const auto queried = hostile.store().query(text, "[]", sink, hostile.deadline());
    EXPECT_TRUE(queried.ok() || is_refusal(queried.status())) << queried.status().message();
    const auto executed = hostile.store().exec(text, "[]", hostile.deadline());
    EXPECT_TRUE(executed.ok() || is_refusal(executed.status())) << executed.status().message();
    EXPECT_LT(processor_seconds() - begin, kPatience);
  }
  EXPECT_CODE(hostile.store().exec(std::string("DELETE FROM t\0; DROP TABLE t", 28)), ErrorCode::kInvalidArgument);
  EXPECT_CODE(hostile.store().exec("DELETE FROM t WHERE b = '\xff'"), ErrorCode::kInvalidArgument);
  hostile.check_unharmed();
}

TEST(HostileSql, views_and_triggers_that_grow_without_end_are_ended) {
  HostileStore hostile;
  auto& store = hostile.store();
  ASSERT_OK(store.exec("CREATE VIEW w0 AS SELECT a FROM t"));
  for (int i = 1; i <= 60; ++i) {
    ASSERT_OK(store.exec(fmt::format("CREATE VIEW w{} AS SELECT x.a FROM w{} x, w{} y", i, i - 1, i - 1)));
  }
  ASSERT_OK(store.exec("CREATE VIEW c0 AS SELECT a FROM t"));
  for (int i = 1; i <= 130; ++i) {
    ASSERT_OK(store.exec(fmt::format("CREATE VIEW c{} AS SELECT a FROM c{}", i, i - 1)));
  }
  ASSERT_OK(store.exec("CREATE TABLE h0(a INTEGER PRIMARY KEY)"));
  for (int i = 1; i <= 1500; ++i) {
    ASSERT_OK(
        store.exec(fmt::format("CREATE TABLE h{}(a INTEGER PRIMARY KEY REFERENCES h{} ON DELETE CASCADE)", i, i - 1)));
  }
  for (int i = 0; i < 490; ++i) {
    ASSERT_OK(store.exec(
        fmt::format("CREATE TRIGGER g{} AFTER INSERT ON h{} BEGIN INSERT INTO h{} VALUES (1); END", i, i, i + 1)));
  }
  const double begin = processor_seconds();
  for (const auto* sql : {"SELECT count(*) FROM w60", "SELECT count(*) FROM w20", "SELECT count(*) FROM c130"}) {
    test::SqlTextSink sink;
    const auto queried = store.query(sql, "[]", sink, hostile.deadline());
    EXPECT_TRUE(queried.ok() || is_refusal(queried.status())) << queried.status().message();
  }
  for (const auto* sql : {"INSERT INTO h0 VALUES (1)", "DELETE FROM h0", "DELETE FROM h700"}) {
    const auto executed = store.exec(sql, "[]", hostile.deadline());
    EXPECT_TRUE(executed.ok() || is_refusal(executed.status())) << executed.status().message();
  }
  EXPECT_LT(processor_seconds() - begin, 2 * kPatience);
  hostile.check_unharmed();
}

TEST(HostileSql, memory_has_an_end) {
  HostileStore hostile;
  test::SqlTextSink sink;
  const auto queried = hostile.store().query(
      "WITH RECURSIVE n(i, x) AS (SELECT 1, '' UNION ALL SELECT i + 1, hex(zeroblob(500000)) FROM n) "
      "SELECT x FROM n ORDER BY x",
      "[]", sink, hostile.now_ns() + 100 * kTimeLimitNs);
  EXPECT_CODE(queried, ErrorCode::kInvalidArgument);
  EXPECT_NE(queried.status().message().find("memory"), std::string::npos) << queried.status().message();
}

}  // namespace
}  // namespace vibrato::sql
