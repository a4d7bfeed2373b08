// POST .../import over a real database: what bodies do at their edges. The reading of rows has its own test.
#include <cstring>
#include <fmt/format.h>
#include <future>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;

class ImportRouteTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"l2"})").status, 200); }
  test::ApiAnswer lines(const std::string& body, const std::string& collection = "c") {
    return api_.post("/v1/vector/" + collection + "/import", body, {{"Content-Type", "application/x-ndjson"}});
  }
  test::ApiAnswer table(const std::string& body, const std::string& query = "") {
    return api_.post("/v1/vector/c/import" + query, body, {{"Content-Type", "application/octet-stream"}});
  }
  // The outcome is the last line of what is no JSON as a whole.
  static json outcome(const test::ApiAnswer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.text;
    return json::parse(answer.text);
  }
  void expect_nothing(std::uint64_t lsn) {
    const json info = api_.get("/v1/vector/c").body;
    EXPECT_EQ(info["live_count"], 0);
    EXPECT_EQ(info["segments"], 0);
    EXPECT_EQ(api_.lsn(), lsn);
  }
  void expect_refused(const test::ApiAnswer& answer, int status, const std::string& code, const std::string& message) {
    EXPECT_EQ(answer.status, status) << answer.text;
    EXPECT_EQ(answer.body["error"], code) << answer.text;
    EXPECT_NE(answer.body["message"].get<std::string>().find(message), std::string::npos) << answer.text;
  }
  static std::string fvecs(const std::vector<float>& row) {
    const auto dim = static_cast<std::int32_t>(row.size());
    std::string bytes(sizeof(dim) + row.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), &dim, sizeof(dim));
    std::memcpy(bytes.data() + sizeof(dim), row.data(), row.size() * sizeof(float));
    return bytes;
  }
  static std::string npy(std::size_t rows, std::size_t dim) {
    const std::string header =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}\n", rows, dim);
    std::string bytes("\x93NUMPY\1\0", 8);
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    return bytes + header + std::string(rows * dim * sizeof(float), '\0');
  }

  test::DatabaseApi api_;
};

TEST_F(ImportRouteTest, of_nothing_writes_nothing) {
  const std::uint64_t lsn = api_.lsn();
  for (const std::string body : {"", "\n", " \r\n\n"}) {
    EXPECT_EQ(outcome(lines(body)), (json{{"imported", 0}})) << body;
  }
  EXPECT_EQ(outcome(table("")), (json{{"imported", 0}}));
  EXPECT_EQ(outcome(table(npy(0, 2))), (json{{"imported", 0}}));
  expect_nothing(lsn);
}

TEST_F(ImportRouteTest, takes_a_last_line_without_an_end_and_the_last_row_of_an_id) {
  const json done = outcome(lines(
      "{\"id\":1,\"vector\":[1,2]}\n{\"id\":\"1\",\"vector\":[2,2]}\n{\"id\":1,\"vector\":[3,4],\"meta\":{\"k\":1}}"));
  EXPECT_EQ(done["imported"], 2);
  EXPECT_EQ(done["lsn"], api_.lsn());
  EXPECT_EQ(api_.get("/v1/vector/c/get?id=1").body, json::parse(R"({"id":1,"vector":[3,4],"meta":{"k":1}})"));
  EXPECT_EQ(api_.get("/v1/vector/c").body["live_count"], 2);
}

TEST_F(ImportRouteTest, one_bad_row_among_good_ones_fails_all) {
  const std::uint64_t lsn = api_.lsn();
  std::string good;
  for (int i = 0; i < 2000; ++i) {
    good += fmt::format("{{\"id\":{},\"vector\":[{},1]}}\n", i, i);
  }
  expect_refused(lines(good + "{\"id\":1,\"vector\":[1,2,3]}\n" + good), 400, "dim_mismatch", "line 2001: ");
  expect_refused(lines(good + "{\"id\":-1,\"vector\":[1,2]}\n" + good), 400, "invalid_argument", "line 2001: ");
  expect_refused(lines(good + "{\"id\":1,\"vector\":[1,2],\"mata\":1}\n"), 400, "unknown_field", "line 2001: ");
  expect_refused(lines(good + "{\"id\":1,\"vec"), 400, "invalid_json", "line 2001: ");
  expect_refused(lines(good + std::string(limits::kImportLineBytesMax + 1, ' ')), 413, "payload_too_large",
                 "line 2001: ");
  expect_nothing(lsn);
}

TEST_F(ImportRouteTest, tables_of_another_dim_or_cut_off_fail) {
  const std::uint64_t lsn = api_.lsn();
  expect_refused(table(npy(3, 4)), 400, "dim_mismatch", "row 1: ");
  expect_refused(table(fvecs({1, 2, 3})), 400, "dim_mismatch", "row 1: ");
  expect_refused(table(fvecs({1, 2}) + fvecs({1, 2, 3})), 400, "invalid_argument", "row 2: ");
  expect_refused(table(fvecs({1, 2}) + fvecs({3, 4}).substr(0, 7)), 400, "invalid_argument", "row 2: ");
  const std::string whole = npy(3, 2);
  expect_refused(table(whole.substr(0, whole.size() - 1)), 400, "invalid_argument", "row 3: ");
  expect_refused(table(whole.substr(0, whole.size() - 8)), 400, "invalid_argument", "3 rows");
  expect_refused(table(whole.substr(0, 30)), 400, "invalid_argument", "header");
  expect_refused(table(whole, "?first_id=18446744073709551615"), 400, "invalid_argument", "row 2: ");
  expect_nothing(lsn);
  EXPECT_EQ(outcome(table(whole, "?first_id=18446744073709551613"))["imported"], 3);
}

TEST_F(ImportRouteTest, a_collection_that_is_not_there_or_damaged_is_said_at_once) {
  expect_refused(lines("no line at all", "none"), 404, "not_found", "none");
  ASSERT_EQ(outcome(lines("{\"id\":1,\"vector\":[1,2]}\n"))["imported"], 1);
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  const vector::CollectionPtr collection = *api_.database().vectors().find("c");
  const auto part = collection->latest_version()->sealed.front();
  ASSERT_OK(api_.database().vectors().degrade(*collection, part->entry().id, "a test says so"));
  expect_refused(lines("no line at all"), 503, "unavailable", "a test says so");
}

TEST_F(ImportRouteTest, past_as_many_as_may_run_is_429) {
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  for (std::uint32_t i = 0; i < limits::kImportsMax; ++i) {
    const std::string name = fmt::format("c{}", i);
    ASSERT_EQ(api_.post("/v1/vector/" + name, R"({"dim":2,"metric":"l2"})").status, 200);
    const auto wait = [ended](vector::Import&) -> engine::Imports::Last {
      ended.wait();
      return nullptr;
    };
    ASSERT_OK(api_.database().start_import(
        *api_.database().vectors().find(name), [] { return ok_status(); }, wait));
  }
  const test::ApiAnswer refused = lines("{\"id\":1,\"vector\":[1,2]}\n");
  expect_refused(refused, 429, "overloaded", "too many imports");
  EXPECT_NE(refused.header("Retry-After"), "");
  expect_refused(lines("{\"id\":1,\"vector\":[1,2]}\n", "c0"), 429, "overloaded", "into this collection");
  end.set_value();
}

}  // namespace
}  // namespace vibrato::api
