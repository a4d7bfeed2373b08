// GET .../export and POST .../optimize over a real database.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;

class ExportTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(api_.post("/v1/vector/songs", R"({"dim":2,"metric":"l2"})").status, 200); }
  void put(const std::string& id, int x, const std::string& meta = "") {
    const std::string body =
        fmt::format(R"({{"id":{},"vector":[{},0.1]{}}})", id, x, meta.empty() ? "" : ",\"meta\":" + meta);
    ASSERT_EQ(api_.post("/v1/vector/songs/upsert", body).status, 200);
  }
  std::vector<json> lines() {
    const test::ApiAnswer answer = api_.get("/v1/vector/songs/export");
    EXPECT_EQ(answer.status, 200) << answer.text;
    EXPECT_EQ(answer.header("cut-off"), "");
    std::vector<json> found;
    std::istringstream text(answer.text);
    for (std::string line; std::getline(text, line);) {
      found.push_back(json::parse(line));
    }
    return found;
  }

  test::DatabaseApi api_;
};

TEST_F(ExportTest, of_an_empty_collection_is_empty) {
  EXPECT_TRUE(lines().empty());
  EXPECT_EQ(api_.get("/v1/vector/nothing/export").status, 404);
}

TEST_F(ExportTest, is_in_id_order_over_all_tiers_and_has_every_point_once) {
  put("\"b\"", 1);
  put("7", 2, R"({"a":[1,null]})");
  put("10", 3);
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  put("7", 4);
  put("\"7\"", 5);
  put("8", 6);
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  put("\"a\"", 7, R"({"k":"v"})");
  put("9", 8);
  ASSERT_EQ(api_.post("/v1/vector/songs/delete", R"({"id":8})").status, 200);
  ASSERT_EQ(api_.post("/v1/vector/songs/delete", R"({"id":"b"})").status, 200);
  std::vector<std::string> seen;
  for (const json& point : lines()) {
    seen.push_back(point["id"].dump() + " " + point["vector"][0].dump() + " " + point["meta"].dump());
  }
  EXPECT_EQ(seen,
            (std::vector<std::string>{"7 4 null", "9 8 null", "10 3 null", "\"7\" 5 null", R"("a" 7 {"k":"v"})"}));
}

TEST_F(ExportTest, of_many_points_comes_in_pieces) {
  std::string items;
  const std::string text(1000, 't');
  for (int i = 0; i < 2000; ++i) {
    items += fmt::format(R"({}{{"id":{},"vector":[{},0],"meta":{{"t":"{}"}}}})", i == 0 ? "" : ",", 5000 - i, i, text);
  }
  ASSERT_EQ(api_.post("/v1/vector/songs/upsert_batch", R"({"items":[)" + items + "]}").status, 200);
  const std::vector<json> points = lines();
  ASSERT_EQ(points.size(), 2000U);
  ASSERT_GT(points.size() * text.size(), 3 * limits::kStreamPieceBytes);
  for (std::size_t i = 0; i < points.size(); ++i) {
    ASSERT_EQ(points[i]["id"], 3001 + i);
  }
}

TEST_F(ExportTest, waits_for_an_lsn) {
  put("1", 1);
  EXPECT_EQ(api_.get("/v1/vector/songs/export?min_lsn=" + std::to_string(api_.lsn())).status, 200);
  api_.set_timeout_ms(50);
  EXPECT_EQ(api_.get("/v1/vector/songs/export?min_lsn=" + std::to_string(api_.lsn() + 5)).status, 408);
}

TEST_F(ExportTest, optimize_leaves_one_segment) {
  for (int i = 0; i < 3; ++i) {
    put(std::to_string(i), i);
    ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  }
  put("2", 9);
  EXPECT_EQ(api_.get("/v1/vector/songs").body["segments"], 4);
  const test::ApiAnswer done = api_.post("/v1/vector/songs/optimize", "");
  EXPECT_EQ(done.status, 200) << done.text;
  EXPECT_EQ(done.body["state"], "completed");
  EXPECT_EQ(done.body["job_id"].get<std::string>().substr(0, 4), "opt_");
  EXPECT_EQ(done.body["details"]["merges"].size(), 1U);
  EXPECT_EQ(api_.get("/v1/vector/songs").body["segments"], 1);
  EXPECT_EQ(api_.get("/v1/vector/songs").body["deleted_count"], 0);
  EXPECT_EQ(lines().size(), 3U);
  EXPECT_EQ(api_.post("/v1/vector/songs/optimize", "{}").body["details"]["merges"].size(), 0U) << "nothing to gain";
  EXPECT_EQ(api_.post("/v1/vector/none/optimize", "").status, 404);
}

}  // namespace
}  // namespace vibrato::api
