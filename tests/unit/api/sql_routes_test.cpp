// Embedded SQL, asked as the server asks.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;

class SqlRoutes : public ::testing::Test {
 protected:
  SqlRoutes() : api_({.no_auth = true}, [](engine::DatabaseOptions& options) { options.sql = true; }) {}

  test::ApiAnswer exec(const std::string& sql, const json& params = json::array(), test::Headers headers = {}) {
    return api_.post("/v1/sql/exec", json{{"sql", sql}, {"params", params}}.dump(), std::move(headers));
  }
  test::ApiAnswer query(const std::string& sql, const json& params = json::array()) {
    return api_.post("/v1/sql/query", json{{"sql", sql}, {"params", params}}.dump());
  }

  test::DatabaseApi api_;
};

TEST_F(SqlRoutes, answer_what_was_done_and_what_is_there) {
  const auto made = exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.body, (json{{"rows_affected", 0}, {"last_insert_id", 0}, {"lsn", api_.lsn()}}));
  const auto put = exec("INSERT INTO t(b) VALUES (?), (?)", {"x", true});
  EXPECT_EQ(put.body, (json{{"rows_affected", 2}, {"last_insert_id", 2}, {"lsn", api_.lsn()}}));
  const auto rows = query("SELECT a, b FROM t WHERE a >= ? ORDER BY a", {1});
  EXPECT_EQ(rows.text, R"({"columns":["a","b"],"rows":[{"a":1,"b":"x"},{"a":2,"b":1}],"truncated":false})");
  api_.restart();
  EXPECT_EQ(query("SELECT a, b FROM t").body["rows"], rows.body["rows"]);
}

TEST_F(SqlRoutes, values_are_exact_and_blobs_are_base64_without_padding) {
  const auto rows = query(
      "SELECT 9223372036854775807 AS big, x'00ff10aa' AS blob, x'' AS none, 9e999 AS inf, 0.1 AS r, "
      "NULL AS n, CAST(x'61ff' AS TEXT) AS t");
  EXPECT_EQ(
      rows.body["rows"],
      json::parse(
          R"([{"big":9223372036854775807,"blob":"AP8Qqg","none":"","inf":null,"r":0.1,"n":null,"t":"a\ufffd"}])"));
}

TEST_F(SqlRoutes, columns_of_one_name_are_told_apart) {
  const auto rows = query(R"(SELECT 1 AS a, 2 AS a, 3 AS "a:1", 4 AS a, 5 AS "q""")");
  EXPECT_EQ(rows.body["columns"], (json{"a", "a:2", "a:1", "a:3", "q\""}));
  EXPECT_EQ(rows.body["rows"], (json{{{"a", 1}, {"a:2", 2}, {"a:1", 3}, {"a:3", 4}, {"q\"", 5}}}));
}

TEST_F(SqlRoutes, many_columns_of_one_name_are_told_apart_in_time) {
  std::string sql = "SELECT 0 AS a";
  for (int i = 1; i < 500; ++i) sql += ", " + std::to_string(i) + " AS a";
  for (int i = 500; i < 1000; ++i) sql += ", " + std::to_string(i) + " AS \"a:" + std::to_string(i - 499) + "\"";
  const auto rows = query(sql);
  ASSERT_EQ(rows.status, 200) << rows.text.substr(0, 300);
  EXPECT_EQ(rows.body["columns"][499], "a:999");
  EXPECT_EQ(rows.body["rows"][0].size(), 1000U);
  EXPECT_EQ(rows.body["rows"][0]["a:999"], 499);
  const std::string name(60'000, 'x');
  std::string stars = "SELECT t.*";
  for (int i = 1; i < 100; ++i) stars += ", t.*";
  const auto refused = query(stars + " FROM (SELECT 1 AS " + name + ") t");
  EXPECT_EQ(refused.status, 413);
  EXPECT_NE(refused.text.find("names of the columns"), std::string::npos) << refused.text.substr(0, 300);
}

TEST_F(SqlRoutes, a_statement_has_64_kib_at_most) {
  for (const std::size_t size : {limits::kSqlRequestBytesMax - 1, limits::kSqlRequestBytesMax}) {
    EXPECT_EQ(query("SELECT 1 --" + std::string(size - 11, 'x')).status, 200);
  }
  const std::string more = "SELECT 1 --" + std::string(limits::kSqlRequestBytesMax - 10, 'x');
  EXPECT_EQ(query(more).status, 413);
  EXPECT_EQ(exec(more).status, 413);
}

TEST_F(SqlRoutes, an_answer_ends_with_the_row_that_would_pass_its_cap) {
  // {"columns":["h"],"rows":[ comes first; each row is {"h":"..."} and a comma between.
  const std::size_t row = std::size_t{1} << 20;
  const std::string sql =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 16) "
      "SELECT CASE i WHEN 16 THEN substr(hex(zeroblob(600000)), 1, ?) ELSE "
      "substr(hex(zeroblob(600000)), 1, ?) END AS h FROM n";
  constexpr std::size_t kFrame = 9;  // {"h":""}, and the comma.
  constexpr std::size_t kBegin = std::string_view(R"({"columns":["h"],"rows":[)").size();
  const std::size_t last = row - kFrame + 1 - kBegin;  // The first row has no comma before it.
  for (const std::size_t extra : {0U, 1U, 2U}) {
    const auto answer = query(sql, {last - 1 + extra, row - kFrame});
    ASSERT_EQ(answer.status, 200) << answer.text.substr(0, 300);
    EXPECT_EQ(answer.body["truncated"], extra == 2) << extra;
    EXPECT_EQ(answer.body["rows"].size(), extra == 2 ? 15U : 16U);
  }
}

TEST_F(SqlRoutes, errors_of_sql_are_invalid_arguments_and_log_nothing) {
  const std::uint64_t before = api_.lsn();
  for (const char* sql : {"nonsense", "SELECT * FROM nowhere", "ATTACH 'x' AS y", "SELECT 1; SELECT 2", "", " "}) {
    for (const auto& answer : {query(sql), exec(sql)}) {
      EXPECT_EQ(answer.status, 400) << sql;
      EXPECT_EQ(answer.body["error"], "invalid_argument") << answer.text;
    }
  }
  EXPECT_EQ(exec("SELECT 1").status, 400);
  EXPECT_EQ(query("CREATE TABLE t(a)").status, 400);
  EXPECT_EQ(query("SELECT ?", {json::array()}).status, 400);
  EXPECT_EQ(api_.post("/v1/sql/query", R"({"sql":"SELECT ?","params":7})").status, 400);
  EXPECT_EQ(api_.post("/v1/sql/query", R"({"sql":7})").status, 400);
  EXPECT_EQ(api_.post("/v1/sql/query", R"({"params":[]})").status, 400);
  EXPECT_EQ(api_.post("/v1/sql/query", R"({"sql":"SELECT 1","x":1})").body["error"], "unknown_field");
  EXPECT_EQ(api_.post("/v1/sql/exec", R"({"sql":"SELECT 1","min_lsn":1})").body["error"], "unknown_field");
  EXPECT_EQ(api_.lsn(), before);
}

TEST_F(SqlRoutes, a_key_makes_a_statement_run_once) {
  ASSERT_EQ(exec("CREATE TABLE t(a)").status, 200);
  const auto first = exec("INSERT INTO t VALUES (1)", json::array(), {{"Idempotency-Key", "k"}});
  const auto again = exec("INSERT INTO t VALUES (1)", json::array(), {{"Idempotency-Key", "k"}});
  EXPECT_EQ(first.text, again.text);
  EXPECT_EQ(query("SELECT count(*) AS n FROM t").body["rows"], (json{{{"n", 1}}}));
}

TEST_F(SqlRoutes, what_takes_too_long_is_ended) {
  ASSERT_EQ(exec("CREATE TABLE t(a)").status, 200);
  api_.set_timeout_ms(100);
  const std::string endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) ";
  EXPECT_EQ(query(endless + "SELECT count(*) FROM n").status, 408);
  EXPECT_EQ(exec(endless + "INSERT INTO t SELECT i FROM n").status, 408);
  EXPECT_EQ(api_.post("/v1/sql/query", R"({"sql":"SELECT 1","min_lsn":1000000})").status, 408);
  EXPECT_EQ(query("SELECT count(*) AS n FROM t").body["rows"], (json{{{"n", 0}}}));
}

TEST(SqlRoutesWithoutSql, are_not_found_and_name_the_flag) {
  test::DatabaseApi api;
  for (const char* path : {"/v1/sql/query", "/v1/sql/exec"}) {
    const auto answer = api.post(path, R"({"sql":"SELECT 1"})");
    EXPECT_EQ(answer.status, 404);
    EXPECT_NE(answer.text.find("--sql"), std::string::npos);
    for (const char* body : {R"({"sql":"SELECT ?","params":[[]]})", R"({"sql":7})", R"({"params":[]})"}) {
      EXPECT_EQ(api.post(path, body).status, 404) << path << body;
    }
  }
}

}  // namespace
}  // namespace vibrato::api
