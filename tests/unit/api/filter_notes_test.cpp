// Caps of meta indexes are told, by the information about a collection and by searches that explain themselves, and
// answers behind them are as exact as before them.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;

class FilterNotes : public ::testing::Test {
 protected:
  // Point i has the key "k<i>" alone.
  void put(std::uint32_t points) {
    ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"l2"})").status, 200);
    json items = json::array();
    for (std::uint32_t i = 0; i < points; ++i) {
      items.push_back({{"id", i}, {"vector", {i, 1}}, {"meta", {{fmt::format("k{}", i), "x"}}}});
    }
    ASSERT_EQ(api_.post("/v1/vector/c/upsert_batch", json{{"items", items}}.dump()).status, 200);
    ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  }
  json search(std::uint32_t key) {
    const json condition = {{"key", fmt::format("k{}", key)}, {"match", {{"value", "x"}}}};
    const auto answer =
        api_.post("/v1/vector/c/search", json{{"vector", {0, 0}}, {"filter", condition}, {"explain", true}}.dump());
    EXPECT_EQ(answer.status, 200) << answer.text;
    EXPECT_EQ(answer.body["hits"].size(), 1U);
    EXPECT_EQ(answer.body["hits"][0]["id"], key);
    return answer.body;
  }

  test::DatabaseApi api_;
};

TEST_F(FilterNotes, there_are_none_below_the_caps) {
  put(limits::kMetaFieldsMax);
  EXPECT_FALSE(api_.get("/v1/vector/c").body.contains("notes"));
  EXPECT_FALSE(search(limits::kMetaFieldsMax - 1).contains("notes"));
}

TEST_F(FilterNotes, say_that_keys_were_left_out) {
  put(limits::kMetaFieldsMax + 3);
  const json notes = api_.get("/v1/vector/c").body["notes"];
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_TRUE(notes[0].get<std::string>().starts_with("filters: 3 points have keys of meta beyond the 1024")) << notes;
  EXPECT_EQ(api_.get("/v1/vector").body["collections"][0]["notes"], notes);
  EXPECT_EQ(search(0)["notes"], notes);
  EXPECT_EQ(search(limits::kMetaFieldsMax + 2)["notes"], notes);
  EXPECT_EQ(api_.get("/v1/health/ready").status, 200);
}

}  // namespace
}  // namespace vibrato::api
