// /v1/admin, keys and health over a real database, with keys asked for: who may do what, and what is left behind.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "api/api_metrics.hpp"
#include "api/job_call.hpp"
#include "support/database_api.hpp"

namespace vibrato::api {
namespace {

using nlohmann::json;
using test::ApiAnswer;
using test::Headers;

class Operations : public ::testing::Test {
 protected:
  Operations() : api_(DatabaseApiOptions{}) {
    const auto made = api_.database().keys().bootstrap_admin_key();
    EXPECT_OK(made);
    admin_ = bearer(std::string((*made)->token.view()));
  }

  static Headers bearer(const std::string& token) { return {{"Authorization", "Bearer " + token}}; }
  // Headers of a new key with the fields of `body`, and its id.
  Headers make_key(const std::string& fields, std::string* id = nullptr) {
    const ApiAnswer made = api_.post("/v1/admin/keys", fmt::format(R"({{"name":"k",{}}})", fields), admin_);
    EXPECT_EQ(made.status, 200) << made.text;
    if (id != nullptr) {
      *id = made.body["id"];
    }
    EXPECT_EQ(made.body["key"].get<std::string>().find(made.body["id"].get<std::string>() + "."), 0U);
    return bearer(made.body["key"]);
  }
  json audit(const std::string& query = "") { return api_.get("/v1/admin/audit" + query, admin_).body; }

  test::DatabaseApi api_;
  Headers admin_;
};

TEST_F(Operations, every_route_but_the_public_ones_asks_for_a_key) {
  std::size_t checked = 0;
  for (const Route* route : api_.table().routes()) {
    std::string target = route->pattern;
    for (const std::string name : {"{collection}", "{id}"}) {
      if (const auto at = target.find(name); at != std::string::npos) {
        target = fmt::format("{}some{}", target.substr(0, at), target.substr(at + name.size()));
      }
    }
    const ApiAnswer answer = api_.call(route->method, target);
    if (route->role == Role::kPublic) {
      EXPECT_EQ(answer.status, 200) << route->label;
      continue;
    }
    EXPECT_EQ(answer.status, 401) << route->label << answer.text;
    EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer");
    const bool is_v2 = target.starts_with("/v2/");
    EXPECT_EQ(answer.body.value(is_v2 ? "code" : "error", ""), is_v2 ? "missing_authorization" : "unauthenticated");
    ++checked;
  }
  EXPECT_GE(checked, 30U);
  EXPECT_EQ(api_.get("/v1/nothing").status, 404) << "an unknown route is 404 without a key, too";
}

TEST_F(Operations, keys_are_taken_from_either_header_and_authorization_counts) {
  const std::string token = admin_[0].second.substr(7);
  EXPECT_EQ(api_.get("/v1/vector", {{"x-api-key", token}}).status, 200);
  EXPECT_EQ(api_.get("/v1/vector", {{"x-api-key", token}, {"Authorization", "Bearer nonsense"}}).status, 401);
  EXPECT_EQ(api_.get("/v1/vector?api_key=" + token).status, 401);
}

TEST_F(Operations, admin_writes_refuse_an_idempotency_key_that_they_would_not_keep) {
  Headers headers = admin_;
  headers.emplace_back("Idempotency-Key", "once");
  for (const auto& [route, body] :
       {std::pair("/v1/admin/keys", R"({"name":"k","roles":["query"]})"), std::pair("/v1/admin/checkpoint", ""),
        std::pair("/v1/admin/compact", ""), std::pair("/v1/admin/snapshot", "")}) {
    const ApiAnswer answer = api_.post(route, body, headers);
    EXPECT_EQ(answer.status, 400) << route;
    EXPECT_EQ(answer.body["error"], "invalid_argument");
    EXPECT_NE(answer.text.find(std::string("Idempotency-Key is not kept by POST ") + route), std::string::npos);
  }
  EXPECT_EQ(api_.del("/v1/admin/keys/vbk_x", headers).status, 400);
  EXPECT_EQ(api_.get("/v1/admin/keys", headers).body["keys"].size(), 1U) << "nothing was made; what reads takes it";
  EXPECT_EQ(api_.post("/v1/vector/c", R"({"dim":1,"metric":"dot"})", headers).status, 200) << "here it is kept";
  EXPECT_EQ(api_.post("/v1/vector/d", R"({"dim":1,"metric":"dot"})", headers).status, 409);
}

TEST_F(Operations, a_snapshot_has_a_name_and_no_path) {
  for (const char* name : {"/tmp/there", "../there", "a/b"}) {
    const ApiAnswer answer = api_.post("/v1/admin/snapshot", json({{"name", name}}).dump(), admin_);
    EXPECT_EQ(answer.status, 400) << name;
    EXPECT_EQ(
        answer.body["message"],
        "name: a name is 1 to 64 of the characters A-Z a-z 0-9 _ . - and does not start with a dot; snapshots are "
        "folders beneath snapshots/ in the data folder");
  }
  const ApiAnswer folder = api_.post("/v1/admin/snapshot", R"({"folder":"/tmp/there"})", admin_);
  EXPECT_EQ(folder.status, 400);
  EXPECT_EQ(folder.body["error"], "unknown_field");
  EXPECT_EQ(folder.body["message"], "field 'folder' is not known to this route; it takes name");
  EXPECT_EQ(api_.post("/v1/admin/checkpoint", R"({"now":true})", admin_).body["message"],
            "field 'now' is not known to this route; it takes no field");
}

TEST_F(Operations, reads_that_wait_for_an_lsn_end_when_a_stop_is_asked_for) {
  api_.post("/v1/vector/c", R"({"dim":1,"metric":"dot"})", admin_);
  api_.set_timeout_ms(3'000);
  api_.database().request_stop();
  for (const char* target : {"/v1/vector/c?min_lsn=1000000", "/v1/vector/c/get?id=1&min_lsn=1000000"}) {
    const ApiAnswer answer = api_.get(target, admin_);
    EXPECT_EQ(answer.status, 503) << answer.text;
    EXPECT_EQ(answer.body["error"], "unavailable");
    EXPECT_EQ(answer.header("Retry-After"), "1");
  }
  EXPECT_EQ(api_.get("/v1/vector/c?min_lsn=1", admin_).status, 200) << "what is visible need not wait";
}

TEST_F(Operations, a_key_that_comes_twice_is_400_before_it_is_looked_at) {
  Headers headers = admin_;
  headers.push_back(admin_[0]);
  const ApiAnswer answer = api_.get("/v1/vector", headers);
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.text.find("the header Authorization comes more than once"), std::string::npos) << answer.text;
}

TEST_F(Operations, revoked_keys_are_401_on_v1_and_403_on_v2_with_the_next_request) {
  std::string id;
  const Headers key = make_key(R"("roles":["query","ingest"])", &id);
  EXPECT_EQ(api_.get("/v1/vector", key).status, 200);
  EXPECT_EQ(api_.post("/v2/query", R"({"vector":[1]})", key).status, 200);
  EXPECT_EQ(api_.del("/v1/admin/keys/" + id, admin_).body, json({{"revoked", true}}));
  EXPECT_EQ(api_.get("/v1/vector", key).status, 401);
  const ApiAnswer v2 = api_.post("/v2/query", R"({"vector":[1]})", key);
  EXPECT_EQ(v2.status, 403);
  EXPECT_EQ(v2.body["code"], "forbidden");
  EXPECT_EQ(api_.del("/v1/admin/keys/" + id, admin_).status, 200) << "twice is fine";
  const ApiAnswer wrong = api_.post("/v2/query", "{}", bearer("vbk_x.y"));
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.body["code"], "invalid_authorization");
}

TEST_F(Operations, the_audit_of_a_revoked_key_tells_what_was_answered) {
  std::string id;
  const Headers key = make_key(R"("roles":["query"])", &id);
  EXPECT_EQ(api_.del("/v1/admin/keys/" + id, admin_).status, 200);
  for (const auto& [target, status] : {std::pair("/v2/query", 403), std::pair("/v1/vector/c/search", 401)}) {
    EXPECT_EQ(api_.post(target, R"({"vector":[1]})", key).status, status);
    const json row = audit("?limit=1")["events"][0];
    EXPECT_EQ(row["status"], status) << row;
    EXPECT_EQ(row["key_id"], id) << row;
    EXPECT_TRUE(row["action"].get<std::string>().starts_with("POST /v")) << row;
  }
}

TEST_F(Operations, roles_and_collections_bound_what_a_key_reaches) {
  for (const char* name : {"mine", "other", "default"}) {
    api_.post(std::string("/v1/vector/") + name, R"({"dim":1,"metric":"dot"})", admin_);
  }
  const Headers limited = make_key(R"("roles":["query"],"collections":["mine"])");
  const ApiAnswer list = api_.get("/v1/vector", limited);
  ASSERT_EQ(list.body["collections"].size(), 1U) << list.text;
  EXPECT_EQ(list.body["collections"][0]["collection"], "mine");
  EXPECT_EQ(api_.get("/v1/vector/mine", limited).status, 200);
  EXPECT_EQ(api_.get("/v1/vector/other", limited).status, 403);
  EXPECT_EQ(api_.get("/v1/vector/none", limited).status, 403) << "403 before 404";
  EXPECT_EQ(api_.post("/v1/vector/mine/upsert", R"({"id":1,"vector":[1]})", limited).status, 403) << "no ingest";
  EXPECT_EQ(api_.post("/v2/query", R"({"vector":[1]})", limited).status, 403) << "/v2 speaks to another collection";
  EXPECT_EQ(api_.get("/v1/admin/stats", limited).status, 403);
  EXPECT_EQ(api_.get("/v1/metrics", limited).status, 403);
  const Headers ingest = make_key(R"("roles":["ingest"],"collections":["default"])");
  EXPECT_EQ(api_.post("/v2/vectors", R"({"vector":[1]})", ingest).status, 201);
  EXPECT_EQ(api_.post("/v2/query", R"({"vector":[1]})", ingest).status, 403) << "ingest alone does not read";
}

TEST_F(Operations, keys_are_listed_without_their_secrets) {
  make_key(R"("roles":["ingest","query"],"collections":["b","a"],"expires_at_ms":99999999999999)");
  const ApiAnswer list = api_.get("/v1/admin/keys", admin_);
  ASSERT_EQ(list.body["keys"].size(), 2U);
  // Both were made in one millisecond: either may come first.
  const std::size_t at = list.body["keys"][0]["name"] == "k" ? 0 : 1;
  const json& key = list.body["keys"][at];
  EXPECT_EQ(key["name"], "k");
  EXPECT_EQ(key["roles"], json({"query", "ingest"}));
  EXPECT_EQ(key["collections"], json({"a", "b"}));
  EXPECT_EQ(key["expires_at_ms"], 99999999999999);
  EXPECT_EQ(key["revoked_at_ms"], nullptr);
  EXPECT_EQ(key.size(), 7U);
  EXPECT_EQ(list.body["keys"][1 - at]["collections"], nullptr) << "everything";
}

TEST_F(Operations, jobs_answer_when_they_are_done_and_stay_on_record) {
  api_.post("/v1/vector/c", R"({"dim":1,"metric":"dot"})", admin_);
  api_.post("/v1/vector/c/upsert", R"({"id":1,"vector":[1]})", admin_);
  const ApiAnswer checkpoint = api_.post("/v1/admin/checkpoint", "", admin_);
  ASSERT_EQ(checkpoint.status, 200) << checkpoint.text;
  EXPECT_EQ(checkpoint.body["state"], "completed");
  EXPECT_EQ(checkpoint.body["details"]["rows"], 1);
  EXPECT_EQ(api_.post("/v1/admin/compact", R"({"collection":"c"})", admin_).status, 200);
  const ApiAnswer snapshot = api_.post("/v1/admin/snapshot", R"({"name":"first"})", admin_);
  ASSERT_EQ(snapshot.status, 200) << snapshot.text;
  const std::string id = snapshot.body["job_id"];
  EXPECT_EQ(snapshot.header("Location"), "/v1/admin/jobs/" + id);
  const ApiAnswer job = api_.get("/v1/admin/jobs/" + id, admin_);
  EXPECT_EQ(job.body["kind"], "snapshot");
  EXPECT_EQ(job.body["state"], "completed");
  EXPECT_EQ(job.body["details"], snapshot.body["details"]);
  EXPECT_EQ(api_.get("/v1/admin/jobs", admin_).body["jobs"].size(), 3U);
  EXPECT_EQ(api_.get("/v1/admin/jobs?limit=2", admin_).body["jobs"].size(), 2U);
  const ApiAnswer snapshots = api_.get("/v1/admin/snapshots", admin_);
  ASSERT_EQ(snapshots.body["snapshots"].size(), 1U);
  EXPECT_EQ(snapshots.body["snapshots"][0]["name"], "first");
  EXPECT_GE(snapshots.body["snapshots"][0]["lsn"], 2);
  EXPECT_EQ(api_.post("/v1/admin/snapshot", R"({"name":"first"})", admin_).status, 409);
  const ApiAnswer stats = api_.get("/v1/admin/stats", admin_);
  EXPECT_EQ(stats.body["collections"], 1);
  EXPECT_EQ(stats.body["total_rows"], 1);
  EXPECT_EQ(stats.body["visible_lsn"], 2);
}

TEST_F(Operations, each_admin_call_leaves_one_row_refused_ones_too) {
  std::string id;
  const Headers query = make_key(R"("roles":["query"])", &id);
  api_.get("/v1/admin/stats", query);
  api_.post("/v1/admin/keys", R"({"name":"x"})", admin_);
  const std::string job = api_.post("/v1/admin/checkpoint", "", admin_).body["job_id"];
  api_.get("/v1/admin/stats", admin_);
  const json events = audit()["events"];
  ASSERT_GE(events.size(), 5U);
  EXPECT_EQ(events[0]["action"], "GET /v1/admin/stats");
  EXPECT_EQ(events[0]["status"], 200);
  EXPECT_EQ(events[0]["client"], "127.0.0.1");
  EXPECT_EQ(events[0]["request_id"], "test-1");
  EXPECT_EQ(events[1]["action"], "POST /v1/admin/checkpoint");
  EXPECT_EQ(events[1]["details"]["target"], "/v1/admin/jobs/" + job);
  EXPECT_EQ(events[2]["action"], "POST /v1/admin/keys");
  EXPECT_EQ(events[2]["status"], 400);
  EXPECT_EQ(events[3]["action"], "GET /v1/admin/stats") << "the denial";
  EXPECT_EQ(events[3]["status"], 403);
  EXPECT_EQ(events[3]["key_id"], id);
  EXPECT_EQ(events[4]["action"], "keys.create") << "once";
  EXPECT_EQ(events[4]["status"], 200);
}

TEST_F(Operations, the_audit_comes_in_pages_without_a_gap) {
  for (int i = 0; i < 7; ++i) {
    api_.get("/v1/admin/snapshots", admin_);
  }
  std::uint64_t last = audit("?limit=1")["events"][0]["sequence"];
  json page = audit("?limit=3&cursor=" + std::to_string(last));
  std::size_t seen = 0;
  while (true) {
    for (const json& event : page["events"]) {
      EXPECT_EQ(event["sequence"], last - 1);
      last = event["sequence"];
      ++seen;
    }
    if (page["next_cursor"].is_null()) break;
    EXPECT_EQ(page["next_cursor"], last);
    page = audit("?limit=3&cursor=" + std::to_string(last));
  }
  EXPECT_GE(seen, 7U);
}

TEST_F(Operations, health_and_metrics_tell_how_it_is) {
  EXPECT_EQ(api_.get("/v1/health").body, json({{"status", "ok"}}));
  EXPECT_EQ(api_.get("/v1/health/live").status, 200);
  const ApiAnswer ready = api_.get("/v1/health/ready");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.body, json::parse(R"({"status":"ready","ready":true,"reasons":[]})"));
  api_.post("/v1/vector/c", R"({"dim":1,"metric":"dot"})", admin_);
  api_.post("/v1/vector/c/upsert", R"({"id":1,"vector":[1]})", admin_);
  api_.post("/v1/vector/c/search", R"({"vector":[1]})", admin_);
  const std::string metrics = api_.get("/v1/metrics", admin_).text;
  for (const char* line :
       {"vibrato_query_requests_total 1", "vibrato_ingest_requests_total 1", "vibrato_query_latency_us_count 1",
        "vibrato_total_vectors 1", R"(vibrato_collection_rows{collection="c"} 1)"}) {
    EXPECT_NE(metrics.find(line), std::string::npos) << line;
  }
  for (const char* name : {"query_requests_total",
                           "identify_requests_total",
                           "ingest_requests_total",
                           "ingest_backpressure_soft_total",
                           "ingest_backpressure_hard_total",
                           "ingest_semantic_throttle_ms_total",
                           "auth_failures_total",
                           "audit_failures_total",
                           "checkpoint_total",
                           "compaction_total",
                           "obsolete_files_deleted_total",
                           "catalog_read_timeout_total",
                           "quarantine_evictions_total",
                           "active_segments",
                           "obsolete_segments",
                           "failed_segments",
                           "hot_vectors",
                           "wal_pending",
                           "total_vectors",
                           "checkpoint_jobs_inflight",
                           "compaction_jobs_inflight",
                           "sqlite_wal_bytes",
                           "quarantine_files",
                           "quarantine_bytes",
                           "ingest_queue_bytes",
                           "memory_proxy_bytes",
                           "memory_budget_bytes"}) {
    EXPECT_NE(metrics.find(fmt::format("\nvibrato_{} ", name)), std::string::npos) << name;
  }
  api_.database().stop();
  const ApiAnswer stopped = api_.get("/v1/health/ready");
  EXPECT_EQ(stopped.status, 503);
  EXPECT_FALSE(stopped.body["reasons"].empty());
}

TEST(JobCall, answers_202_at_the_deadline_and_what_became_of_it_when_it_is_done) {
  const JobStyle style = {.write = [](const catalog::Job& job, Reply& reply) { reply.body = to_string(job.state); },
                          .code_of_failure = "made_failure"};
  catalog::Job job;
  job.id = "chk_1";
  const auto run = [&](catalog::JobState end, std::shared_ptr<test::WaitingResponder>& waiting,
                       const Status& outcome = ok_status()) {
    engine::JobDone kept;
    EXPECT_OK(run_job(test::WaitingResponder::make(waiting, 0), style, [&](engine::JobDone done) {
      kept = std::move(done);
      return Result<std::string>(job.id);
    }));
    const auto reply = waiting->deadline_reply();
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->status, 202);
    EXPECT_EQ(reply->body, "running");
    EXPECT_EQ(reply->headers.at(0).second, "/v1/admin/jobs/chk_1");
    job.state = end;
    kept(job, outcome);
  };
  std::shared_ptr<test::WaitingResponder> waiting;
  run(catalog::JobState::kCompleted, waiting);
  EXPECT_EQ(waiting->wait()->reply.body, "completed");
  run(catalog::JobState::kFailed, waiting, Status(ErrorCode::kIoError, "read"));
  EXPECT_CODE(waiting->wait()->status, ErrorCode::kInternal);
  EXPECT_EQ(waiting->wait()->reply.error_code, "made_failure");
  run(catalog::JobState::kFailed, waiting, Status(ErrorCode::kDiskFull, "the disk is full"));
  EXPECT_CODE(waiting->wait()->status, ErrorCode::kDiskFull);
  EXPECT_EQ(waiting->wait()->reply.error_code, "");
  run(catalog::JobState::kFailed, waiting, Status(ErrorCode::kCorruption, "seg_1.vdb: offset 7"));
  EXPECT_CODE(waiting->wait()->status, ErrorCode::kUnavailable);
  run(catalog::JobState::kInterrupted, waiting, unavailable("the server stops"));
  EXPECT_CODE(waiting->wait()->status, ErrorCode::kUnavailable);
}

TEST(RouteMetrics, count_by_pattern_and_by_class_of_status) {
  test::DatabaseApi api;
  const RouteMetrics metrics(api.metrics(), api.table());
  metrics.observe(Method::kPost, "/v1/vector/{collection}/search", 200, 1'000'000);
  metrics.observe(Method::kHead, "/v1/health", 200, 1000);
  metrics.observe(Method::kPost, "", 404, 1000);
  const std::string text = api.metrics().render_prometheus();
  for (const char* line :
       {R"(vibrato_http_request_duration_seconds_count{method="POST",route="/v1/vector/{collection}/search"} 1)",
        R"(vibrato_http_request_duration_seconds_count{method="GET",route="/v1/health"} 1)",
        R"(vibrato_http_requests_total{status="2xx"} 2)", R"(vibrato_http_requests_total{status="4xx"} 1)"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST_F(Operations, while_it_recovers_readiness_shows_progress_and_what_needs_data_waits_outside) {
  api_.post("/v1/vector/c", R"({"dim":1,"metric":"dot"})", admin_);
  api_.post("/v1/vector/c/upsert", R"({"id":1,"vector":[1]})", admin_);
  api_.restart_without_recovery();
  const ApiAnswer ready = api_.get("/v1/health/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.body, json::parse(R"({"status":"not_ready","ready":false,"reasons":["replaying the log: 0 %"],
                                        "progress":0.0})"));
  const ApiAnswer v2 = api_.get("/v2/health/ready");
  EXPECT_EQ(v2.status, 503);
  EXPECT_EQ(v2.body["data"]["report"], "replaying the log: 0 %");
  EXPECT_EQ(api_.get("/v1/health/live").status, 200);
  EXPECT_EQ(api_.get("/v1/admin/keys", admin_).status, 200) << "keys are in the catalog, which is there";
  for (const auto& [route, body] :
       {std::pair("/v1/vector/c/search", R"({"vector":[1]})"),
        std::pair("/v1/vector/c/upsert", R"({"id":1,"vector":[1]})"),
        std::pair("/v1/vector/c/upsert_batch", R"({"items":[{"id":1,"vector":[1]}]})"),
        std::pair("/v1/vector/d", R"({"dim":1,"metric":"dot"})"), std::pair("/v1/vector/c/delete", R"({"id":1})"),
        std::pair("/v1/admin/checkpoint", ""), std::pair("/v1/admin/snapshot", ""),
        std::pair("/v2/query", R"({"vector":[1]})"), std::pair("/v2/vectors", R"({"vector":[1]})")}) {
    const ApiAnswer answer = api_.post(route, body, admin_);
    EXPECT_EQ(answer.status, 503) << route << answer.text;
    EXPECT_EQ(answer.header("Retry-After"), "1") << route;
  }
  EXPECT_EQ(api_.get("/v1/vector", admin_).status, 503);
  EXPECT_EQ(api_.get("/v1/vector/c/get?id=1", admin_).status, 503);
  ASSERT_OK(api_.database().start());
  EXPECT_EQ(api_.get("/v1/health/ready").body, json::parse(R"({"status":"ready","ready":true,"reasons":[]})"));
  EXPECT_EQ(api_.get("/v1/vector/c/get?id=1", admin_).body["vector"], json::parse("[1]"));
  EXPECT_EQ(api_.get("/v1/vector").status, 401);
}

}  // namespace
}  // namespace vibrato::api
