// What one statement may take. SQLite looks at the clock and at the memory where a program jumps, once a row: these do
// all of their work within a row, or before the first.
#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/sql_store.hpp"

namespace vibrato::sql {
namespace {

using ::testing::HasSubstr;

constexpr double kSecondsMax = 4;  // Of the processor; for a sanitizer too.

std::string many(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

class SqlBounds : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(store_.open());
    ASSERT_OK(store_.exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)"));
  }
  void TearDown() override {
    EXPECT_OK(store_.model().health());
    ASSERT_OK(store_.exec("INSERT INTO t VALUES (1000, 'after')"));
    EXPECT_EQ(store_.query("SELECT b FROM t WHERE a = 1000"), "after");
  }
  void put(int row, const std::string& value) {
    ASSERT_OK(store_.exec(fmt::format("INSERT INTO t VALUES ({}, ?1)", row), "[\"" + value + "\"]"));
  }
  Status ask(const std::string& sql) {
    test::SqlTextSink sink;
    return store_.query(sql, "[]", sink, clock_.monotonic_ns() + deadline_ns_).status();
  }
  void expect_refused(const std::string& sql, std::string_view why) {
    SCOPED_TRACE(sql.substr(0, 80));
    const std::clock_t begin = std::clock();
    const Status refused = ask(sql);
    EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, kSecondsMax);
    EXPECT_FALSE(refused.ok());
    EXPECT_THAT(refused.message(), HasSubstr(std::string(why)));
  }

  std::int64_t deadline_ns_ = 10'000'000'000;  // From the question on.
  SystemClock clock_;
  io::SimulatedFileSystem fs_;
  test::SqlStore store_{fs_, clock_};
};

TEST_F(SqlBounds, a_row_takes_no_more_memory_than_a_statement_may) {
  put(1, std::string(900 * limits::kKiB, 'x'));
  expect_refused("SELECT b" + many(", b", 299) + " FROM t", "256 MiB of memory");
  EXPECT_OK(ask("SELECT b" + many(", b", 9) + " FROM t"));
}

TEST_F(SqlBounds, the_longer_a_program_the_shorter_its_values) {
  put(1, std::string(1 * limits::kMiB, '7'));
  expect_refused("SELECT 'x' IN (-b" + many(", -b", 10'000) + ") FROM t", "a value or row is too long");
  expect_refused("SELECT 'x' IN (0" + many(", length(b || b)", 4'000) + ") FROM t", "a value or row is too long");
  EXPECT_OK(ask("SELECT 'x' IN (-b" + many(", -b", 100) + ") FROM t"));
  EXPECT_OK(ask("SELECT 'x' IN (-a" + many(", -a", 10'000) + ") FROM t"));
}

// printf() answers NULL where its text is too long, so what is too long must not depend on the program.
TEST_F(SqlBounds, no_answer_depends_on_the_size_of_the_program) {
  for (const char* function : {"printf('%300000d', 1)", "format('%300000s', 'x')", "hex(zeroblob(150000))",
                               "replace(hex(zeroblob(1000)), '0', hex(zeroblob(75)))"}) {
    EXPECT_EQ(store_.query(fmt::format("SELECT length({})", function)), "300000");
    expect_refused(
        fmt::format("SELECT length({}) FROM (SELECT 1 AS a) WHERE 'x' NOT IN (-a{})", function, many(", -a", 15'000)),
        "a value or row is too long");
  }
}

TEST_F(SqlBounds, functions_of_json_look_at_the_clock) {
  put(1, "[1" + many(",1", 165'000) + "]");
  const std::string one = ", length(json_extract(b || ' '" + many(", '$[164999]'", 98) + "))";
  deadline_ns_ = 20'000'000;
  expect_refused("SELECT 1" + many(one, 10) + " FROM t", "deadline");
  put(2, "[1" + many(",1", 500'000) + "]");
  expect_refused("SELECT json_extract(b" + many(", '$[0]'", 98) + ") FROM t WHERE a = 2", "too long");
}

TEST_F(SqlBounds, names_of_columns_have_a_cap) {
  const std::string name(limits::kSqlNameBytesMax / 20, 'x');
  for (const std::size_t rest : {15U, 16U, 17U}) {
    ASSERT_EQ(20 * name.size() + 16, limits::kSqlNameBytesMax);
    const Status named = ask("SELECT t.*" + many(", t.*", 19) + ", 1 AS " + std::string(rest, 'y') +
                             " FROM (SELECT 1 AS " + name + ") t");
    EXPECT_EQ(named.code(), rest <= 16 ? ErrorCode::kOk : ErrorCode::kPayloadTooLarge) << named.message();
  }
}

TEST_F(SqlBounds, names_of_columns_that_are_repeated_without_end_are_ended) {
  const std::string name(60'000, 'x');
  expect_refused("SELECT t.*" + many(", t.*", 999) + " FROM (SELECT 1 AS " + name + ") t", "names of the columns");
  ASSERT_OK(store_.exec("CREATE TABLE l(" + name + ")"));
  const std::string all = "SELECT t.*" + many(", t.*", 999) + " FROM l t";
  expect_refused(all, "names of the columns");
  expect_refused("SELECT t.*" + many(", t.*", 15'000) + " FROM l t", "memory");
  expect_refused("SELECT * FROM (" + all + ") a, (" + all + ") b", "memory");
}

}  // namespace
}  // namespace vibrato::sql
