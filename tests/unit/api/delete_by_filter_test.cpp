// delete_by_filter over more points than one group of the log takes: all of them go, those that are written meanwhile
// stay, and other writes go on beside it.
#include <atomic>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;

constexpr std::uint32_t kPoints = 25'000;  // Two groups and a half.
constexpr std::uint32_t kKept = 100;       // Ids below it do not match.

class DeleteByFilter : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"l2","index":{"kind":"flat"}})").status, 200);
    for (std::uint32_t first = 0; first < kPoints;) {
      json items = json::array();
      for (; first < kPoints && items.size() < limits::kBatchItemsMax; ++first) {
        items.push_back({{"id", first}, {"vector", {first, 1}}, {"meta", {{"old", first >= kKept}}}});
      }
      ASSERT_EQ(api_.post("/v1/vector/c/upsert_batch", json{{"items", items}}.dump()).status, 200);
    }
  }
  json count(const json& filter) {
    return api_.post("/v1/vector/c/count", json{{"filter", filter}}.dump()).body["count"];
  }

  const json old_{{"key", "old"}, {"match", {{"value", true}}}};
  test::DatabaseApi api_;
};

TEST_F(DeleteByFilter, takes_all_that_match_and_its_lsn_is_that_of_the_last) {
  const std::uint64_t before = api_.lsn();
  const auto answer = api_.post("/v1/vector/c/delete_by_filter", json{{"filter", old_}}.dump());
  ASSERT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(answer.body["deleted"], kPoints - kKept);
  EXPECT_EQ(answer.body["lsn"], before + kPoints - kKept);
  EXPECT_EQ(count(old_), 0);
  EXPECT_EQ(count(json::object()), kKept);
  const auto again = api_.post("/v1/vector/c/delete_by_filter", json{{"filter", old_}}.dump());
  EXPECT_EQ(again.body, (json{{"deleted", 0}}));
  api_.restart();
  EXPECT_EQ(count(json::object()), kKept);
}

// A point that was written after it was chosen stays, whether it matches or not.
TEST_F(DeleteByFilter, leaves_what_is_written_meanwhile) {
  std::atomic<bool> is_done = false;
  std::thread deleting([&] {
    const auto answer = api_.post("/v1/vector/c/delete_by_filter", json{{"filter", old_}}.dump());
    EXPECT_EQ(answer.status, 200) << answer.text;
    is_done = true;
  });
  std::uint32_t written = 0;
  while ((!is_done || written == 0) && written < kPoints - kKept) {
    const json point = {{"id", kPoints - 1 - written}, {"vector", {1, 2}}, {"meta", {{"old", false}}}};
    EXPECT_EQ(api_.post("/v1/vector/c/upsert", point.dump()).status, 200);
    ++written;
  }
  deleting.join();
  EXPECT_EQ(count(old_), 0);
  EXPECT_EQ(count(json::object()), kKept + written);
}

}  // namespace
}  // namespace vibrato::api
