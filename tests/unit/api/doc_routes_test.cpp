// /v1/doc over a real database.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;
using test::Headers;

class DocRoutes : public ::testing::Test {
 protected:
  ApiAnswer put(const std::string& id, const std::string& body, Headers headers = {}) {
    return api_.call(Method::kPut, "/v1/doc/c/" + id, body, std::move(headers));
  }
  ApiAnswer patch(const std::string& id, const std::string& body, Headers headers = {}) {
    return api_.call(Method::kPatch, "/v1/doc/c/" + id, body, std::move(headers));
  }
  ApiAnswer find(const std::string& body) { return api_.post("/v1/doc/c/find", body); }
  static json ids(const ApiAnswer& answer) {
    json found = json::array();
    for (const json& document : answer.body.at("documents")) {
      found.push_back(document.at("id"));
    }
    return found;
  }
  static Headers if_match(const std::string& revision) { return {{"If-Match", revision}}; }

  test::DatabaseApi api_;
};

TEST_F(DocRoutes, a_put_answers_the_document_and_a_get_the_same) {
  const ApiAnswer made = put("a%2Fb", R"({"z": 1, "a": [null, "\u00e9"]})");
  ASSERT_EQ(made.status, 200) << made.text;
  const json doc = {{"z", 1}, {"a", {nullptr, "\u00e9"}}};
  EXPECT_EQ(made.body, json({{"id", "a/b"}, {"revision", api_.lsn()}, {"doc", doc}, {"lsn", api_.lsn()}}));
  const ApiAnswer got = api_.get("/v1/doc/c/a%2Fb");
  EXPECT_EQ(got.body, json({{"id", "a/b"}, {"revision", api_.lsn()}, {"doc", doc}}));
  EXPECT_EQ(api_.get("/v1/doc/c/b").body["error"], "not_found");
  EXPECT_EQ(api_.get("/v1/doc/d/a%2Fb").body["error"], "not_found");
  EXPECT_EQ(api_.get("/v1/doc/c/a%2Fb?min_lsn=1").status, 200);
  EXPECT_EQ(api_.get("/v1/doc/c/a%2Fb?x=1").body["error"], "unknown_field");
}

TEST_F(DocRoutes, any_json_is_a_document) {
  for (const std::string value : {"null", "7", "-0.5", " true ", "\"\"", "[]", "{}", "[{\"a\":-0.0}]"}) {
    const ApiAnswer made = put("a", value);
    ASSERT_EQ(made.status, 200) << made.text;
    EXPECT_EQ(api_.get("/v1/doc/c/a").body["doc"], json::parse(value));
  }
  for (const std::string bad : {"{", "nul", "[1,]", "1 2", "{\"a\":1},{}", "\"\xff\""}) {
    EXPECT_EQ(put("a", bad).body["error"], "invalid_json") << bad;
  }
  for (const std::string bad : {"1e999", "[1,1e999]", "{\"a\":1e999}"}) {
    EXPECT_EQ(put("a", bad).body["error"], "invalid_argument") << bad;
  }
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(put("a", nested(limits::kJsonDepthMax)).status, 200);
  EXPECT_EQ(put("a", nested(limits::kJsonDepthMax + 1)).body["error"], "invalid_json");
  EXPECT_EQ(put("a", "").status, 415);
  EXPECT_EQ(put("a", "1", {{"Content-Type", "text/plain"}}).status, 415);
}

TEST_F(DocRoutes, names_ids_and_documents_have_caps) {
  EXPECT_EQ(put(std::string(limits::kDocumentIdBytesMax, 'i'), "1").status, 200);
  EXPECT_EQ(put(std::string(limits::kDocumentIdBytesMax + 1, 'i'), "1").body["error"], "invalid_argument");
  EXPECT_EQ(put("a%00", "1").body["error"], "invalid_argument");
  EXPECT_EQ(put("a%ff", "1").body["error"], "invalid_argument");
  for (const std::string& collection : {std::string(limits::kCollectionNameBytesMax + 1, 'c'), std::string(".c")}) {
    EXPECT_EQ(api_.call(Method::kPut, "/v1/doc/" + collection + "/a", "1").body["error"], "invalid_argument");
    EXPECT_EQ(api_.post("/v1/doc/" + collection + "/find", "{}").body["error"], "invalid_argument");
    EXPECT_EQ(api_.del("/v1/doc/" + collection).body["error"], "invalid_argument");
  }
  const auto text = [](std::size_t bytes) { return '"' + std::string(bytes - 2, 'x') + '"'; };
  EXPECT_EQ(put("a", text(limits::kStateValueBytesMax)).status, 200);
  EXPECT_EQ(put("a", text(limits::kStateValueBytesMax + 1)).body["error"], "payload_too_large");
}

TEST_F(DocRoutes, if_match_names_the_revision_that_must_be_there) {
  EXPECT_EQ(put("a", "1", if_match("1")).body["error"], "revision_mismatch");
  const ApiAnswer made = put("a", "1", if_match("0"));
  ASSERT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(put("a", "1", if_match("0")).status, 409);
  const std::string revision = made.body["revision"].dump();
  const ApiAnswer again = put("a", "2", if_match(revision));
  ASSERT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(patch("a", "{}", if_match(revision)).body["error"], "revision_mismatch");
  EXPECT_EQ(api_.del("/v1/doc/c/a", if_match(revision)).body["error"], "revision_mismatch");
  EXPECT_EQ(put("a", "{}", if_match('"' + again.body["revision"].dump() + '"')).status, 200);
  for (const char* bad : {"", "x", "-1", "1.0", "*", "\"", "W/\"1\"", "18446744073709551616"}) {
    EXPECT_EQ(put("a", "1", if_match(bad)).body["error"], "invalid_argument") << bad;
  }
  EXPECT_EQ(put("a", "1", {{"If-Match", "1"}, {"if-match", "1"}}).body["error"], "invalid_argument");
}

TEST_F(DocRoutes, a_patch_merges_into_the_document) {
  EXPECT_EQ(patch("a", "{}").body["error"], "not_found");
  EXPECT_EQ(patch("a", "{}", if_match("0")).body["error"], "not_found");
  put("a", R"({"title":"x","by":{"name":"n","mail":"m"}})");
  const ApiAnswer patched = patch("a", R"({"by":{"mail":null},"n":1})");
  const json doc = {{"title", "x"}, {"by", {{"name", "n"}}}, {"n", 1}};
  EXPECT_EQ(patched.body, json({{"id", "a"}, {"revision", api_.lsn()}, {"doc", doc}, {"lsn", api_.lsn()}}));
  EXPECT_EQ(api_.get("/v1/doc/c/a").body["doc"], doc);
}

TEST_F(DocRoutes, a_delete_says_whether_there_was_one) {
  put("a", "1");
  EXPECT_EQ(api_.del("/v1/doc/c/a").body, json({{"deleted", true}, {"lsn", api_.lsn()}}));
  EXPECT_EQ(api_.del("/v1/doc/c/a").body, json({{"deleted", false}}));
  EXPECT_EQ(api_.del("/v1/doc/c/a", if_match("0")).body, json({{"deleted", false}}));
  EXPECT_EQ(api_.del("/v1/doc/c/a", if_match("7")).status, 409);
  EXPECT_EQ(api_.get("/v1/doc/c/a").status, 404);
}

TEST_F(DocRoutes, an_id_may_be_called_find) {
  EXPECT_EQ(put("find", "7").status, 200);
  EXPECT_EQ(api_.get("/v1/doc/c/find").body["doc"], 7);
  EXPECT_EQ(ids(find("{}")), json({"find"}));
  EXPECT_EQ(api_.post("/v1/doc/c/other", "{}").status, 405);
}

TEST_F(DocRoutes, find_filters_sorts_and_pages) {
  EXPECT_EQ(find("{}").body, json({{"documents", json::array()}, {"next_cursor", nullptr}}));
  for (int i = 0; i < 25; ++i) {
    put(fmt::format("{:02}", i), fmt::format(R"({{"n":{},"odd":{}}})", i, i % 2 == 1));
  }
  const ApiAnswer page = find("{}");
  EXPECT_EQ(ids(page).size(), 20U);
  EXPECT_EQ(page.body["documents"][0], json({{"id", "00"}, {"revision", 1}, {"doc", {{"n", 0}, {"odd", false}}}}));
  EXPECT_EQ(ids(find(json({{"cursor", page.body["next_cursor"]}}).dump())), json({"20", "21", "22", "23", "24"}));
  const ApiAnswer odd = find(R"({"filter":{"key":"odd","match":{"value":true}},
                                "sort":[{"key":"n","order":"desc"}],"limit":2})");
  EXPECT_EQ(ids(odd), json({"23", "21"}));
  EXPECT_TRUE(odd.body["next_cursor"].is_string());
  EXPECT_EQ(ids(find(R"({"filter":{"key":"n","range":{"gte":23}},"sort":[{"key":"n"}],"limit":2})")),
            json({"23", "24"}));
}

TEST_F(DocRoutes, find_refuses_what_it_does_not_know) {
  const auto code = [&](const std::string& body) { return find(body).body.value("error", ""); };
  EXPECT_EQ(code(R"({"filters":{}})"), "unknown_field");
  EXPECT_EQ(code(R"({"filter":{"ky":"n"}})"), "invalid_filter");
  EXPECT_EQ(code(R"({"sort":{"key":"n"}})"), "invalid_argument");
  EXPECT_EQ(code(R"({"sort":[{"key":"n","order":"up"}]})"), "invalid_argument");
  EXPECT_EQ(code(R"({"sort":[{"order":"asc"}]})"), "invalid_argument");
  EXPECT_EQ(code(R"({"sort":[{"key":"n","by":1}]})"), "unknown_field");
  EXPECT_EQ(code(R"({"limit":0})"), "invalid_argument");
  EXPECT_EQ(code(R"({"limit":1000})"), "");
  EXPECT_EQ(code(R"({"limit":1001})"), "invalid_argument");
  EXPECT_EQ(code(R"({"cursor":"nonsense"})"), "invalid_argument");
  EXPECT_EQ(code("[]"), "invalid_argument");
  const auto sort_of = [&](std::size_t keys) {
    json sort = json::array();
    for (std::size_t i = 0; i < keys; ++i) {
      sort.push_back({{"key", "n"}});
    }
    return code(json({{"sort", sort}}).dump());
  };
  EXPECT_EQ(sort_of(limits::kSortKeysMax - 1), "");
  EXPECT_EQ(sort_of(limits::kSortKeysMax), "");
  EXPECT_EQ(sort_of(limits::kSortKeysMax + 1), "invalid_argument");
}

TEST_F(DocRoutes, a_collection_is_dropped_one_document_a_record) {
  EXPECT_EQ(api_.del("/v1/doc/c").body, json({{"deleted", 0}}));
  for (int i = 0; i < 1005; ++i) {
    put(fmt::format("{:04}", i), "1");
  }
  api_.call(Method::kPut, "/v1/doc/c2/a", "1");
  const std::uint64_t before = api_.lsn();
  EXPECT_EQ(api_.del("/v1/doc/c").body, json({{"deleted", 1005}, {"lsn", before + 1005}}));
  EXPECT_EQ(ids(find("{}")), json::array());
  EXPECT_EQ(api_.get("/v1/doc/c2/a").status, 200);
}

TEST_F(DocRoutes, a_key_makes_a_write_happen_once) {
  const Headers key = {{"Idempotency-Key", "k1"}};
  const ApiAnswer first = put("a", "1", key);
  ASSERT_EQ(first.status, 200) << first.text;
  EXPECT_EQ(put("a", "1", key).text, first.text);
  EXPECT_EQ(put("a", "2", key).body["error"], "conflict");
  EXPECT_EQ(put("a", "1", {{"Idempotency-Key", "k1"}, {"If-Match", "0"}}).body["error"], "conflict");
  const Headers drop = {{"Idempotency-Key", "k2"}};
  const ApiAnswer dropped = api_.del("/v1/doc/c", drop);
  EXPECT_EQ(dropped.body["deleted"], 1);
  EXPECT_EQ(api_.del("/v1/doc/c", drop).text, dropped.text);
}

TEST_F(DocRoutes, durability_is_told_and_documents_outlive_a_restart) {
  EXPECT_EQ(api_.call(Method::kPut, "/v1/doc/c/a?durability=relaxed", "1").body["durability"], "relaxed");
  EXPECT_EQ(api_.call(Method::kPut, "/v1/doc/c/a?durability=no", "1").body["error"], "invalid_argument");
  const ApiAnswer made = put("a", R"({"n":1})");
  put("b", R"({"n":2})");
  api_.del("/v1/doc/c/b");
  api_.restart();
  EXPECT_EQ(api_.get("/v1/doc/c/a").body["revision"], made.body["revision"]);
  EXPECT_EQ(ids(find("{}")), json({"a"}));
}

}  // namespace
}  // namespace vibrato::api
