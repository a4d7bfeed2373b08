// POST /v1/batch: operations of several models, all or none.
#include <chrono>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <thread>

#include "base/limits.hpp"
#include "doc/document_model.hpp"
#include "kv/state_model.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;

class BatchRoute : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(api_.post("/v1/vector/songs", R"({"dim":2,"metric":"dot","index":{"kind":"flat"}})").status, 200);
  }
  ApiAnswer batch(const json& operations) { return api_.post("/v1/batch", json{{"operations", operations}}.dump()); }
  std::string state(const std::string& key) {
    const auto row = api_.database().state().get(key);
    return row.ok() && *row != nullptr ? (*row)->value : "";
  }
  std::string document(const std::string& id) {
    const auto row = api_.database().documents().get("d", id);
    return row.ok() && *row != nullptr ? (*row)->value : "";
  }
  // Refused with this status, naming the operation, and nothing has changed.
  void expect_refused(const json& operations, int status, const std::string& code, const std::string& message) {
    const std::uint64_t before = api_.lsn();
    const ApiAnswer answer = batch(operations);
    EXPECT_EQ(answer.status, status) << answer.text;
    EXPECT_EQ(answer.body["error"], code) << answer.text;
    EXPECT_NE(answer.text.find(message), std::string::npos) << answer.text;
    EXPECT_EQ(api_.lsn(), before);
  }

  test::DatabaseApi api_;
};

const json kUpsert = {{"op", "vector.upsert"}, {"collection", "songs"}, {"id", 7}, {"vector", {1, 2}}};

TEST_F(BatchRoute, operations_of_all_models_are_one_group_and_answer_in_order) {
  const ApiAnswer answer = batch({{{"op", "state.put"}, {"key", "k"}, {"value", nullptr}, {"if_revision", 0}},
                                  {{"op", "doc.put"}, {"collection", "d"}, {"id", "x"}, {"doc", {{"a", 1.5}}}},
                                  kUpsert,
                                  {{"op", "event.append"}, {"type", "note"}, {"data", {1, 2}}},
                                  {{"op", "vector.delete"}, {"collection", "songs"}, {"id", 7}},
                                  {{"op", "state.delete"}, {"key", "absent"}},
                                  {{"op", "doc.delete"}, {"collection", "d"}, {"id", "absent"}}});
  ASSERT_EQ(answer.status, 200) << answer.text;
  const json& results = answer.body["results"];
  ASSERT_EQ(results.size(), 7U);
  const std::uint64_t lsn = api_.lsn();
  EXPECT_EQ(answer.body["lsn"], lsn);
  EXPECT_EQ(results[0], json({{"key", "k"}, {"revision", lsn - 4}, {"expires_at_ms", nullptr}}));
  EXPECT_EQ(results[1], json({{"id", "x"}, {"revision", lsn - 3}}));
  EXPECT_EQ(results[2], json({{"ok", true}}));
  EXPECT_EQ(results[3], json({{"offset", lsn - 1}}));
  EXPECT_EQ(results[4], json({{"deleted", true}}));
  EXPECT_EQ(results[5], json({{"deleted", false}}));
  EXPECT_EQ(results[6], json({{"deleted", false}}));
  EXPECT_EQ(state("k"), "null");
  EXPECT_EQ(document("x"), R"({"a":1.5})");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=7").status, 404);
}

TEST_F(BatchRoute, a_later_operation_sees_the_earlier_ones_and_a_failing_one_undoes_all) {
  const json put = {{"op", "state.put"}, {"key", "k"}, {"value", 1}, {"if_revision", 0}};
  expect_refused({put, kUpsert, put}, 409, "revision_mismatch", "operations[2]");
  EXPECT_EQ(state("k"), "");
  EXPECT_EQ(api_.get("/v1/vector/songs/get?id=7").status, 404);
  const json gone = {{"op", "vector.delete"}, {"collection", "songs"}, {"id", "7"}};
  expect_refused({put, gone}, 404, "not_found", "operations[1]");
  EXPECT_EQ(state("k"), "");
  const ApiAnswer first = batch(json::array({put}));
  ASSERT_EQ(first.status, 200) << first.text;
  const auto revision = first.body["results"][0]["revision"].get<std::uint64_t>();
  expect_refused({kUpsert, {{"op", "state.delete"}, {"key", "k"}, {"if_revision", revision + 1}}}, 409,
                 "revision_mismatch", "operations[1]");
  const ApiAnswer removed = batch({{{"op", "state.delete"}, {"key", "k"}, {"if_revision", revision}}, put});
  EXPECT_EQ(removed.status, 200) << removed.text;
  EXPECT_EQ(removed.body["results"][0], json({{"deleted", true}}));
  EXPECT_EQ(state("k"), "1");
}

TEST_F(BatchRoute, what_is_no_operation_is_refused_with_its_index) {
  const json good = {{"op", "state.put"}, {"key", "k"}, {"value", 1}};
  expect_refused({good, {{"op", "state.get"}, {"key", "k"}}}, 400, "invalid_argument", "operations[1]");
  expect_refused({good, json::object()}, 400, "invalid_argument", "op is missing");
  expect_refused({good, 5}, 400, "invalid_argument", "operations[1]");
  expect_refused({good, {{"op", "state.put"}, {"key", "k"}}}, 400, "invalid_argument", "value is missing");
  expect_refused({good, {{"op", "state.put"}, {"key", "k"}, {"value", 1}, {"tll_ms", 5}}}, 400, "unknown_field",
                 "tll_ms");
  expect_refused({good, {{"op", "state.put"}, {"key", "k"}, {"value", 1}, {"ttl_ms", 0}}}, 400, "invalid_argument",
                 "ttl_ms");
  expect_refused({good, {{"op", "event.append"}, {"type", "doc_put"}, {"data", 1}}}, 400, "invalid_argument", "type");
  expect_refused({good, {{"op", "doc.put"}, {"collection", "../d"}, {"id", "x"}, {"doc", 1}}}, 400, "invalid_argument",
                 "collection");
  expect_refused({good, {{"op", "vector.upsert"}, {"collection", "songs"}, {"id", 1}, {"vector", {1}}}}, 400,
                 "dim_mismatch", "operations[1]");
  expect_refused({good, {{"op", "vector.upsert"}, {"collection", "none"}, {"id", 1}, {"vector", {1, 2}}}}, 404,
                 "not_found", "operations[1]");
  EXPECT_EQ(api_.post("/v1/batch", "{}").body["error"], "invalid_argument");
  EXPECT_EQ(api_.post("/v1/batch", R"({"operations":{}})").body["error"], "invalid_argument");
  EXPECT_EQ(api_.post("/v1/batch", R"({"operations":[],"atomic":true})").body["error"], "unknown_field");
  EXPECT_EQ(state("k"), "");
}

TEST_F(BatchRoute, takes_one_to_ten_thousand_operations) {
  for (const std::size_t count : {std::size_t{0}, std::size_t{limits::kBatchItemsMax} + 1}) {
    json operations = json::array();
    for (std::size_t i = 0; i < count; ++i) {
      operations.push_back({{"op", "state.delete"}, {"key", "k"}});
    }
    EXPECT_EQ(batch(operations).status, 400) << count;
  }
  for (const std::size_t count :
       {std::size_t{1}, std::size_t{limits::kBatchItemsMax} - 1, std::size_t{limits::kBatchItemsMax}}) {
    json operations = json::array();
    for (std::size_t i = 0; i < count; ++i) {
      operations.push_back({{"op", "state.put"}, {"key", fmt::format("k{}", i)}, {"value", i}});
    }
    const ApiAnswer answer = batch(operations);
    EXPECT_EQ(answer.status, 200) << count;
    EXPECT_EQ(answer.body["results"].size(), count);
  }
}

TEST_F(BatchRoute, is_done_once_under_an_idempotency_key) {
  const std::string body =
      R"({"operations":[{"op":"state.put","key":"k","value":1,"if_revision":0},{"op":"event.append","type":"t","data":1}]})";
  const ApiAnswer first = api_.post("/v1/batch", body, {{"Idempotency-Key", "one"}});
  ASSERT_EQ(first.status, 200) << first.text;
  const std::uint64_t lsn = api_.lsn();
  const ApiAnswer again = api_.post("/v1/batch", body, {{"Idempotency-Key", "one"}});
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(api_.lsn(), lsn);
  api_.restart();
  EXPECT_EQ(api_.post("/v1/batch", body, {{"Idempotency-Key", "one"}}).text, first.text);
  EXPECT_EQ(state("k"), "1");
}

TEST_F(BatchRoute, a_batch_that_changes_nothing_has_no_lsn) {
  const ApiAnswer answer = batch({{{"op", "state.delete"}, {"key", "absent"}}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, json({{"results", {{{"deleted", false}}}}}));
}

TEST_F(BatchRoute, a_batch_that_finds_only_a_key_whose_time_is_over_has_no_lsn) {
  EXPECT_EQ(batch({{{"op", "state.put"}, {"key", "k"}, {"value", 1}, {"ttl_ms", 1}}}).status, 200);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const json removal = {{"op", "state.delete"}, {"key", "k"}};
  EXPECT_EQ(batch(json::array({removal})).body, json({{"results", {{{"deleted", false}}}}}));
  EXPECT_TRUE(batch(json::array({removal, kUpsert})).body.contains("lsn"));
}

}  // namespace
}  // namespace vibrato::api
