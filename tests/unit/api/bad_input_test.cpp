// Every field of every route of /v1/vector and /v1/admin with what it does not take: the status, the code and the name
// of the field in the message; and nothing of it is logged.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;

constexpr std::string_view kInvalid = "invalid_argument";
constexpr std::string_view kUnknown = "unknown_field";

struct BadInput {
  Method method = Method::kPost;
  std::string target;
  std::string body;
  int status = 400;
  std::string_view code;
  std::string_view names;  // What the message has.
};

BadInput post(std::string target, std::string body, std::string_view code, std::string_view names, int status = 400) {
  return {Method::kPost, std::move(target), std::move(body), status, code, names};
}
BadInput get(std::string target, std::string_view code, std::string_view names, int status = 400) {
  return {Method::kGet, std::move(target), "", status, code, names};
}

class BadInputs : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(api_.post("/v1/vector/c", R"({"dim":2,"metric":"cosine"})").status, 200);
    ASSERT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":1,"vector":[1,2],"meta":{"a":1}})").status, 200);
    ASSERT_EQ(api_.post("/v1/vector/l2", R"({"dim":2,"metric":"l2"})").status, 200);
  }

  void expect_all_refused(const std::vector<BadInput>& inputs) {
    const std::uint64_t lsn = api_.lsn();
    for (const BadInput& input : inputs) {
      const ApiAnswer answer = api_.call(input.method, input.target, input.body);
      const std::string what = input.target + " " + input.body.substr(0, 200) + " -> " + answer.text.substr(0, 400);
      EXPECT_EQ(answer.status, input.status) << what;
      ASSERT_TRUE(answer.body.is_object()) << what;
      EXPECT_EQ(answer.body.value("error", ""), input.code) << what;
      EXPECT_NE(answer.body.value("message", "").find(input.names), std::string::npos) << what;
      EXPECT_EQ(answer.body.value("request_id", ""), "test-1") << what;
      EXPECT_EQ(api_.lsn(), lsn) << what;
    }
    // The log itself has nothing more either: the next write gets the next LSN.
    EXPECT_EQ(api_.post("/v1/vector/c/upsert", R"({"id":1,"vector":[1,2]})").body["lsn"], lsn + 1);
  }

  test::DatabaseApi api_;
};

// The same faults of a point's fields, in every body that has them.
void add_point_faults(const std::string& target, std::vector<BadInput>& inputs) {
  for (const char* id : {"-1", "-0", "7.0", "1e3", "true", "[1]", "{}"}) {
    inputs.push_back(post(target, R"({"id":)" + std::string(id) + R"(,"vector":[1,2]})", kInvalid, "id must be"));
  }
  inputs.push_back(post(target, R"({"id":"","vector":[1,2]})", kInvalid, "id"));
  inputs.push_back(post(target, R"({"id":"a\u0001","vector":[1,2]})", kInvalid, "id"));
  inputs.push_back(post(target, R"({"vector":[1,2]})", kInvalid, "id is missing"));
  inputs.push_back(post(target, R"({"id":null,"vector":[1,2]})", kInvalid, "id is missing"));
  inputs.push_back(post(target, R"({"id":99999999999999999999,"vector":[1,2]})", kInvalid, "id"));
  inputs.push_back(post(target, R"({"id":1,"vector":"[1,2]"})", kInvalid, "vector must be an array"));
  inputs.push_back(post(target, R"({"id":1,"vector":{}})", kInvalid, "vector must be an array"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1,"2"]})", kInvalid, "vector[1] must be a number"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1,null]})", kInvalid, "vector[1] must be a number"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1,1e39]})", kInvalid, "vector[1] is too large"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1e999,1]})", kInvalid, "vector[0]"));
  inputs.push_back(post(target, R"({"id":1,"vector":[0,0]})", kInvalid, "vector"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1]})", "dim_mismatch", "vector"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1,2,3]})", "dim_mismatch", "vector"));
  inputs.push_back(post(target, R"({"id":1,"vector":[]})", "dim_mismatch", "vector"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1,2],"vector_b64":"AACAPwAAIMA="})", kInvalid, "vector_b64"));
  inputs.push_back(post(target, R"({"id":1,"vector_b64":7})", kInvalid, "vector_b64 must be a string"));
  inputs.push_back(post(target, R"({"id":1,"vector_b64":"AACAPwAAIM*="})", kInvalid, "vector_b64 is not base64"));
  inputs.push_back(post(target, R"({"id":1,"vector_b64":"AACAPw=="})", "dim_mismatch", "vector"));
  inputs.push_back(post(target, R"({"id":1,"vector_b64":"AACAPwAA"})", kInvalid, "vector_b64 must be whole"));
  inputs.push_back(post(target, R"({"id":1,"vector_b64":"AACAfwAAgD8="})", kInvalid, "vector_b64[0] is not"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1,2],"metta":{}})", kUnknown, "'metta'"));
  inputs.push_back(post(target, R"({"id":1,"vector":[1,2],"x":null})", kUnknown, "'x'"));
}

void add_body_faults(const std::string& target, std::vector<BadInput>& inputs) {
  inputs.push_back(post(target, "{", "invalid_json", ""));
  inputs.push_back(post(target, "{} {}", "invalid_json", ""));
  inputs.push_back(post(target, R"({"a":NaN})", "invalid_json", ""));
  inputs.push_back(post(target, "{\"a\":\"\xff\"}", "invalid_json", ""));
  inputs.push_back(post(target, R"({"a":"\ud800"})", "invalid_json", ""));
  inputs.push_back(post(target, R"({"a":)" + std::string(40, '[') + std::string(40, ']') + "}", "invalid_json", ""));
  inputs.push_back(post(target, "[]", kInvalid, "JSON object"));
  inputs.push_back(post(target, "7", kInvalid, "JSON object"));
  inputs.push_back(post(target + "?durabilty=relaxed", "{}", kUnknown, "durabilty"));
}

TEST_F(BadInputs, points_of_add_and_upsert) {
  std::vector<BadInput> inputs;
  for (const std::string route : {"/v1/vector/c/add", "/v1/vector/c/upsert"}) {
    add_point_faults(route, inputs);
    add_body_faults(route, inputs);
    inputs.push_back(post(route, R"({"id":1})", kInvalid, "vector is missing"));
    inputs.push_back(post(route, R"({"id":1,"vector":null})", kInvalid, "vector is missing"));
    inputs.push_back(post(route + "?durability=no", R"({"id":1,"vector":[1,2]})", kInvalid, "durability"));
    inputs.push_back(post(route + "?durability=", R"({"id":1,"vector":[1,2]})", kInvalid, "durability"));
  }
  inputs.push_back(post("/v1/vector/c/add", R"({"id":1,"vector":[1,2]})", "already_exists", "id", 409));
  inputs.push_back(post("/v1/vector/none/add", R"({"id":1,"vector":[1,2]})", "not_found", "none", 404));
  inputs.push_back(post("/v1/vector/none/add", R"({"id":-1,"vector":[1,2]})", kInvalid, "id"));
  inputs.push_back(post("/v1/vector/a%2Fb/add", R"({"id":1,"vector":[1,2]})", kInvalid, "collection"));
  inputs.push_back(post("/v1/vector/.c/upsert", R"({"id":1,"vector":[1,2]})", kInvalid, "collection"));
  expect_all_refused(inputs);
}

TEST_F(BadInputs, update) {
  const std::string route = "/v1/vector/c/update";
  std::vector<BadInput> inputs;
  add_point_faults(route, inputs);
  add_body_faults(route, inputs);
  inputs.push_back(post(route, R"({"id":1,"meta":{},"meta_mode":"mix"})", kInvalid, "meta_mode must be"));
  inputs.push_back(post(route, R"({"id":1,"meta":{},"meta_mode":1})", kInvalid, "meta_mode must be"));
  inputs.push_back(post(route, R"({"id":2,"meta":{}})", "not_found", "id", 404));
  inputs.push_back(post(route + "?durability=x", R"({"id":1})", kInvalid, "durability"));
  expect_all_refused(inputs);
}

TEST_F(BadInputs, deletes) {
  std::vector<BadInput> inputs;
  const std::string one = "/v1/vector/c/delete";
  add_body_faults(one, inputs);
  inputs.push_back(post(one, "{}", kInvalid, "id is missing"));
  inputs.push_back(post(one, R"({"id":1.5})", kInvalid, "id must be"));
  inputs.push_back(post(one, R"({"id":"1"})", "not_found", "id", 404));
  inputs.push_back(post(one, R"({"id":1,"ids":[1]})", kUnknown, "'ids'"));
  const std::string many = "/v1/vector/c/delete_batch";
  add_body_faults(many, inputs);
  inputs.push_back(post(many, "{}", kInvalid, "ids is missing"));
  inputs.push_back(post(many, R"({"ids":1})", kInvalid, "ids must be an array"));
  inputs.push_back(post(many, R"({"ids":[]})", kInvalid, "ids must have 1 to 10000"));
  inputs.push_back(post(many, R"({"ids":[1],"filter":{}})", kUnknown, "'filter'"));
  expect_all_refused(inputs);
}

TEST_F(BadInputs, batches_that_fail_as_a_whole) {
  const std::string route = "/v1/vector/c/upsert_batch";
  std::vector<BadInput> inputs;
  add_body_faults(route, inputs);
  inputs.push_back(post(route, "{}", kInvalid, "items is missing"));
  inputs.push_back(post(route, R"({"items":{}})", kInvalid, "items must be an array"));
  inputs.push_back(post(route, R"({"items":[]})", kInvalid, "items must have 1 to 10000"));
  inputs.push_back(post(route, R"({"items":[{"id":1,"vector":[1,2]},7]})", kInvalid, "items[1] must be an object"));
  inputs.push_back(post(route, R"({"items":[{"id":1,"vector":[1,2]},null]})", kInvalid, "items[1] must be an object"));
  inputs.push_back(post(route, R"({"items":[{"id":1,"vector":[1,2],"mta":1}]})", kUnknown, "items[0]"));
  inputs.push_back(post(route, R"({"items":[{"id":1,"vector":[1,2]}],"more":1})", kUnknown, "'more'"));
  inputs.push_back(post("/v1/vector/no/upsert_batch", R"({"items":[{"id":1,"vector":[1]}]})", "not_found", "no", 404));
  expect_all_refused(inputs);
}

TEST_F(BadInputs, searches) {
  const std::string route = "/v1/vector/c/search";
  std::vector<BadInput> inputs;
  add_body_faults(route, inputs);
  const auto with = [&](const std::string& field, std::string_view code, std::string_view names) {
    inputs.push_back(post(route, R"({"vector":[1,2],)" + field + "}", code, names));
  };
  for (const char* bad : {"0", "-1", "1001", "1.5", R"("3")", "true", "18446744073709551616"}) {
    with(R"("k":)" + std::string(bad), kInvalid, "k");
  }
  for (const char* bad : {"0", "4097", "-5", R"("x")", "[1]"}) {
    with(R"("ef":)" + std::string(bad), kInvalid, "ef must be");
  }
  for (const char* bad : {"-1", "1.5", R"("0")"}) {
    with(R"("offset":)" + std::string(bad), kInvalid, "offset must be");
    with(R"("min_lsn":)" + std::string(bad), kInvalid, "min_lsn must be");
  }
  for (const char* flag : {"exact", "rescore", "include_meta", "include_vector", "explain"}) {
    for (const char* bad : {"1", R"("true")", "[]"}) {
      with(fmt::format("\"{}\":{}", flag, bad), kInvalid, flag);
    }
  }
  with(R"("min_score":"1")", kInvalid, "min_score must be");
  with(R"("min_score":1e39)", kInvalid, "min_score is too large");
  with(R"("max_distance":1)", kInvalid, "max_distance");
  with(R"("max_distance":[])", kInvalid, "max_distance must be");
  with(R"("tier":"hot")", kInvalid, "tier must be");
  with(R"("tier":1)", kInvalid, "tier must be");
  with(R"("id":1)", kInvalid, "id");
  with(R"("vector_b64":"AACAPwAAIMA=")", kInvalid, "vector_b64");
  with(R"("top_k":3)", kUnknown, "'top_k'");
  with(R"("filter":[])", "invalid_filter", "filter");
  with(R"("filters":{"a":null})", "invalid_filter", "filters");
  with(R"("group_by":1)", kInvalid, "group_by");
  with(R"("group_limit":2)", kInvalid, "group_by");
  with(R"("nprobe":3)", kInvalid, "not available yet");
  for (const char* recall : {"0.49", "0.9991", "1", "-0.9", "0"}) {
    with(std::string(R"("recall":)") + recall, kInvalid, "recall must be from 0.5 to 0.999");
  }
  with(R"("recall":"0.9")", kInvalid, "recall must be");
  with(R"("recall":0.9,"ef":100)", kInvalid, "recall and ef");
  inputs.push_back(post(route, "{}", kInvalid, "vector is missing"));
  inputs.push_back(post(route, R"({"vector":null,"id":null})", kInvalid, "vector is missing"));
  inputs.push_back(post(route, R"({"id":1.5})", kInvalid, "id must be"));
  inputs.push_back(post(route, R"({"vector":[0,0]})", kInvalid, "vector"));
  inputs.push_back(post(route, R"({"vector":[1]})", "dim_mismatch", "dim"));
  inputs.push_back(post(route, R"({"vector":[1,2,"x"]})", kInvalid, "vector[2]"));
  inputs.push_back(post(route, R"({"id":2})", "not_found", "id", 404));
  inputs.push_back(post("/v1/vector/none/search", R"({"vector":[1]})", "not_found", "none", 404));
  inputs.push_back(post("/v1/vector/l2/search", R"({"vector":[1,2],"min_score":1})", kInvalid, "min_score"));
  expect_all_refused(inputs);
}

TEST_F(BadInputs, collections) {
  const std::string route = "/v1/vector/new";
  std::vector<BadInput> inputs;
  add_body_faults(route, inputs);
  inputs.push_back(post(route, R"({"metric":"dot"})", kInvalid, "dim is missing"));
  for (const char* bad : {"0", "-1", "4097", "2.0", R"("2")"}) {
    inputs.push_back(post(route, R"({"metric":"dot","dim":)" + std::string(bad) + "}", kInvalid, "dim must be"));
  }
  inputs.push_back(post(route, R"({"dim":2})", kInvalid, "metric is missing"));
  inputs.push_back(post(route, R"({"dim":2,"metric":"euclid"})", kInvalid, "metric must be"));
  inputs.push_back(post(route, R"({"dim":2,"metric":1})", kInvalid, "metric must be"));
  const auto with = [&](const std::string& field, std::string_view code, std::string_view names) {
    inputs.push_back(post(route, R"({"dim":2,"metric":"dot",)" + field + "}", code, names));
  };
  with(R"("index":"hnsw")", kInvalid, "index must be an object");
  with(R"("index":{"kind":"tree"})", kInvalid, "index.kind must be");
  with(R"("index":{"kind":"diskann"})", kInvalid, "index.kind");
  with(R"("index":{"kind":"ivf_flat_q8"})", kInvalid, "index.kind");
  with(R"("index":{"m":1})", kInvalid, "index.m must be");
  with(R"("index":{"m":129})", kInvalid, "index.m must be");
  with(R"("index":{"ef_construction":0})", kInvalid, "index.ef_construction must be");
  with(R"("index":{"ef_construction":4097})", kInvalid, "index.ef_construction must be");
  with(R"("index":{"kind":"flat","m":8})", kInvalid, "index.m");
  with(R"("index":{"depth":8})", kUnknown, "'depth'");
  with(R"("quantization":"sq8")", kInvalid, "quantization must be an object");
  with(R"("quantization":{"kind":"sq2"})", kInvalid, "quantization.kind must be");
  with(R"("quantization":{"kind":8})", kInvalid, "quantization.kind must be");
  with(R"("quantization":{"bits":8})", kUnknown, "'bits'");
  with(R"("archive":true)", kInvalid, "archive must be an object");
  with(R"("archive":{"keep_raw":1})", kInvalid, "archive.keep_raw must be");
  with(R"("archive":{"codes":1})", kUnknown, "'codes'");
  with(R"("shards":1)", kUnknown, "'shards'");
  inputs.push_back(post("/v1/vector/..", R"({"dim":2,"metric":"dot"})", kInvalid, "collection"));
  inputs.push_back(post("/v1/vector/a%20b", R"({"dim":2,"metric":"dot"})", kInvalid, "collection"));
  inputs.push_back(post("/v1/vector/" + std::string(65, 'a'), R"({"dim":2,"metric":"dot"})", kInvalid, "collection"));
  inputs.push_back(post("/v1/vector/c", R"({"dim":3,"metric":"cosine"})", "already_exists", "c", 409));
  inputs.push_back({Method::kDelete, "/v1/vector/none", "", 404, "not_found", "none"});
  inputs.push_back({Method::kDelete, "/v1/vector/c?x=1", "", 400, kUnknown, "x"});
  inputs.push_back(get("/v1/vector/none", "not_found", "none", 404));
  inputs.push_back(get("/v1/vector/%00", kInvalid, "collection"));
  inputs.push_back(get("/v1/vector?min_lsn=-1", kInvalid, "min_lsn"));
  inputs.push_back(get("/v1/vector?min_lsn=", kInvalid, "min_lsn"));
  inputs.push_back(get("/v1/vector?limit=1", kUnknown, "limit"));
  inputs.push_back(get("/v1/vector/c?min_lsn=18446744073709551616", kInvalid, "min_lsn"));
  expect_all_refused(inputs);
}

TEST_F(BadInputs, ids_in_query_strings) {
  expect_all_refused({
      get("/v1/vector/c/get", kInvalid, "id is missing"),
      get("/v1/vector/c/get?id=", kInvalid, "id"),
      get("/v1/vector/c/get?id=%22%22", kInvalid, "id"),
      get("/v1/vector/c/get?id=%22a%22b%22", kInvalid, "id"),
      get("/v1/vector/c/get?id=a%01", kInvalid, "id"),
      get("/v1/vector/c/get?id=%ff", kInvalid, "id"),
      get("/v1/vector/c/get?id=" + std::string(257, 'a'), kInvalid, "id"),
      get("/v1/vector/c/get?id=2", "not_found", "id", 404),
      get("/v1/vector/c/get?id=1&idd=1", kUnknown, "idd"),
      get("/v1/vector/c/get?id=1&min_lsn=x", kInvalid, "min_lsn"),
      get("/v1/vector/c/get?id=%2", kInvalid, "escape"),
  });
}

TEST_F(BadInputs, operations) {
  std::vector<BadInput> inputs;
  for (const std::string route : {"/v1/admin/checkpoint", "/v1/admin/compact", "/v1/admin/snapshot"}) {
    inputs.push_back(post(route, R"({"force":true})", kUnknown, "'force'"));
    inputs.push_back(post(route, "{", "invalid_json", ""));
    inputs.push_back(post(route + "?wait=1", "", kUnknown, "wait"));
  }
  inputs.push_back(post("/v1/admin/compact", R"({"collection":7})", kInvalid, "collection must be"));
  inputs.push_back(post("/v1/admin/compact", R"({"collection":"../x"})", kInvalid, "collection"));
  inputs.push_back(post("/v1/admin/compact", R"({"collection":"none"})", "not_found", "none", 404));
  inputs.push_back(post("/v1/admin/snapshot", R"({"name":"../x"})", kInvalid, "name"));
  inputs.push_back(post("/v1/admin/snapshot", R"({"name":""})", kInvalid, "name"));
  inputs.push_back(get("/v1/admin/jobs?limit=0", kInvalid, "limit"));
  inputs.push_back(get("/v1/admin/jobs?limit=1001", kInvalid, "limit"));
  inputs.push_back(get("/v1/admin/jobs/none", "not_found", "job", 404));
  inputs.push_back(get("/v1/admin/audit?cursor=0", kInvalid, "cursor"));
  inputs.push_back(get("/v1/admin/audit?limit=x", kInvalid, "limit"));
  inputs.push_back(get("/v1/admin/audit?before=1", kUnknown, "before"));
  inputs.push_back(get("/v1/admin/stats?x=1", kUnknown, "x"));
  expect_all_refused(inputs);
}

TEST_F(BadInputs, keys) {
  const std::string route = "/v1/admin/keys";
  std::vector<BadInput> inputs;
  const auto add = [&](std::string body, std::string_view code, std::string_view names) {
    inputs.push_back(post(route, std::move(body), code, names));
  };
  add("{", "invalid_json", "");
  add(R"({"roles":["query"]})", kInvalid, "name is missing");
  add(R"({"name":1,"roles":["query"]})", kInvalid, "name must be");
  add(R"({"name":"a b","roles":["query"]})", kInvalid, "name");
  add(R"({"name":"","roles":["query"]})", kInvalid, "name");
  add(R"({"name":"a"})", kInvalid, "roles is missing");
  add(R"({"name":"a","roles":"query"})", kInvalid, "roles must be");
  add(R"({"name":"a","roles":[]})", kInvalid, "role");
  add(R"({"name":"a","roles":["root"]})", kInvalid, "root");
  add(R"({"name":"a","roles":[1]})", kInvalid, "roles[0] must be");
  add(R"({"name":"a","roles":["query"],"collections":"c"})", kInvalid, "collections must be");
  add(R"({"name":"a","roles":["query"],"collections":[]})", kInvalid, "collections");
  add(R"({"name":"a","roles":["query"],"collections":["../c"]})", kInvalid, "collection");
  add(R"({"name":"a","roles":["query"],"collections":[7]})", kInvalid, "collections[0] must be");
  add(R"({"name":"a","roles":["query"],"expires_at_ms":1})", kInvalid, "expires_at_ms");
  add(R"({"name":"a","roles":["query"],"expires_at_ms":-1})", kInvalid, "expires_at_ms must be");
  add(R"({"name":"a","roles":["query"],"expires_at_ms":"x"})", kInvalid, "expires_at_ms must be");
  add(R"({"name":"a","roles":["query"],"secret":"x"})", kUnknown, "'secret'");
  inputs.push_back({Method::kDelete, route + "/vbk_00000000000000000000000000000000", "", 404, "not_found", ""});
  expect_all_refused(inputs);
  EXPECT_TRUE(api_.get(route).body["keys"].empty());
}

TEST_F(BadInputs, bodies_must_say_that_they_are_json) {
  for (const char* target : {"/v1/vector/c/upsert", "/v1/vector/c/search", "/v1/admin/keys", "/v1/admin/snapshot",
                             "/v2/vectors", "/v2/query"}) {
    const ApiAnswer answer = api_.post(target, R"({"id":1,"vector":[1,2]})", {{"Content-Type", "text/plain"}});
    EXPECT_EQ(answer.status, 415) << target;
  }
  const ApiAnswer first = api_.post("/v1/vector/c/upsert?durability=x", "{", {{"Content-Type", "text/plain"}});
  EXPECT_EQ(first.body["error"], "invalid_argument") << "query parameters come before the media type";
}

// ---- Caps: one below, at, and one above. ----

TEST_F(BadInputs, ids_have_at_most_256_bytes) {
  const auto upsert = [&](std::size_t bytes) {
    return api_.post("/v1/vector/c/upsert", R"({"id":")" + std::string(bytes, 'x') + R"(","vector":[1,2]})").status;
  };
  EXPECT_EQ(upsert(limits::kPointIdBytesMax - 1), 200);
  EXPECT_EQ(upsert(limits::kPointIdBytesMax), 200);
  EXPECT_EQ(upsert(limits::kPointIdBytesMax + 1), 400);
}

TEST_F(BadInputs, meta_has_at_most_a_mebibyte_of_compact_json) {
  const auto upsert = [&](const std::string& route, std::size_t bytes) {
    // Blanks do not count; the quotes do.
    return api_.post("/v1/vector/c/" + route,
                     R"({"id":1,"vector":[1,2],"meta":   ")" + std::string(bytes - 2, 'x') + R"("   })");
  };
  for (const std::string route : {"upsert", "update"}) {
    EXPECT_EQ(upsert(route, limits::kMetaBytesMax - 1).status, 200);
    EXPECT_EQ(upsert(route, limits::kMetaBytesMax).status, 200);
    const ApiAnswer refused = upsert(route, limits::kMetaBytesMax + 1);
    EXPECT_EQ(refused.status, 413);
    EXPECT_EQ(refused.body["error"], "payload_too_large");
    EXPECT_NE(refused.body["message"].get<std::string>().find("meta"), std::string::npos);
  }
}

TEST_F(BadInputs, batches_have_at_most_10000_items) {
  const auto upsert = [&](std::size_t count) {
    std::string body = R"({"items":[)";
    for (std::size_t i = 0; i < count; ++i) {
      body += (i == 0 ? R"({"id":)" : R"(,{"id":)") + std::to_string(i) + R"(,"vector":[1,2]})";
    }
    return api_.post("/v1/vector/c/upsert_batch", body + "]}").status;
  };
  const auto remove = [&](std::size_t count) {
    std::string body = R"({"ids":[0)";
    for (std::size_t i = 1; i < count; ++i) {
      body += fmt::format(",{}", i);
    }
    return api_.post("/v1/vector/c/delete_batch", body + "]}").status;
  };
  const std::size_t most = limits::kBatchItemsMax;
  EXPECT_EQ(upsert(most - 1), 200);
  EXPECT_EQ(upsert(most), 200);
  EXPECT_EQ(upsert(most + 1), 400);
  EXPECT_EQ(remove(most - 1), 200);
  EXPECT_EQ(remove(most), 200);
  EXPECT_EQ(remove(most + 1), 400);
}

TEST_F(BadInputs, dimensions_go_up_to_their_maximum) {
  const auto create = [&](const std::string& name, std::uint32_t dim) {
    return api_.post(fmt::format("/v1/vector/{}", name), fmt::format(R"({{"metric":"dot","dim":{}}})", dim)).status;
  };
  EXPECT_EQ(create("a", limits::kDimDefaultMax - 1), 200);
  EXPECT_EQ(create("b", limits::kDimDefaultMax), 200);
  EXPECT_EQ(create("d", limits::kDimDefaultMax + 1), 400);
  EXPECT_EQ(create(std::string(limits::kCollectionNameBytesMax - 1, 'n'), 1), 200);
  EXPECT_EQ(create(std::string(limits::kCollectionNameBytesMax, 'n'), 1), 200);
  EXPECT_EQ(create(std::string(limits::kCollectionNameBytesMax + 1, 'n'), 1), 400);
}

TEST_F(BadInputs, k_and_ef_go_up_to_their_maximum) {
  const auto search = [&](const std::string& field, std::uint64_t value) {
    return api_.post("/v1/vector/c/search", R"({"vector":[1,2],")" + field + "\":" + std::to_string(value) + "}")
        .status;
  };
  EXPECT_EQ(search("k", limits::kSearchKDefaultMax - 1), 200);
  EXPECT_EQ(search("k", limits::kSearchKDefaultMax), 200);
  EXPECT_EQ(search("k", limits::kSearchKDefaultMax + 1), 400);
  EXPECT_EQ(search("ef", limits::kEfMax - 1), 200);
  EXPECT_EQ(search("ef", limits::kEfMax), 200);
  EXPECT_EQ(search("ef", limits::kEfMax + 1), 400);
  test::DatabaseApi raised({.search_k_max = limits::kSearchKMax, .no_auth = true});
  raised.post("/v1/vector/c", R"({"dim":1,"metric":"dot"})");
  EXPECT_EQ(raised.post("/v1/vector/c/search", R"({"vector":[1],"k":10000})").status, 200);
  EXPECT_EQ(raised.post("/v1/vector/c/search", R"({"vector":[1],"k":10001})").status, 400);
}

}  // namespace
}  // namespace vibrato::api
