// The queries beside plain search, and what filters do to searches, over a real database: hot rows first, then the same
// sealed.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;

class QueryRoutes : public ::testing::TestWithParam<bool> {
 protected:
  // Points 0 to 9 on a line, "a" and "b" beside it.
  void SetUp() override {
    ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"l2"})").status, 200);
    for (int i = 0; i < 10; ++i) {
      const json meta = {{"n", i},
                         {"even", i % 2 == 0},
                         {"tags", {std::string(1, 't').append(std::to_string(i % 3)), "all"}},
                         {"deep", {{"half", i / 2.0}}}};
      put(i, {i, 0}, meta);
    }
    put("a", {3, 1}, nullptr);
    put("b", {4, 1}, {{"n", "text"}});
    if (GetParam()) {
      ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
    }
  }

  void put(const json& id, const json& vector, const json& meta) {
    const json body = {{"id", id}, {"vector", vector}, {"meta", meta}};
    ASSERT_EQ(api_.post("/v1/vector/c/upsert", body.dump()).status, 200);
  }
  ApiAnswer call(const std::string& route, const json& body) { return api_.post("/v1/vector/c/" + route, body.dump()); }
  static json ids_in(const json& list) {
    json found = json::array();
    for (const json& one : list) {
      found.push_back(one.at("id"));
    }
    return found;
  }
  json hits(json body) {
    body.emplace("vector", json::array({0, 0}));
    const ApiAnswer answer = call("search", body);
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.status == 200 ? ids_in(answer.body.at("hits")) : json();
  }
  void expect_error(const ApiAnswer& answer, int status, const std::string& code, const std::string& part) {
    EXPECT_EQ(answer.status, status) << answer.text;
    EXPECT_EQ(answer.body.value("error", ""), code);
    EXPECT_NE(answer.body.value("message", "").find(part), std::string::npos) << answer.text;
  }

  test::DatabaseApi api_;
};

json match(const std::string& key, const json& value) {
  return {{"key", key}, {"match", {{"value", value}}}};
}

TEST_P(QueryRoutes, filters_let_through_what_they_say) {
  EXPECT_EQ(hits({{"filter", match("even", true)}, {"k", 3}}), json({0, 2, 4}));
  EXPECT_EQ(hits({{"filter", {{"must_not", match("tags", "all")}}}}), json({"a", "b"}));
  EXPECT_EQ(hits({{"filters", {{"even", false}, {"tags", "t0"}}}}), json({3, 9}));
  EXPECT_EQ(hits({{"filter", {{"key", "deep.half"}, {"range", {{"gte", 2}, {"lt", 3}}}}}}), json({4, 5}));
  EXPECT_EQ(hits({{"filter", match("even", true)}, {"filters", {{"n", 4.0}}}}), json({4}));
  EXPECT_EQ(hits({{"filter", {{"has_id", {"a", 7, "7"}}}}}), json({"a", 7}));
  EXPECT_EQ(hits({{"filter", {{"is_empty", "n"}}}}), json({"a"}));
  EXPECT_EQ(hits({{"filter", match("n", 77)}}), json::array());
}

TEST_P(QueryRoutes, a_filter_that_is_wrong_names_its_place) {
  const json search = {{"vector", {0, 0}},
                       {"filter", {{"must", {match("n", 1), {{"key", "n"}, {"range", {{"gt", "x"}}}}}}}}};
  expect_error(call("search", search), 400, "invalid_filter", "filter.must[1].range.gt");
  expect_error(call("count", {{"filter", {{"key", "n"}}}}), 400, "invalid_filter", "filter");
  expect_error(call("scroll", {{"filter", 7}}), 400, "invalid_filter", "filter");
  expect_error(call("delete_by_filter", {{"filter", {{"mustn't", json::array()}}}}), 400, "invalid_filter", "mustn't");
}

TEST_P(QueryRoutes, explain_says_how_many_rows_match) {
  const ApiAnswer answer = call("search", {{"vector", {0, 0}}, {"filter", match("even", true)}, {"explain", true}});
  ASSERT_EQ(answer.status, 200) << answer.text;
  ASSERT_EQ(answer.body["explain"].size(), 1U);
  EXPECT_EQ(answer.body["explain"][0]["matching"], 5);
  EXPECT_EQ(answer.body["explain"][0]["estimated"], 5);
  EXPECT_EQ(answer.body["explain"][0]["plan"], "filtered_scan");
}

TEST_P(QueryRoutes, explain_tells_the_estimate_from_what_is_alive) {
  call("delete", {{"id", 2}});
  put(4, {4, 0}, {{"even", true}});
  const json asked = {{"vector", {0, 0}}, {"filter", match("even", true)}, {"explain", true}};
  const json parts = call("search", asked).body["explain"];
  ASSERT_EQ(parts.size(), GetParam() ? 2U : 1U);
  const json& first = parts[0];
  EXPECT_EQ(first["matching"], GetParam() ? 3 : 4) << first;
  EXPECT_EQ(first["estimated"], GetParam() ? 5 : 6) << "2, and 4 as it was, still take space: " << first;
  EXPECT_EQ(first["rows"], GetParam() ? 12 : 13);
  EXPECT_GE(first["rows_visited"], first["matching"]);
  EXPECT_GE(first["distances"], first["matching"]);
  if (GetParam()) {
    EXPECT_EQ(parts[1]["segment"], "hot");
    EXPECT_EQ(parts[1]["matching"], 1);
    EXPECT_EQ(parts[1]["estimated"], 1);
  }
  const json none = call("search", {{"vector", {0, 0}}, {"filter", match("n", 77)}, {"explain", true}}).body["explain"];
  EXPECT_EQ(none[0]["plan"], "none");
  EXPECT_EQ(none[0]["estimated"], 0);
  EXPECT_EQ(none[0]["rows_visited"], 0);
  const json plain = call("search", {{"vector", {0, 0}}, {"explain", true}}).body["explain"];
  EXPECT_FALSE(plain[0].contains("matching"));
  EXPECT_FALSE(plain[0].contains("estimated"));
}

TEST_P(QueryRoutes, scroll_walks_all_points_in_the_order_of_their_ids) {
  json seen = json::array();
  json body = {{"limit", 5}};
  for (int page = 0; page < 3; ++page) {
    const ApiAnswer answer = call("scroll", body);
    ASSERT_EQ(answer.status, 200) << answer.text;
    for (const json& item : answer.body["items"]) {
      seen.push_back(item["id"]);
      EXPECT_TRUE(item.contains("meta"));
      EXPECT_FALSE(item.contains("vector"));
    }
    EXPECT_EQ(answer.body["next_cursor"].is_null(), page == 2) << answer.text;
    body["cursor"] = answer.body["next_cursor"];
  }
  EXPECT_EQ(seen, json({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, "a", "b"}));
}

TEST_P(QueryRoutes, a_cursor_goes_on_behind_its_id_whatever_is_written_meanwhile) {
  const ApiAnswer first = call("scroll", {{"limit", 4}, {"filter", match("tags", "all")}});
  ASSERT_EQ(ids_in(first.body["items"]), json({0, 1, 2, 3}));
  call("delete", {{"id", 3}});
  call("delete", {{"id", 5}});
  put(2, {9, 9}, {{"tags", "all"}});
  put(11, {9, 9}, {{"tags", "all"}});
  const ApiAnswer rest = call("scroll", {{"cursor", first.body["next_cursor"]},
                                         {"filter", match("tags", "all")},
                                         {"include_vector", true},
                                         {"include_meta", false}});
  EXPECT_EQ(ids_in(rest.body["items"]), json({4, 6, 7, 8, 9, 11}));
  EXPECT_TRUE(rest.body["next_cursor"].is_null());
  EXPECT_EQ(rest.body["items"][0], json({{"id", 4}, {"vector", {4.0, 0.0}}}));
  expect_error(call("scroll", {{"cursor", "zz"}}), 400, "invalid_argument", "cursor");
  expect_error(call("scroll", {{"limit", 10001}}), 400, "invalid_argument", "limit");
  EXPECT_EQ(call("scroll", {{"limit", 10000}}).status, 200);
}

TEST_P(QueryRoutes, the_last_page_has_no_cursor_even_if_it_is_full) {
  EXPECT_TRUE(call("scroll", {{"limit", 12}}).body["next_cursor"].is_null());
  EXPECT_FALSE(call("scroll", {{"limit", 11}}).body["next_cursor"].is_null());
}

TEST_P(QueryRoutes, count_is_exact) {
  EXPECT_EQ(call("count", json::object()).body, json({{"count", 12}}));
  EXPECT_EQ(call("count", {{"filter", match("even", true)}}).body["count"], 5);
  call("delete", {{"id", 2}});
  put(4, {0, 0}, {{"even", false}});
  EXPECT_EQ(call("count", {{"filter", match("even", true)}}).body["count"], 3);
  EXPECT_EQ(call("count", json::object()).body["count"], 11);
}

TEST_P(QueryRoutes, facets_count_values_most_frequent_first) {
  EXPECT_EQ(call("facet", {{"field", "tags"}}).body["values"], json({{{"value", "all"}, {"count", 10}},
                                                                     {{"value", "t0"}, {"count", 4}},
                                                                     {{"value", "t1"}, {"count", 3}},
                                                                     {{"value", "t2"}, {"count", 3}}}));
  EXPECT_EQ(call("facet", {{"field", "even"}, {"filter", match("tags", "t0")}}).body["values"],
            json({{{"value", false}, {"count", 2}}, {{"value", true}, {"count", 2}}}));
  const json values = call("facet", {{"field", "n"}, {"limit", 3}}).body["values"];
  EXPECT_EQ(values, json({{{"value", 0}, {"count", 1}}, {{"value", 1}, {"count", 1}}, {{"value", 2}, {"count", 1}}}));
  EXPECT_EQ(call("facet", {{"field", "deep.half"}, {"limit", 2}}).body["values"][1],
            json({{"value", 0.5}, {"count", 1}}));
  EXPECT_EQ(call("facet", {{"field", "deep"}}).body["values"], json::array());
  expect_error(call("facet", json::object()), 400, "invalid_argument", "field");
}

TEST_P(QueryRoutes, get_batch_keeps_the_order_and_leaves_out_what_is_not_there) {
  const ApiAnswer answer = call("get_batch", {{"ids", {"b", 99, 1, "1"}}});
  EXPECT_EQ(ids_in(answer.body["items"]), json({"b", 1}));
  EXPECT_EQ(answer.body["items"][0]["vector"], json({4.0, 1.0}));
  expect_error(call("get_batch", {{"ids", {1, true}}}), 400, "invalid_argument", "ids[1]");
  expect_error(call("get_batch", {{"ids", json::array()}}), 400, "invalid_argument", "ids");
}

TEST_P(QueryRoutes, search_batch_answers_in_the_order_of_the_searches) {
  const json near_nine = {{"vector", {9, 0}}, {"k", 1}};
  const json even_near_one = {{"vector", {1, 0}}, {"k", 2}, {"filter", match("even", true)}, {"include_meta", true}};
  const ApiAnswer answer = call("search_batch", {{"searches", {near_nine, even_near_one, {{"id", "a"}, {"k", 1}}}}});
  ASSERT_EQ(answer.status, 200) << answer.text;
  ASSERT_EQ(answer.body["results"].size(), 3U);
  EXPECT_EQ(ids_in(answer.body["results"][0]["hits"]), json({9}));
  EXPECT_EQ(ids_in(answer.body["results"][1]["hits"]), json({0, 2}));
  EXPECT_EQ(answer.body["results"][1]["hits"][0]["meta"]["n"], 0);
  EXPECT_EQ(ids_in(answer.body["results"][2]["hits"]).size(), 1U);
  json searches = json::array();
  for (int i = 0; i < 256; ++i) {
    searches.push_back({{"vector", {i % 10, 0}}, {"k", 1}});
  }
  const ApiAnswer most = call("search_batch", {{"searches", searches}});
  ASSERT_EQ(most.status, 200) << most.text;
  for (std::size_t i = 0; i < 256; ++i) {
    EXPECT_EQ(ids_in(most.body["results"][i]["hits"]), json({i % 10}));
  }
  searches.push_back(near_nine);
  expect_error(call("search_batch", {{"searches", searches}}), 400, "invalid_argument", "searches must have 1 to 256");
  expect_error(call("search_batch", {{"searches", {near_nine, {{"vector", {1}}}}}}), 400, "dim_mismatch",
               "searches[1]");
  expect_error(call("search_batch", {{"searches", {near_nine, {{"id", 77}}}}}), 404, "not_found", "searches[1]");
  expect_error(call("search_batch", {{"searches", {{{"vektor", {1}}}}}}), 400, "unknown_field", "searches[0]: field");
}

TEST_P(QueryRoutes, recommend_goes_towards_some_and_away_from_others) {
  const ApiAnswer like = call("recommend", {{"positive", {4, json::array({4, 0})}}, {"k", 2}});
  ASSERT_EQ(like.status, 200) << like.text;
  EXPECT_EQ(ids_in(like.body["hits"]), json({3, 5}));
  const ApiAnswer away = call("recommend", {{"positive", {5}}, {"negative", {3}}, {"k", 2}});
  EXPECT_EQ(ids_in(away.body["hits"]), json({7, 6}));
  EXPECT_EQ(ids_in(call("recommend", {{"positive", {5}}, {"filter", match("even", true)}, {"k", 1}}).body["hits"]),
            json({4}));
  EXPECT_EQ(ids_in(call("recommend", {{"positive", {4, json::array({4, 0})}}, {"k", 2}, {"recall", 0.9}}).body["hits"]),
            ids_in(like.body["hits"]));
  expect_error(call("recommend", {{"positive", {5}}, {"recall", 0.4}}), 400, "invalid_argument", "recall");
  expect_error(call("recommend", {{"positive", {77}}}), 404, "not_found", "positive[0]");
  expect_error(call("recommend", json::object()), 400, "invalid_argument", "positive");
  expect_error(call("recommend", {{"positive", {json::array({1, 2, 3})}}}), 400, "dim_mismatch", "positive[0]");
}

TEST_P(QueryRoutes, groups_give_each_value_its_best_hits) {
  EXPECT_EQ(hits({{"group_by", "even"}, {"k", 2}}), json({0, 1}));
  EXPECT_EQ(hits({{"group_by", "even"}, {"k", 2}, {"group_limit", 2}}), json({0, 1, 2, 3}));
  EXPECT_EQ(hits({{"group_by", "even"}, {"k", 4}}), json({0, 1, "a", "b"}));
  EXPECT_EQ(hits({{"group_by", "even"}, {"k", 2}, {"offset", 1}}), json({1, "a"}));
  EXPECT_EQ(hits({{"group_by", "n"}, {"k", 3}, {"filter", match("tags", "t1")}}), json({1, 4, 7}));
  EXPECT_EQ(hits({{"group_by", "even"}, {"offset", 20'000}}), json::array()) << "offset has no cap";
  expect_error(call("search", {{"vector", {0, 0}}, {"group_limit", 2}}), 400, "invalid_argument", "group_by");
  expect_error(call("search", {{"vector", {0, 0}}, {"group_by", ""}}), 400, "invalid_argument", "group_by");
}

TEST_P(QueryRoutes, delete_by_filter_deletes_what_matches_and_nothing_else) {
  const ApiAnswer deleted = call("delete_by_filter", {{"filter", match("even", true)}});
  ASSERT_EQ(deleted.status, 200) << deleted.text;
  EXPECT_EQ(deleted.body, json({{"deleted", 5}, {"lsn", api_.lsn()}}));
  EXPECT_EQ(call("count", json::object()).body["count"], 7);
  EXPECT_EQ(call("delete_by_filter", {{"filter", match("even", true)}}).body, json({{"deleted", 0}}));
  expect_error(call("delete_by_filter", json::object()), 400, "invalid_argument", "filter");
  api_.restart();
  EXPECT_EQ(ids_in(call("scroll", json::object()).body["items"]), json({1, 3, 5, 7, 9, "a", "b"}));
  EXPECT_EQ(call("delete_by_filter", {{"filter", json::object()}}).body["deleted"], 7);
  EXPECT_EQ(call("count", json::object()).body["count"], 0);
}

TEST_P(QueryRoutes, delete_by_filter_is_done_once_for_an_idempotency_key) {
  const auto remove = [&](const std::string& key, const json& filter) {
    return api_.post("/v1/vector/c/delete_by_filter", json({{"filter", filter}}).dump(), {{"Idempotency-Key", key}});
  };
  const ApiAnswer first = remove("a", match("even", true));
  ASSERT_EQ(first.status, 200) << first.text;
  EXPECT_EQ(first.body["deleted"], 5);
  put(2, {2, 0}, {{"even", true}});
  EXPECT_EQ(remove("a", match("even", true)).text, first.text) << "and nothing is deleted again";
  api_.restart();
  EXPECT_EQ(remove("a", match("even", true)).text, first.text);
  EXPECT_EQ(call("count", {{"filter", match("even", true)}}).body["count"], 1);
  expect_error(remove("a", match("even", false)), 409, "conflict", "Idempotency-Key");
  const ApiAnswer none = remove("b", match("n", 77));
  EXPECT_EQ(none.body, json({{"deleted", 0}}));
  put(77, {2, 0}, {{"n", 77}});
  EXPECT_EQ(remove("b", match("n", 77)).text, none.text);
  expect_error(remove("a\n", json::object()), 400, "invalid_argument", "Idempotency-Key");
}

TEST_P(QueryRoutes, delete_by_filter_says_if_it_is_not_on_stable_storage_yet) {
  const std::uint64_t lsn = api_.lsn();
  const ApiAnswer relaxed = api_.post("/v1/vector/c/delete_by_filter?durability=relaxed", R"({"filter":{}})");
  EXPECT_EQ(relaxed.body, json({{"deleted", 12}, {"lsn", lsn + 12}, {"durability", "relaxed"}}));
}

INSTANTIATE_TEST_SUITE_P(Tiers, QueryRoutes, ::testing::Bool(),
                         [](const auto& tested) { return tested.param ? "sealed" : "hot"; });

// One group has the nearest ten thousand points and more.
TEST(GroupedSearch, finds_the_groups_behind_a_large_one) {
  test::DatabaseApi api;
  ASSERT_EQ(api.post("/v1/vector/c", R"({"dim":1,"metric":"l2"})").status, 200);
  constexpr int kLarge = 12'000;
  for (int first = 0; first < kLarge; first += 6000) {
    json items = json::array();
    for (int i = first; i < first + 6000; ++i) {
      items.push_back({{"id", i}, {"vector", {i}}, {"meta", {{"g", "large"}}}});
    }
    ASSERT_EQ(api.post("/v1/vector/c/upsert_batch", json({{"items", items}}).dump()).status, 200);
  }
  const json far = {{{"id", "x"}, {"vector", {kLarge}}, {"meta", {{"g", "far"}}}},
                    {{"id", "y"}, {"vector", {kLarge + 1}}, {"meta", {{"g", "far"}}}},
                    {{"id", "z"}, {"vector", {kLarge + 2}}}};
  ASSERT_EQ(api.post("/v1/vector/c/upsert_batch", json({{"items", far}}).dump()).status, 200);
  const ApiAnswer answer = api.post("/v1/vector/c/search", R"({"vector":[0],"k":3,"group_by":"g"})");
  ASSERT_EQ(answer.body["hits"].size(), 3U) << answer.text;
  EXPECT_EQ(answer.body["hits"][0]["id"], 0);
  EXPECT_EQ(answer.body["hits"][1]["id"], "x");
  EXPECT_EQ(answer.body["hits"][2]["id"], "z");
}

TEST(AnswerSize, of_many_points_is_bounded) {
  test::DatabaseApi api;
  ASSERT_EQ(api.post("/v1/vector/c", R"({"dim":1,"metric":"l2"})").status, 200);
  const json large = {{"id", 1}, {"vector", {1}}, {"meta", std::string(1'000'000, 'x')}};
  ASSERT_EQ(api.post("/v1/vector/c/upsert", large.dump()).status, 200);
  const auto status = [&](const std::string& route, const json& one, const char* field, std::size_t count) {
    const json body = {{field, std::vector<json>(count, one)}};
    return api.post("/v1/vector/c/" + route, body.dump()).body.value("error", "");
  };
  EXPECT_EQ(status("get_batch", 1, "ids", 60), "");
  EXPECT_EQ(status("get_batch", 1, "ids", 70), "payload_too_large");
  const json search = {{"vector", {1}}, {"include_meta", true}};
  EXPECT_EQ(status("search_batch", search, "searches", 60), "");
  EXPECT_EQ(status("search_batch", search, "searches", 70), "payload_too_large");
  for (int i = 0; i < 70; ++i) {
    const json point = {{"id", i}, {"vector", {1}}, {"meta", {{"v", std::to_string(i) + std::string(1'000'000, 'x')}}}};
    ASSERT_EQ(api.post("/v1/vector/c/upsert", point.dump()).status, 200);
  }
  EXPECT_EQ(api.post("/v1/vector/c/facet", R"({"field":"v","limit":60})").body["values"].size(), 60U);
  EXPECT_EQ(api.post("/v1/vector/c/facet", R"({"field":"v","limit":70})").body.value("error", ""), "payload_too_large");
}

TEST(IdentifyRoutes, finds_where_a_sequence_begins_on_both_surfaces) {
  test::DatabaseApi api({.no_auth = true, .v2_collection = "default"});
  for (int i = 0; i < 30; ++i) {
    const json metadata = {{"source_file", i < 15 ? "one" : "two"}, {"start_time_ms", 100 * i}, {"duration_ms", 100}};
    const json vector = {i % 7 + 1, i % 5 - 2, i % 3, i % 2 * 3};
    ASSERT_EQ(api.post("/v2/vectors", json({{"vector", vector}, {"metadata", metadata}}).dump()).status, 201);
  }
  const json frames = json::array({{17 % 7 + 1, 17 % 5 - 2, 17 % 3, 3}, {18 % 7 + 1, 18 % 5 - 2, 0, 0}});
  const ApiAnswer v2 = api.post("/v2/identify", json({{"vectors", frames}, {"k", 3}}).dump());
  ASSERT_EQ(v2.status, 200) << v2.text;
  ASSERT_GT(v2.body["data"]["results"].size(), 0U);
  const ApiAnswer v1 =
      api.post("/v1/vector/default/identify", json({{"vectors", frames}, {"include_meta", true}}).dump());
  ASSERT_EQ(v1.status, 200) << v1.text;
  for (const json& run : v1.body["results"]) {
    EXPECT_EQ(run["duration_ms"], 200);
    EXPECT_EQ(run["start_time_ms"], run["meta"]["start_time_ms"]);
  }
  EXPECT_EQ(v1.body["results"][0]["id"], v2.body["data"]["results"][0]["id"]);
  EXPECT_EQ(v1.body["results"][0]["start_time_ms"], v2.body["data"]["results"][0]["start_timestamp_ms"]);
  EXPECT_EQ(api.post("/v1/vector/default/identify", R"({"vectors":[]})").status, 400);
  EXPECT_EQ(api.post("/v1/vector/default/identify", R"({"vectors":[[1,2]]})").body["error"], "dim_mismatch");
  EXPECT_EQ(api.post("/v2/identify", json({{"vectors", frames}, {"k", 0}}).dump()).body["data"]["results"],
            json::array());
}

}  // namespace
}  // namespace vibrato::api
