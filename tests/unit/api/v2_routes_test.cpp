// /v2 over a real database: the fields, statuses and codes that clients of the earlier system know.
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "base/limits.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;

class V2Routes : public ::testing::Test {
 protected:
  ApiAnswer write(const std::string& body) { return api_.post("/v2/vectors", body); }
  ApiAnswer write_batch(const std::string& body) { return api_.post("/v2/vectors/batch", body); }
  ApiAnswer query(const std::string& body) { return api_.post("/v2/query", body); }
  json results(const ApiAnswer& answer) { return answer.body.at("data").at("results"); }

  void expect_error(const ApiAnswer& answer, int status, const std::string& code, const std::string& text) {
    EXPECT_EQ(answer.status, status) << answer.text;
    EXPECT_EQ(answer.body.value("code", ""), code) << answer.text;
    EXPECT_NE(answer.body.value("message", "").find(text), std::string::npos) << answer.text;
    EXPECT_EQ(answer.body.value("request_id", ""), "test-1");
    EXPECT_FALSE(answer.body.contains("error"));
  }

  test::DatabaseApi api_;
};

TEST_F(V2Routes, the_first_write_makes_the_collection_and_ids_count_from_0) {
  EXPECT_EQ(results(query(R"({"vector":[1,2]})")), json::array()) << "there, and empty, before its first write";
  const ApiAnswer first = write(R"({"vector":[1,2]})");
  EXPECT_EQ(first.status, 201) << first.text;
  EXPECT_EQ(first.body, json::parse(R"({"data":{"id":0,"created":true}})"));
  EXPECT_EQ(write(R"({"vector":[3,4],"unknown":1})").body["data"]["id"], 1);
  const ApiAnswer info = api_.get("/v1/vector/default");
  EXPECT_EQ(info.body["dim"], 2);
  EXPECT_EQ(info.body["metric"], "dot");
  EXPECT_EQ(info.body["live_count"], 2);
}

TEST_F(V2Routes, ids_are_never_given_twice) {
  write(R"({"vector":[1,2]})");
  api_.post("/v1/vector/default/upsert", R"({"id":41,"vector":[1,2]})");
  api_.post("/v1/vector/default/upsert", R"({"id":"99","vector":[1,2]})");
  EXPECT_EQ(write(R"({"vector":[1,2]})").body["data"]["id"], 42) << "above every number, strings do not count";
  api_.post("/v1/vector/default/delete", R"({"id":42})");
  EXPECT_EQ(write(R"({"vector":[1,2]})").body["data"]["id"], 43);
  api_.post("/v1/vector/default/delete", R"({"id":43})");
  api_.restart();
  EXPECT_EQ(write(R"({"vector":[1,2]})").body["data"]["id"], 44) << "after a replay";
  api_.post("/v1/vector/default/delete", R"({"id":44})");
  EXPECT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  api_.restart();
  EXPECT_EQ(write(R"({"vector":[1,2]})").body["data"]["id"], 45) << "after a checkpoint, from the catalog";
  api_.post("/v1/vector/default/upsert", R"({"id":18446744073709551615,"vector":[1,2]})");
  expect_error(write(R"({"vector":[1,2]})"), 409, "conflict", "used up");
}

TEST_F(V2Routes, a_batch_is_all_or_nothing_in_the_order_of_the_request) {
  const ApiAnswer made = write_batch(R"({"vectors":[{"vector":[1,0]},{"vector":[0,1]},{"vector":[1,1]}]})");
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.body, json::parse(R"({"data":{"results":[{"id":0,"created":true},{"id":1,"created":true},)"
                                   R"({"id":2,"created":true}]}})"));
  const std::uint64_t lsn = api_.lsn();
  expect_error(write_batch(R"({"vectors":[{"vector":[1,0]},{"vector":[0,1,2]}]})"), 400, "bad_request",
               "vectors[1].vector");
  EXPECT_EQ(api_.lsn(), lsn);
  const ApiAnswer empty = write_batch(R"({"vectors":[]})");
  EXPECT_EQ(empty.status, 201);
  EXPECT_EQ(results(empty), json::array());
  EXPECT_EQ(write(R"({"vector":[5,5]})").body["data"]["id"], 3);
}

TEST_F(V2Routes, a_known_idempotency_key_gives_the_old_id) {
  EXPECT_EQ(write(R"({"vector":[1,0],"idempotency_key":"a"})").body["data"], json({{"id", 0}, {"created", true}}));
  const ApiAnswer again = write(R"({"vector":[9,9],"idempotency_key":" a "})");
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body["data"], json({{"id", 0}, {"created", false}})) << "trimmed, whatever comes with it";
  EXPECT_EQ(write(R"({"vector":[1,0],"idempotency_key":"  "})").body["data"]["id"], 1) << "blank is none";
  EXPECT_EQ(results(write_batch(R"({"vectors":[{"vector":[1,0],"idempotency_key":"b"},)"
                                R"({"vector":[1,0],"idempotency_key":"b"},{"vector":[1,0],"idempotency_key":"a"},)"
                                R"({"vector":[1,0]}]})")),
            json::parse(R"([{"id":2,"created":true},{"id":2,"created":false},{"id":0,"created":false},)"
                        R"({"id":3,"created":true}])"));
  api_.restart();
  EXPECT_EQ(write(R"({"vector":[1,0],"idempotency_key":"b"})").body["data"], json({{"id", 2}, {"created", false}}));
  EXPECT_EQ(api_.get("/v1/vector/default").body["live_count"], 4);
}

TEST_F(V2Routes, metadata_is_normalised) {
  write(R"({"vector":[1,0],"metadata":{"source_file":"A.wav","start_time_ms":4000000000,"duration_ms":65535,
            "bpm":120.5,"tags":[" Rock","ambient","ROCK ","","  ","Jazz"],"mood":"x"}})");
  write(R"({"vector":[0.5,0],"metadata":null})");
  const ApiAnswer answer = query(R"({"vector":[1,0]})");
  ASSERT_EQ(answer.status, 200) << answer.text;
  EXPECT_EQ(results(answer)[0],
            json::parse(R"({"id":0,"score":1.0,"metadata":{"source_file":"A.wav","start_time_ms":4000000000,
                            "duration_ms":65535,"bpm":120.5,"tags":["ambient","jazz","rock"]}})"));
  EXPECT_EQ(results(answer)[1]["metadata"],
            json::parse(R"({"source_file":"","start_time_ms":0,"duration_ms":0,"bpm":0,"tags":[]})"));
  EXPECT_TRUE(answer.body["data"]["query_time_ms"].is_number());
  EXPECT_FALSE(results(query(R"({"vector":[1,0],"include_metadata":false})"))[0].contains("metadata"));
}

TEST_F(V2Routes, a_query_takes_its_fields_and_ignores_others) {
  write_batch(R"({"vectors":[{"vector":[1,0]},{"vector":[2,0]}]})");
  EXPECT_EQ(results(query(R"({"vector":[1,0],"k":0})")), json::array());
  EXPECT_EQ(results(query(R"({"vector":[1,0],"k":1,"ef":1,"search_tier":"active","x":1,"filter":{}})"))[0]["id"], 1);
  EXPECT_EQ(results(query(R"({"vector":[1,0],"search_tier":"archive"})")), json::array());
  expect_error(query(R"({"vector":[1,0],"filter":{"tags":["a"]}})"), 400, "bad_request", "filter");
  expect_error(query(R"({"vector":[1,0],"search_tier":"hot"})"), 400, "bad_request", "search_tier");
  expect_error(query(R"({"vector":[1,0],"k":1001})"), 400, "bad_request", "k must be");
  expect_error(query(R"({"vector":[1,0],"ef":0})"), 400, "bad_request", "ef must be");
  expect_error(query(R"({"vector":[1]})"), 400, "bad_request", "dim");
  expect_error(query("{}"), 400, "bad_request", "vector is missing");
  expect_error(query("{"), 400, "invalid_json", "");
  expect_error(api_.get("/v2/query"), 405, "method_not_allowed", "POST");
  expect_error(api_.get("/v2/nothing"), 404, "not_found", "route");
}

TEST_F(V2Routes, filters_choose_by_tags_and_bpm) {
  write_batch(R"({"vectors":[
    {"vector":[4,0],"metadata":{"tags":["Rock","live"],"bpm":120.5}},
    {"vector":[3,0],"metadata":{"tags":["rock"],"bpm":90}},
    {"vector":[2,0],"metadata":{"tags":["jazz","live"]}},
    {"vector":[1,0]}]})");
  const auto found = [&](const std::string& filter) {
    const ApiAnswer answer = query(R"({"vector":[1,0],"filter":)" + filter + "}");
    EXPECT_EQ(answer.status, 200) << answer.text;
    json ids = json::array();
    for (const json& hit : answer.status == 200 ? results(answer) : json::array()) {
      ids.push_back(hit["id"]);
    }
    return ids;
  };
  for (const bool sealed : {false, true}) {
    if (sealed) {
      ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
    }
    EXPECT_EQ(found("{}"), json({0, 1, 2, 3}));
    EXPECT_EQ(found("null"), json({0, 1, 2, 3}));
    EXPECT_EQ(found(R"({"tags_any":["ROCK ","unknown"]})"), json({0, 1}))
        << "trimmed and in lower case, as they are kept";
    EXPECT_EQ(found(R"({"tags_all":["rock","live"]})"), json::array({0}));
    EXPECT_EQ(found(R"({"tags_any":["unknown"]})"), json::array());
    EXPECT_EQ(found(R"({"tags_any":[],"tags_all":[]})"), json({0, 1, 2, 3})) << "as if they were left out";
    EXPECT_EQ(found(R"({"tags_any":[" "]})"), json::array());
    EXPECT_EQ(found(R"({"tags_all":["rock","unknown"]})"), json::array());
    EXPECT_EQ(found(R"({"bpm_gte":90,"bpm_lte":120.5})"), json({0, 1})) << "both are inclusive";
    EXPECT_EQ(found(R"({"bpm_gte":90.5})"), json::array({0}));
    EXPECT_EQ(found(R"({"bpm_lte":0})"), json::array({2})) << "who wrote metadata without bpm wrote 0";
    EXPECT_EQ(found(R"({"bpm_gte":100,"bpm_lte":1})"), json::array());
    EXPECT_EQ(found(R"({"tags_any":["live"],"bpm_gte":1})"), json::array({0}));
  }
}

TEST_F(V2Routes, bad_writes_name_their_field_and_leave_no_trace) {
  write(R"({"vector":[1,0]})");
  const std::uint64_t lsn = api_.lsn();
  const auto refused = [&](const std::string& fields, const std::string& text) {
    expect_error(write(fmt::format("{{{}}}", fields)), 400, "bad_request", text);
    expect_error(write_batch(fmt::format(R"({{"vectors":[{{"vector":[1,0]}},{{{}}}]}})", fields)), 400, "bad_request",
                 fmt::format("vectors[1].{}", text));
  };
  refused(R"("metadata":{})", "vector is missing");
  refused(R"("vector":"x")", "vector must be");
  refused(R"("vector":[1,"x"])", "vector[1] must be");
  refused(R"("vector":[1,0],"metadata":[])", "metadata must be");
  refused(R"("vector":[1,0],"metadata":{"source_file":7})", "metadata.source_file must be");
  refused(R"("vector":[1,0],"metadata":{"start_time_ms":4294967296})", "metadata.start_time_ms must be");
  refused(R"("vector":[1,0],"metadata":{"duration_ms":65536})", "metadata.duration_ms must be");
  refused(R"("vector":[1,0],"metadata":{"bpm":1e39})", "metadata.bpm");
  refused(R"("vector":[1,0],"idempotency_key":7)", "idempotency_key must be");
  refused(
      fmt::format(R"("vector":[1,0],"idempotency_key":"{}")", std::string(limits::kIdempotencyKeyBytesMax + 1, 'k')),
      "idempotency_key must be");
  refused(R"("vector":[1,0,0])", "vector");
  expect_error(write_batch(R"({"vectors":7})"), 400, "bad_request", "vectors must be");
  expect_error(write_batch("{}"), 400, "bad_request", "vectors is missing");
  EXPECT_EQ(api_.lsn(), lsn);
}

TEST_F(V2Routes, a_first_write_that_is_refused_makes_no_collection) {
  expect_error(write_batch(R"({"vectors":[{"vector":[1,0]},{"vector":[1]}]})"), 400, "bad_request", "vectors[1]");
  EXPECT_EQ(api_.lsn(), 0U);
  EXPECT_EQ(api_.get("/v1/vector").body["collections"], json::array());
}

TEST(V2Options, decide_which_collection_it_speaks_to) {
  test::DatabaseApi api({.no_auth = true, .v2_collection = "songs", .v2_dim = 3, .v2_metric = Metric::kL2});
  EXPECT_EQ(api.post("/v2/vectors", R"({"vector":[1,0]})").status, 400) << "the dimension was told";
  EXPECT_EQ(api.post("/v2/vectors", R"({"vector":[1,0,0]})").status, 201);
  EXPECT_EQ(api.get("/v1/vector/songs").body["metric"], "l2");
}

TEST_F(V2Routes, too_large_metadata_is_named_as_clients_call_it) {
  const std::string name(limits::kMetaBytesMax, 'x');
  const json point = {{"vector", {1, 0}}, {"metadata", {{"source_file", name}}}};
  const json batch = {{"vectors", {{{"vector", {1, 0}}}, point}}};
  expect_error(write(point.dump()), 413, "payload_too_large", "metadata is ");
  expect_error(write_batch(batch.dump()), 413, "payload_too_large", "vectors[1].metadata is ");
}

// Never 500, always in the envelope that its clients know, the file named.
TEST_F(V2Routes, damage_is_503_and_names_the_file) {
  // Far more bytes than are looked at when the file is opened: a block that was checked is not checked again.
  const json point = {{"vector", {1, 0}}, {"metadata", {{"source_file", std::string(50'000, 'x')}}}};
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(write(point.dump()).status, 201);
  }
  ASSERT_EQ(api_.post("/v1/admin/checkpoint", "").status, 200);
  const auto collection = api_.database().vectors().find("default");
  ASSERT_OK(collection);
  const store::VdbFile& image = (*collection)->read_view().version->sealed.front()->rows().file();
  const std::string path = image.path().substr(0, image.path().find(".vdb") + 4);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file.is_open()) << image.path();
  const auto section = image.section(format::SectionKind::kMeta);
  ASSERT_TRUE(section.has_value());
  file.seekp(section->data() - image.map().bytes().data());
  file.write("\xFF\xFE\xFD\xFC", 4);
  ASSERT_TRUE(file.flush().good());
  expect_error(query(R"({"vector":[1,0]})"), 503, "unavailable", ".vdb");
  const ApiAnswer refused = write(R"({"vector":[1,0]})");
  expect_error(refused, 503, "unavailable", ".vdb");
  EXPECT_EQ(refused.header("Retry-After"), "") << "coming again does not help";
  expect_error(write_batch(R"({"vectors":[{"vector":[1,0]}]})"), 503, "unavailable", ".vdb");
}

TEST_F(V2Routes, health_stats_and_jobs_have_their_shapes) {
  EXPECT_EQ(api_.get("/v2/health/live").body, json::parse(R"({"data":{"status":"ok","ready":true,"report":"live"}})"));
  EXPECT_EQ(api_.get("/v2/health/ready").body["data"]["status"], "ok");
  const ApiAnswer idle = api_.post("/v2/admin/checkpoint", "");
  EXPECT_EQ(idle.status, 200) << idle.text;
  EXPECT_EQ(idle.body["data"]["state"], "idle") << idle.text;
  EXPECT_EQ(idle.body["data"]["details"], json({{"reason", "no_pending_wal"}}));
  write(R"({"vector":[1,0]})");
  const ApiAnswer stats = api_.get("/v2/admin/stats");
  EXPECT_EQ(stats.body["data"]["total_vectors"], 1) << stats.text;
  EXPECT_EQ(stats.body["data"]["hot_vectors"], 1);
  EXPECT_EQ(stats.body["data"].size(), 18U);
  const ApiAnswer done = api_.post("/v2/admin/checkpoint", "");
  EXPECT_EQ(done.body["data"]["state"], "completed") << done.text;
  EXPECT_EQ(done.body["data"]["details"]["rows"], 1);
  EXPECT_GE(done.body["data"]["details"]["end_lsn"], done.body["data"]["details"]["start_lsn"]);
  const ApiAnswer compacted = api_.post("/v2/admin/compact", "");
  EXPECT_EQ(compacted.body["data"]["state"], "idle") << compacted.text;
  const ApiAnswer snapshot = api_.post("/v2/admin/snapshot", "");
  EXPECT_EQ(snapshot.status, 200) << snapshot.text;
  EXPECT_FALSE(snapshot.body["data"]["details"]["snapshot_id"].get<std::string>().empty());
  EXPECT_NE(api_.get("/v2/metrics").text.find("vibrato_ingest_requests_total 1"), std::string::npos);
}

}  // namespace
}  // namespace vibrato::api
