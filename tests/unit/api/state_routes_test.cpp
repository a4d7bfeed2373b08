// /v1/state over a real database.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;

class StateRoutes : public ::testing::Test {
 protected:
  ApiAnswer put(const std::string& key, const std::string& body, test::Headers headers = {}) {
    return api_.call(Method::kPut, "/v1/state/" + key, body, std::move(headers));
  }
  ApiAnswer batch(const std::string& operations, const std::string& more = "") {
    return api_.post("/v1/state/batch_put", R"({"operations":)" + operations + more + "}");
  }
  // The keys of a list, and where it goes on.
  json keys(const ApiAnswer& answer) {
    json found = json::array();
    for (const json& item : answer.body) {
      found.push_back(item.at("key"));
    }
    return found;
  }

  test::DatabaseApi api_;
};

TEST_F(StateRoutes, a_put_answers_revision_and_lsn_and_a_get_the_item) {
  const ApiAnswer made = put("a", R"({"value": {"x": [1, null, "\u00e9"]}})");
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.body, json({{"key", "a"}, {"revision", api_.lsn()}, {"expires_at_ms", nullptr}, {"lsn", api_.lsn()}}));
  const ApiAnswer got = api_.get("/v1/state/a");
  ASSERT_EQ(got.status, 200) << got.text;
  EXPECT_EQ(got.body, json({{"key", "a"},
                            {"value", {{"x", {1, nullptr, "\u00e9"}}}},
                            {"revision", api_.lsn()},
                            {"expires_at_ms", nullptr}}));
  const ApiAnswer absent = api_.get("/v1/state/b");
  EXPECT_EQ(absent.status, 404);
  EXPECT_EQ(absent.body["error"], "not_found");
}

TEST_F(StateRoutes, any_json_is_a_value_and_no_value_is_none) {
  for (const std::string value : {"null", "7", "-0.5", "true", "\"\"", "[]", "{}"}) {
    const ApiAnswer made = put("a", R"({"value":)" + value + "}");
    ASSERT_EQ(made.status, 200) << made.text;
    EXPECT_EQ(api_.get("/v1/state/a").body["value"], json::parse(value));
  }
  EXPECT_EQ(put("a", "{}").body["error"], "invalid_argument");
  EXPECT_EQ(put("a", R"({"value":1,"ttl":5})").body["error"], "unknown_field");
  EXPECT_EQ(put("a", R"({"value":1,"ttl_ms":0})").body["error"], "invalid_argument");
  EXPECT_EQ(put("a", R"({"value":1,"ttl_ms":null,"if_revision":null})").status, 200);
  EXPECT_EQ(put("a", R"({"value":1e999})").body["error"], "invalid_argument");
  EXPECT_EQ(put("a", R"({"value":)").body["error"], "invalid_json");
  EXPECT_EQ(put("a", R"({"value":")" + std::string(limits::kStateValueBytesMax - 1, 'x') + R"("})").status, 413);
  EXPECT_EQ(put("a", R"({"value":")" + std::string(limits::kStateValueBytesMax - 2, 'x') + R"("})").status, 200);
}

TEST_F(StateRoutes, keys_are_decoded_once) {
  for (const auto& [path, key] : std::map<std::string, std::string>{{"a%2Fb", "a/b"},
                                                                    {"a%252Fb", "a%2Fb"},
                                                                    {"%C3%A9", "\u00e9"},
                                                                    {"a+b", "a+b"},
                                                                    {"batch%5Fput", "batch_put"}}) {
    ASSERT_EQ(put(path, R"({"value":1})").status, 200) << path;
    EXPECT_EQ(api_.get("/v1/state/" + path).body["key"], key);
  }
  EXPECT_EQ(put("%FF", R"({"value":1})").status, 400);
  EXPECT_EQ(put("a%00", R"({"value":1})").status, 400);
  EXPECT_EQ(put(std::string(limits::kStateKeyBytesMax, 'k'), R"({"value":1})").status, 200);
  EXPECT_EQ(put(std::string(limits::kStateKeyBytesMax + 1, 'k'), R"({"value":1})").status, 400);
  EXPECT_EQ(api_.get("/v1/state/" + std::string(limits::kStateKeyBytesMax + 1, 'k')).status, 400);
}

TEST_F(StateRoutes, conditions_answer_409) {
  EXPECT_EQ(put("a", R"({"value":1,"if_revision":5})").body["error"], "revision_mismatch");
  const ApiAnswer made = put("a", R"({"value":1,"if_revision":0})");
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(put("a", R"({"value":2,"if_revision":0})").status, 409);
  const std::string revision = std::to_string(made.body["revision"].get<std::uint64_t>());
  EXPECT_EQ(api_.del("/v1/state/a?if_revision=0").status, 409);
  EXPECT_EQ(api_.del("/v1/state/a?if_revision=x").status, 400);
  const ApiAnswer deleted = api_.del("/v1/state/a?if_revision=" + revision);
  EXPECT_EQ(deleted.body, json({{"deleted", true}, {"lsn", api_.lsn()}}));
  EXPECT_EQ(api_.del("/v1/state/a?if_revision=" + revision).status, 409);
  EXPECT_EQ(api_.del("/v1/state/a").body, json({{"deleted", false}}));
}

TEST_F(StateRoutes, a_key_with_a_time_says_when_it_ends_and_is_gone_then) {
  const ApiAnswer made = put("a", R"({"value":1,"ttl_ms":40})");
  ASSERT_EQ(made.status, 200);
  EXPECT_GT(made.body["expires_at_ms"], 1'700'000'000'000);
  EXPECT_EQ(api_.get("/v1/state/a").body["expires_at_ms"], made.body["expires_at_ms"]);
  while (api_.get("/v1/state/a").status == 200) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(api_.del("/v1/state/a").body, json({{"deleted", false}}));
  EXPECT_EQ(api_.get("/v1/state").body, json::array());
}

TEST_F(StateRoutes, a_list_goes_through_all_keys_by_its_cursor) {
  for (const std::string key : {"b", "a%2F2", "a%2F1", "c", "a%2F3"}) {
    ASSERT_EQ(put(key, R"({"value":1})").status, 200);
  }
  EXPECT_EQ(keys(api_.get("/v1/state")), json({"a/1", "a/2", "a/3", "b", "c"}));
  EXPECT_EQ(keys(api_.get("/v1/state?prefix=a/")), json({"a/1", "a/2", "a/3"}));
  std::string cursor;
  json found = json::array();
  for (int page = 0; page < 3; ++page) {
    const ApiAnswer answer = api_.get("/v1/state?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    ASSERT_EQ(answer.status, 200) << answer.text;
    for (const json& key : keys(answer)) {
      found.push_back(key);
    }
    cursor = answer.header("x-next-cursor");
    EXPECT_EQ(cursor.empty(), page == 2);
  }
  EXPECT_EQ(found, json({"a/1", "a/2", "a/3", "b", "c"}));
  EXPECT_TRUE(api_.get("/v1/state?limit=5").header("x-next-cursor").empty()) << "full, and the last";
  EXPECT_EQ(api_.get("/v1/state?limit=0").status, 400);
  EXPECT_EQ(api_.get("/v1/state?limit=1000").status, 200);
  EXPECT_EQ(api_.get("/v1/state?limit=1001").status, 400);
  EXPECT_EQ(api_.get("/v1/state?cursor=zz").status, 400);
  EXPECT_EQ(api_.get("/v1/state?cursor=n7").status, 400);
  EXPECT_EQ(api_.get("/v1/state?prefx=a").body["error"], "unknown_field");
}

TEST_F(StateRoutes, a_prefix_is_deleted_whole) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(put("p%2F" + std::to_string(i), R"({"value":1})").status, 200);
  }
  put("q", R"({"value":1})");
  EXPECT_EQ(api_.del("/v1/state").status, 400);
  EXPECT_EQ(api_.del("/v1/state?prefix=").status, 400);
  const ApiAnswer deleted = api_.del("/v1/state?prefix=p/");
  EXPECT_EQ(deleted.body, json({{"deleted", 30}, {"lsn", api_.lsn()}}));
  EXPECT_EQ(api_.del("/v1/state?prefix=p/").body, json({{"deleted", 0}}));
  EXPECT_EQ(keys(api_.get("/v1/state")), json({"q"}));
}

TEST_F(StateRoutes, more_keys_of_a_prefix_than_one_group_takes_are_deleted) {
  for (int part = 0; part < 2; ++part) {
    json operations = json::array();
    for (int i = 0; i < 1200; ++i) {
      operations.push_back({{"key", "p" + std::to_string(part * 1200 + i)}, {"value", i}});
    }
    ASSERT_EQ(batch(operations.dump()).status, 200);
  }
  const test::Headers key = {{"Idempotency-Key", "k"}};
  const ApiAnswer deleted = api_.del("/v1/state?prefix=p", key);
  EXPECT_EQ(deleted.body["deleted"], 2400) << deleted.text;
  put("p1", R"({"value":1})");
  EXPECT_EQ(api_.del("/v1/state?prefix=p", key).text, deleted.text);
  EXPECT_EQ(keys(api_.get("/v1/state")), json({"p1"}));
  EXPECT_EQ(api_.del("/v1/state?prefix=q", key).status, 409) << "another request";
}

TEST_F(StateRoutes, a_batch_answers_each_operation) {
  put("c", R"({"value":1})");
  const ApiAnswer answer = batch(R"([{"key":"a","value":1},{"key":"a","value":2,"if_revision":0},
      {"key":"","value":1},{"value":1},{"key":"b"},{"key":"b","value":null,"ttl_ms":60000},{"key":7,"value":1}])");
  ASSERT_EQ(answer.status, 200) << answer.text;
  const json& results = answer.body["results"];
  ASSERT_EQ(results.size(), 7U);
  const std::uint64_t lsn = api_.lsn();
  EXPECT_EQ(answer.body["lsn"], lsn);
  EXPECT_EQ(results[0], json({{"status", "ok"}, {"key", "a"}, {"revision", lsn - 1}, {"expires_at_ms", nullptr}}));
  EXPECT_EQ(results[1]["status"], "error");
  EXPECT_EQ(results[1]["key"], "a");
  EXPECT_EQ(results[1]["error"]["error"], "revision_mismatch");
  EXPECT_TRUE(results[1]["error"]["message"].get<std::string>().starts_with("operations[1]: ")) << answer.text;
  EXPECT_EQ(results[2]["error"]["error"], "invalid_argument");
  EXPECT_EQ(results[3]["key"], nullptr);
  EXPECT_EQ(results[4]["key"], "b");
  EXPECT_EQ(results[4]["status"], "error");
  EXPECT_EQ(results[5]["revision"], lsn);
  EXPECT_EQ(results[6]["status"], "error");
  EXPECT_EQ(keys(api_.get("/v1/state")), json({"a", "b", "c"}));
  const ApiAnswer late = batch(R"([{"key":""},{"key":"a","value":1,"if_revision":1}])");
  EXPECT_TRUE(late.body["results"][1]["error"]["message"].get<std::string>().starts_with("operations[1]: "))
      << late.text << " though it is the first that got so far";
  const ApiAnswer none = batch(R"([{"key":"","value":1}])");
  EXPECT_EQ(none.status, 200);
  EXPECT_FALSE(none.body.contains("lsn"));
}

TEST_F(StateRoutes, an_atomic_batch_is_all_or_nothing) {
  const ApiAnswer refused =
      batch(R"([{"key":"a","value":1},{"key":"a","value":2,"if_revision":0}])", R"(,"atomic":true)");
  EXPECT_EQ(refused.status, 409) << refused.text;
  EXPECT_EQ(refused.body["error"], "revision_mismatch");
  EXPECT_TRUE(refused.body["message"].get<std::string>().starts_with("operations[1]: key 'a' has revision "))
      << refused.text;
  EXPECT_EQ(batch(R"([{"key":"a","value":1},{"key":"","value":2}])", R"(,"atomic":true)").status, 400);
  EXPECT_EQ(api_.get("/v1/state").body, json::array());
  const ApiAnswer done = batch(R"([{"key":"a","value":1},{"key":"b","value":2}])", R"(,"atomic":true)");
  ASSERT_EQ(done.status, 200) << done.text;
  EXPECT_EQ(keys(api_.get("/v1/state")), json({"a", "b"}));
}

TEST_F(StateRoutes, a_batch_of_another_form_fails_as_a_whole) {
  EXPECT_EQ(batch("[]").status, 400);
  EXPECT_EQ(batch("7").status, 400);
  EXPECT_EQ(batch(R"([{"key":"a","value":1}])", R"(,"atomic":1)").status, 400);
  EXPECT_EQ(batch(R"([{"key":"a","value":1e999}])", R"(,"atomic":true)").status, 400);
  EXPECT_EQ(batch("[7]").status, 400);
  EXPECT_EQ(batch(R"([{"key":"a","value":1,"x":1}])").body["error"], "unknown_field");
  json operations(limits::kBatchItemsMax + 1, {{"key", "a"}, {"value", 1}});
  EXPECT_EQ(batch(operations.dump()).status, 400);
  operations.erase(operations.size() - 1);
  EXPECT_EQ(batch(operations.dump()).status, 200);
}

TEST_F(StateRoutes, a_repeated_request_gets_the_first_answer_again) {
  const test::Headers key = {{"Idempotency-Key", "k"}};
  const ApiAnswer first = put("a", R"({"value":1,"if_revision":0})", key);
  ASSERT_EQ(first.status, 200);
  EXPECT_EQ(put("a", R"({"value":1,"if_revision":0})", key).text, first.text);
  EXPECT_EQ(put("a", R"({"value":2})", key).status, 409);
  const test::Headers other = {{"Idempotency-Key", "d"}};
  const ApiAnswer deleted = api_.del("/v1/state/a", other);
  EXPECT_EQ(api_.del("/v1/state/a", other).text, deleted.text);
  EXPECT_EQ(api_.del("/v1/state/a?if_revision=7", other).status, 409) << "another request";
}

TEST_F(StateRoutes, a_write_may_be_relaxed_and_a_read_wait_for_it) {
  const ApiAnswer relaxed = api_.call(Method::kPut, "/v1/state/a?durability=relaxed", R"({"value":1})");
  ASSERT_EQ(relaxed.status, 200);
  EXPECT_EQ(relaxed.body["durability"], "relaxed");
  const std::string lsn = std::to_string(relaxed.body["lsn"].get<std::uint64_t>());
  EXPECT_EQ(api_.get("/v1/state/a?min_lsn=" + lsn).body["value"], 1);
  EXPECT_EQ(keys(api_.get("/v1/state?min_lsn=" + lsn)), json({"a"}));
  api_.set_timeout_ms(50);
  EXPECT_EQ(api_.get("/v1/state/a?min_lsn=999999").status, 408);
  EXPECT_EQ(api_.call(Method::kPut, "/v1/state/a?durability=maybe", R"({"value":1})").status, 400);
}

TEST_F(StateRoutes, everything_is_there_after_a_restart) {
  put("a", R"({"value":1})");
  const std::uint64_t revision = put("a", R"({"value":2})").body["revision"];
  put("b", R"({"value":3,"ttl_ms":600000})");
  api_.del("/v1/state/none");
  const ApiAnswer before = api_.get("/v1/state");
  api_.restart();
  EXPECT_EQ(api_.get("/v1/state").text, before.text);
  EXPECT_EQ(api_.get("/v1/state/a").body["revision"], revision);
  EXPECT_EQ(put("a", R"({"value":4,"if_revision":)" + std::to_string(revision) + "}").status, 200);
}

}  // namespace
}  // namespace vibrato::api
