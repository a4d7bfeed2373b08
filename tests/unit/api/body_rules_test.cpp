// Rules of JSON bodies that hold on every surface: numbers that are too large fail the field that they stand in, and in
// batches its item alone; the depth has a cap, whatever is innermost; a field comes once.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;

class BodyRules : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"cosine"})").status, 200);
    ASSERT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":1,"vector":[1,2]})").status, 200);
    ASSERT_EQ(api_.post("/v2/vectors", R"({"vector":[1,2]})").status, 201);
  }

  ApiAnswer upsert_batch(const std::string& items) {
    return api_.post("/v1/vector/c/upsert_batch", R"({"items":[)" + items + "]}");
  }
  // Refused with this message, and nothing of it is logged.
  void expect_refused(const std::string& target, const std::string& body, std::string_view code,
                      std::string_view message) {
    const std::uint64_t lsn = api_.lsn();
    const ApiAnswer answer = api_.post(target, body);
    const bool is_v2 = target.starts_with("/v2/");
    EXPECT_EQ(answer.status, 400) << target << ' ' << body;
    EXPECT_EQ(answer.body.value(is_v2 ? "code" : "error", ""), code) << target << ' ' << body;
    EXPECT_EQ(answer.body.value("message", ""), message) << target << ' ' << body;
    EXPECT_EQ(api_.lsn(), lsn) << target << ' ' << body;
  }

  test::DatabaseApi api_;
};

// ---- Numbers that no 64-bit form can hold ----

struct BadItem {
  std::string item;
  json id;  // As the result shows it.
  std::string_view message;
};

TEST_F(BodyRules, a_number_that_is_too_large_fails_its_item_of_an_upsert_batch_alone) {
  constexpr std::string_view kIdRule = "items[1].id must be a string or a whole number from 0 to 18446744073709551615";
  const std::vector<BadItem> bad_items = {
      {R"({"id":"b","vector":[1,1e999]})", "b", "items[1].vector[1] is too large for a 32-bit float"},
      {R"({"id":"b","vector":[-1e999,1e999,1e999]})", "b", "items[1].vector[0] is too large for a 32-bit float"},
      {R"({"id":7,"vector":[1,99999999999999999999]})", 7,
       "items[1].vector[1] is an integer of more than 64 bits; write it with an exponent"},
      {R"({"id":"b","vector":[1,2],"meta":{"a":[0,{"b":1e999}]}})", "b", "items[1].meta.a[1].b is too large a number"},
      {R"({"id":"b","vector":[1,2],"meta":-1e999})", "b", "items[1].meta is too large a number"},
      {R"({"meta":[99999999999999999999],"id":"b","vector":[1,2]})", "b",
       "items[1].meta[0] is an integer of more than 64 bits; write it with an exponent"},
      {R"({"id":1e999,"vector":[1,2]})", nullptr, kIdRule},
      {R"({"id":18446744073709551616,"vector":[1,2]})", nullptr, kIdRule},
      {R"({"id":1.5,"vector":[1e999,1]})", 1.5, kIdRule},
      {R"({"vector":[1e999,1],"id":1.5})", 1.5, kIdRule},
      {R"({"vector":[1,1e999],"id":"b"})", "b", "items[1].vector[1] is too large for a 32-bit float"},
      {R"({"vector":[1,1e999],"id":7})", 7, "items[1].vector[1] is too large for a 32-bit float"},
      {R"({"id":-18446744073709551616,"vector":[1e999,1]})", nullptr, kIdRule},
      {R"({"id":"b","vector":1e999})", "b", "items[1].vector must be an array of numbers"},
      {R"({"id":"b","vector_b64":1e999})", "b", "items[1].vector_b64 must be a string"},
      {R"({"vector":[1e999,1]})", nullptr, "items[1].id is missing; it must be a string or a whole number"},
  };
  for (const BadItem& bad : bad_items) {
    const std::uint64_t lsn = api_.lsn();
    const ApiAnswer answer =
        upsert_batch(R"({"id":"a","vector":[1,0]},)" + bad.item + R"(,{"id":"c","vector":[0,1],"meta":1e300})");
    ASSERT_EQ(answer.status, 200) << bad.item << answer.text;
    const json& results = answer.body["results"];
    ASSERT_EQ(results.size(), 3U) << answer.text;
    EXPECT_EQ(results[0], json({{"status", "upserted"}, {"id", "a"}}));
    EXPECT_EQ(results[2], json({{"status", "upserted"}, {"id", "c"}}));
    EXPECT_EQ(results[1]["status"], "error") << answer.text;
    EXPECT_EQ(results[1]["id"], bad.id) << answer.text;
    EXPECT_EQ(results[1]["error"]["error"], "invalid_argument") << answer.text;
    EXPECT_EQ(results[1]["error"]["message"], bad.message);
    EXPECT_EQ(answer.body["lsn"], lsn + 2) << "one record for each good item";
  }
  EXPECT_EQ(api_.get("/v1/vector/c/get?id=b").status, 404);
  EXPECT_EQ(api_.get("/v1/vector/c/get?id=c").body["meta"], 1e300) << "what is good is not taken for what is not";
}

TEST_F(BodyRules, several_items_may_have_such_numbers) {
  const ApiAnswer answer = upsert_batch(
      R"({"id":1,"vector":[1e999,1]},{"id":2,"vector":[1,2]},{"id":3,"vector":[1,2],"meta":1e999},{"id":1e999})");
  ASSERT_EQ(answer.status, 200) << answer.text;
  std::string statuses;
  for (const json& result : answer.body["results"]) {
    statuses += result["status"].get<std::string>() + ' ';
  }
  EXPECT_EQ(statuses, "error upserted error error ");
}

TEST_F(BodyRules, all_items_of_the_longest_batch_may_have_them) {
  std::string items;
  for (std::size_t i = 0; i < limits::kBatchItemsMax; ++i) {
    items += fmt::format(R"({}{{"id":{},"vector":[1,2],"meta":[1e999,1e999]}})", i == 0 ? "" : ",", i);
  }
  const std::uint64_t lsn = api_.lsn();
  const ApiAnswer answer = upsert_batch(items);
  ASSERT_EQ(answer.status, 200);
  ASSERT_EQ(answer.body["results"].size(), std::size_t{limits::kBatchItemsMax});
  for (const json& result : answer.body["results"]) {
    ASSERT_EQ(result["status"], "error") << result;
  }
  EXPECT_FALSE(answer.body.contains("lsn"));
  EXPECT_EQ(api_.lsn(), lsn);
}

TEST_F(BodyRules, what_fails_the_call_still_does_beside_a_number_that_is_too_large) {
  const std::string route = "/v1/vector/c/upsert_batch";
  const std::string good = R"({"id":"a","vector":[1,0]})";
  expect_refused(route, R"({"items":[)" + good + R"(,1e999]})", "invalid_argument", "items[1] must be an object");
  expect_refused(route, R"({"items":[)" + good + R"(,{"id":1,"vector":[1,2],"mta":1e999}]})", "unknown_field",
                 "items[1]: field 'mta' is not known to this route; it takes id, vector, vector_b64, meta");
  expect_refused(route, R"({"items":[)" + good + R"(],"x":1e999})", "unknown_field",
                 "field 'x' is not known to this route; it takes items");
  expect_refused(route, R"({"items":1e999})", "invalid_argument", "items must be an array");
  expect_refused(route, R"({"items":[{"id":1,"vector":[1e999,NaN]}]})", "invalid_json",
                 api_.post(route, R"({"items":[{"id":1,"vector":[1e100,NaN]}]})").body["message"].get<std::string>());
  EXPECT_EQ(api_.post(route, R"({"items":[{"id":1,"vector":[1e999,01]}]})").body["error"], "invalid_json");
  EXPECT_EQ(api_.post(route, R"({"items":[{"id":"\ud800","vector":[1e999,1]}]})").body["error"], "invalid_json");
}

TEST_F(BodyRules, such_a_number_is_no_id_of_a_delete_batch) {
  const ApiAnswer answer = api_.post("/v1/vector/c/delete_batch", R"({"ids":[1e999,1,99999999999999999999,[1e999]]})");
  ASSERT_EQ(answer.status, 200) << answer.text;
  const json& results = answer.body["results"];
  EXPECT_EQ(results[1], json({{"status", "deleted"}, {"id", 1}}));
  for (const std::size_t i : {0U, 2U, 3U}) {
    EXPECT_EQ(results[i]["status"], "error");
    EXPECT_EQ(results[i]["id"], nullptr);
    EXPECT_EQ(results[i]["error"]["message"],
              fmt::format("ids[{}] must be a string or a whole number from 0 to 18446744073709551615", i));
  }
}

TEST_F(BodyRules, the_message_says_what_the_field_takes) {
  const std::string search = "/v1/vector/c/search";
  for (const char* number : {"1e999", "123456789012345678901234567890"}) {
    const auto expect = [&](const std::string& target, const std::string& before, std::string_view message,
                            const std::string& after = "}") {
      const bool is_v2 = target.starts_with("/v2/");
      expect_refused(target, before + number + after, is_v2 ? "bad_request" : "invalid_argument", message);
    };
    expect(search, R"({"vector":[1,2],"k":)", "k must be a whole number from 1 to 1000");
    expect(search, R"({"vector":[1,2],"ef":)", "ef must be a whole number from 1 to 4096");
    expect(search, R"({"vector":[1,2],"offset":)", "offset must be a whole number from 0 to 18446744073709551615");
    expect(search, R"({"vector":[1,2],"min_lsn":)", "min_lsn must be a whole number from 0 to 18446744073709551615");
    expect(search, R"({"id":)", "id must be a string or a whole number from 0 to 18446744073709551615");
    expect("/v1/vector/d", R"({"metric":"dot","dim":)", "dim must be a whole number from 1 to 4096");
    expect("/v1/vector/d", R"({"metric":"dot","dim":2,"index":{"m":)", "index.m must be a whole number from 2 to 128",
           "}}");
    expect("/v1/vector/c/delete", R"({"id":)", "id must be a string or a whole number from 0 to 18446744073709551615");
    expect("/v1/admin/keys", R"({"name":"n","roles":["query"],"expires_at_ms":)",
           "expires_at_ms must be a whole number from 0 to 9223372036854775807");
    expect("/v1/admin/compact", R"({"collection":)", "collection must be a string");
    expect("/v2/query", R"({"vector":[1,2],"k":)", "k must be a whole number from 0 to 1000");
    expect("/v2/vectors", R"({"vector":[1,2],"metadata":{"duration_ms":)",
           "metadata.duration_ms must be a whole number from 0 to 65535", "}}");
    expect("/v2/vectors/batch", R"({"vectors":[{"vector":[1,2],"idempotency_key":)",
           "vectors[0].idempotency_key must be a string", "}]}");
    expect_refused(search, fmt::format(R"({{"vector":[1,2],"top_k":{}}})", number), "unknown_field",
                   "field 'top_k' is not known to this route");
  }
  // Where any JSON may stand, or a float of that size.
  const std::string advice = " is an integer of more than 64 bits; write it with an exponent";
  for (const char* route : {"add", "upsert", "update"}) {
    const std::string target = fmt::format("/v1/vector/c/{}", route);
    expect_refused(target, R"({"id":9,"vector":[1,99999999999999999999]})", "invalid_argument", "vector[1]" + advice);
    expect_refused(target, R"({"id":9,"vector":[1,2],"meta":{"a":99999999999999999999}})", "invalid_argument",
                   "meta.a" + advice);
    expect_refused(target, R"({"id":9,"vector":[1,2],"meta":[1e999]})", "invalid_argument",
                   "meta[0] is too large a number");
  }
  expect_refused("/v2/vectors", R"({"vector":[1,2],"ignored":99999999999999999999})", "bad_request",
                 "ignored" + advice);
}

// ---- Depth ----

// `levels` brackets around nothing or around a number.
std::string nested(std::size_t levels, bool objects, bool empty) {
  std::string text;
  for (std::size_t i = 1; i < levels; ++i) {
    text += objects ? R"({"a":)" : "[";
  }
  text += objects ? (empty ? "{" : R"({"a":1)") : (empty ? "[" : "[1");
  return text + std::string(levels, objects ? '}' : ']');
}

TEST_F(BodyRules, bodies_nest_up_to_32_levels_whatever_is_innermost) {
  struct Place {
    std::string target;
    std::string before;
    std::string after;
    std::size_t levels_outside;
    int good = 200;
  };
  const std::vector<Place> places = {
      {"/v1/vector/c/upsert", R"({"id":1,"vector":[1,2],"meta":)", "}", 1},
      {"/v1/vector/c/upsert_batch", R"({"items":[{"id":1,"vector":[1,2],"meta":)", "}]}", 3},
      {"/v1/vector/c/update", R"({"id":1,"meta":)", "}", 1},
      {"/v1/vector/c/update", R"({"id":1,"meta_mode":"merge","meta":)", "}", 1},
      {"/v2/vectors", R"({"vector":[1,2],"ignored":)", "}", 1, 201},
      {"/v2/vectors", R"({"vector":[1,2],"metadata":{"ignored":)", "}}", 2, 201},
      {"/v2/vectors/batch", R"({"vectors":[{"vector":[1,2],"ignored":)", "}]}", 3, 201},
      {"/v2/query", R"({"vector":[1,2],"ignored":)", "}", 1},
  };
  for (const Place& place : places) {
    for (const unsigned kind : {0U, 1U, 2U, 3U}) {
      const bool objects = (kind & 1U) != 0;
      const bool empty = (kind & 2U) != 0;
      const auto ask = [&](std::size_t levels) {
        return api_.post(place.target,
                         place.before + nested(levels - place.levels_outside, objects, empty) + place.after);
      };
      const std::string what = fmt::format("{} {} {} {}", place.target, place.before, objects, empty);
      EXPECT_EQ(ask(limits::kJsonDepthMax - 1).status, place.good) << what;
      EXPECT_EQ(ask(limits::kJsonDepthMax).status, place.good) << what;
      const std::uint64_t lsn = api_.lsn();
      const ApiAnswer refused = ask(limits::kJsonDepthMax + 1);
      EXPECT_EQ(refused.status, 400) << what;
      EXPECT_EQ(refused.body.value("error", refused.body.value("code", "")), "invalid_json") << what;
      EXPECT_EQ(refused.body.value("message", ""), "the body nests deeper than 32 levels") << what;
      EXPECT_EQ(api_.lsn(), lsn) << what;
    }
  }
}

// ---- What comes twice ----

TEST_F(BodyRules, a_field_comes_once) {
  const auto expect = [&](const std::string& target, const std::string& body, std::string_view field) {
    const bool is_v2 = target.starts_with("/v2/");
    expect_refused(target, body, is_v2 ? "bad_request" : "invalid_argument",
                   std::string(field) + " comes twice; give it once");
  };
  for (const char* route : {"add", "upsert", "update"}) {
    const std::string target = fmt::format("/v1/vector/c/{}", route);
    expect(target, R"({"id":5,"id":6,"vector":[1,2]})", "id");
    expect(target, R"({"id":5,"vector":[1,2],"vector":[1,2]})", "vector");
    expect(target, R"({"id":5,"vector":[1,2],"meta":{},"meta":null})", "meta");
    expect(target, R"({"id":null,"i\u0064":6,"vector":[1,2]})", "id");
  }
  expect("/v1/vector/c/delete", R"({"id":1,"id":2})", "id");
  expect("/v1/vector/c/delete_batch", R"({"ids":[1],"ids":[2]})", "ids");
  expect("/v1/vector/c/upsert_batch", R"({"items":[],"items":[]})", "items");
  expect("/v1/vector/c/upsert_batch", R"({"items":[{"id":5,"vector":[1,2]},{"id":6,"id":6,"vector":[1,2]}]})",
         "items[1]: id");
  expect("/v1/vector/c/search", R"({"vector":[1,2],"k":1,"k":2})", "k");
  expect("/v1/vector/d", R"({"dim":2,"dim":3,"metric":"dot"})", "dim");
  expect("/v1/vector/d", R"({"dim":2,"metric":"dot","index":{"kind":"flat","kind":"hnsw"}})", "index.kind");
  expect("/v1/admin/keys", R"({"name":"n","roles":["query"],"roles":["admin"]})", "roles");
  expect("/v1/admin/snapshot", R"({"name":"a","name":"b"})", "name");
  expect("/v2/query", R"({"vector":[1,2],"k":1,"k":2})", "k");
  expect("/v2/vectors", R"({"vector":[1,2],"vector":[1,2]})", "vector");
  expect("/v2/vectors", R"({"vector":[1,2],"metadata":{"bpm":1,"bpm":2}})", "metadata.bpm");
  expect("/v2/vectors/batch", R"({"vectors":[{"vector":[1,2],"vector":[1,2]}]})", "vectors[0].vector");
}

TEST_F(BodyRules, inside_of_meta_keys_may_come_twice) {
  EXPECT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":5,"vector":[1,2],"meta":{"a":1,"a":2}})").status, 200);
  EXPECT_EQ(api_.get("/v1/vector/c/get?id=5").body["meta"]["a"], 2);
}

TEST_F(BodyRules, a_query_parameter_comes_once_on_every_route_of_v1) {
  const std::uint64_t lsn = api_.lsn();
  int checked = 0;
  for (const Route* route : api_.table().routes()) {
    if (!route->pattern.starts_with("/v1/")) continue;
    ASSERT_TRUE(route->known_query_parameters.has_value()) << route->label;
    std::string path = route->pattern;
    if (const auto name = path.find("{collection}"); name != std::string::npos)
      path.replace(name, 12, std::string("c"));
    if (const auto name = path.find("{id}"); name != std::string::npos) path.replace(name, 4, std::string("x"));
    for (const std::string& parameter : *route->known_query_parameters) {
      for (const std::string_view second : {"=1", "=2", ""}) {
        const ApiAnswer answer = api_.call(route->method, fmt::format("{0}?{1}=1&{1}{2}", path, parameter, second));
        EXPECT_EQ(answer.status, 400) << route->label;
        EXPECT_EQ(answer.body["error"], "invalid_argument") << route->label;
        EXPECT_EQ(answer.body["message"], fmt::format("query parameter {} comes twice; give it once", parameter));
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 30);
  EXPECT_EQ(api_.lsn(), lsn);
}

}  // namespace
}  // namespace vibrato::api
