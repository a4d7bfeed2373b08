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

constexpr std::uint32_t kDeletedPoints = 25'000;  // Two groups and a half.
constexpr std::uint32_t kKept = 100;              // Ids below it do not match.

class DeleteByFilter : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"l2","index":{"kind":"flat"}})").status, 200);
    for (std::uint32_t first = 0; first < kDeletedPoints;) {
      json items = json::array();
      for (; first < kDeletedPoints && items.size() < limits::kBatchItemsMax; ++first) {
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
  EXPECT_EQ(answer.body["deleted"], kDeletedPoints - kKept);
  EXPECT_EQ(answer.body["lsn"], before + kDeletedPoints - kKept);
  EXPECT_EQ(count(old_), 0);
  EXPECT_EQ(count(json::object()), kKept);
  const auto again = api_.post("/v1/vector/c/delete_by_filter", json{{"filter", old_}}.dump());
  EXPECT_EQ(again.body, (json{{"deleted", 0}}));
  api_.restart();
  EXPECT_EQ(count(json::object()), kKept);
}

// Of two calls with one key exactly one acts: the other one is told to come again, or gets the same answer.
TEST_F(DeleteByFilter, with_one_key_acts_once_at_a_time) {
  const auto call = [&] {
    return api_.post("/v1/vector/c/delete_by_filter", json{{"filter", old_}}.dump(), {{"Idempotency-Key", "once"}});
  };
  test::ApiAnswer answers[2];
  {
    std::thread beside([&] { answers[1] = call(); });
    answers[0] = call();
    beside.join();
  }
  int done = 0;
  for (const test::ApiAnswer& answer : answers) {
    if (answer.status == 409) {
      EXPECT_EQ(answer.body["error"], "conflict") << answer.text;
    } else {
      EXPECT_EQ(answer.status, 200) << answer.text;
      EXPECT_EQ(answer.body["deleted"], kDeletedPoints - kKept);
      ++done;
    }
  }
  EXPECT_GE(done, 1);
  const std::uint64_t lsn = api_.lsn();
  const test::ApiAnswer again = call();
  EXPECT_EQ(again.body["deleted"], kDeletedPoints - kKept) << again.text;
  EXPECT_LT(again.body["lsn"], lsn) << "behind it is the record of the key";
  EXPECT_EQ(api_.lsn(), lsn);
  const auto other = api_.post("/v1/vector/c/delete_by_filter", R"({"filter":{}})", {{"Idempotency-Key", "once"}});
  EXPECT_EQ(other.status, 409) << other.text;
}

// However often its deadline ends it, and over a restart: in the end the answer counts all that went.
TEST_F(DeleteByFilter, with_a_key_goes_on_where_it_was_ended) {
  test::ApiAnswer answer;
  for (std::int64_t timeout_ms = 1; answer.status != 200; timeout_ms *= 2) {
    api_.set_timeout_ms(timeout_ms);
    answer =
        api_.post("/v1/vector/c/delete_by_filter", json{{"filter", old_}}.dump(), {{"Idempotency-Key", "in parts"}});
    EXPECT_TRUE(answer.status == 200 || answer.status == 408) << answer.text;
    api_.restart();
  }
  EXPECT_EQ(answer.body["deleted"], kDeletedPoints - kKept);
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
  while ((!is_done || written == 0) && written < kDeletedPoints - kKept) {
    const json point = {{"id", kDeletedPoints - 1 - written}, {"vector", {1, 2}}, {"meta", {{"old", false}}}};
    EXPECT_EQ(api_.post("/v1/vector/c/upsert", point.dump()).status, 200);
    ++written;
  }
  deleting.join();
  EXPECT_EQ(count(old_), 0);
  EXPECT_EQ(count(json::object()), kKept + written);
}

}  // namespace
}  // namespace vibrato::api
