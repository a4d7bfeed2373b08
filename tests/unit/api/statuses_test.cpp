// The statuses that docs/openapi.yaml documents and that only a fake can bring about, for each route that documents
// them, with the requests that the description gives as examples. tests/app_cli/statuses_test.py produces the others.
#include <condition_variable>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/pages.hpp"
#include "commit/write.hpp"
#include "engine/database_impl.hpp"
#include "support/database_api.hpp"
#include "support/described_routes.hpp"

namespace vibrato::api {
namespace {

std::optional<Method> method_of(const std::string& name) {
  for (const Method method : {Method::kGet, Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
    if (to_string(method) == name) return method;
  }
  return std::nullopt;
}

// The example of a route: its path with names that stand for something, and its body.
test::ApiAnswer ask_example(test::DatabaseApi& api, const test::DescribedRoute& route) {
  std::string target;
  bool in_name = false;
  for (const char c : route.path) {
    if (c == '{') target += route.method == "POST" && route.path == "/v1/vector/{collection}" ? "fresh" : "docs";
    in_name = c == '{' || (in_name && c != '}');
    if (!in_name && c != '}') target += c;
  }
  if (route.path.ends_with("/get")) target += "?id=1";
  if (route.path == "/v1/state" && route.method == "DELETE") target += "?prefix=a";
  const bool is_import = route.path.ends_with("/import");
  const std::string body = is_import ? R"({"id":1,"vector":[1,2,3]})" : route.body;
  const auto method = method_of(route.method);
  EXPECT_TRUE(method.has_value()) << route.method;
  return api.call(method.value_or(Method::kGet), target, body,
                  is_import ? test::Headers{{"Content-Type", "application/x-ndjson"}} : test::Headers{});
}

// Answered from the start on; unavailable for reasons of their own.
bool is_there_at_once(const test::DescribedRoute& route) {
  return route.method == "GET" &&
         (route.path.starts_with("/v1/admin/") || route.path == "/v1/health" || route.path == "/v1/health/live");
}

void expect_where_described(test::DatabaseApi& api, int status, std::size_t at_least) {
  std::size_t checked = 0;
  for (const test::DescribedRoute& route : test::described_routes(kOpenapiYaml)) {
    if (!route.statuses.contains(status) || (status == 503 && is_there_at_once(route))) continue;
    const test::ApiAnswer answer = ask_example(api, route);
    EXPECT_EQ(answer.status, status) << route.method << " " << route.path << ": " << answer.text;
    ++checked;
  }
  EXPECT_GE(checked, at_least);
}

void serve_sql(engine::DatabaseOptions& options) {
  options.sql = true;
}

TEST(Statuses, every_route_that_says_so_answers_503_while_the_log_is_replayed) {
  test::DatabaseApi api({.no_auth = true, .v2_collection = "docs"}, serve_sql);
  api.restart_without_recovery();
  expect_where_described(api, 503, 25);
  ASSERT_OK(api.database().start());
}

TEST(Statuses, every_route_that_says_so_answers_507_on_a_full_disk) {
  test::DatabaseApi api({.no_auth = true, .v2_collection = "docs", .v2_dim = 3, .v2_metric = Metric::kCosine},
                        serve_sql);
  ASSERT_EQ(api.post("/v1/vector/docs", R"({"dim":3,"metric":"cosine"})").status, 200);
  ASSERT_EQ(api.post("/v1/vector/docs/upsert", R"({"id":"first","vector":[1,0,0]})").status, 200);
  ASSERT_EQ(api.post("/v1/vector/docs/upsert", R"({"id":"new","vector":[1,0,0]})").status, 200);
  ASSERT_EQ(api.post("/v1/vector/docs/upsert", R"({"id":"second","vector":[1,0,0]})").status, 200);
  ASSERT_EQ(api.post("/v1/vector/docs/upsert", R"({"id":"old","vector":[1,0,0],"meta":{"year":1980}})").status, 200);
  ASSERT_EQ(api.call(Method::kPut, "/v1/doc/docs/docs", R"({"a":1})").status, 200);
  api.faults().add_rule({.fault = io::Fault::kDiskFull, .call = io::IoCall::kWrite, .for_good = true});
  expect_where_described(api, 507, 10);
  api.faults().clear_rules();
}

// Keeps the committer, or a thread for queries, until the gate opens.
class Gate {
 public:
  void wait() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_open_; });
  }
  void wait_for(int waiting) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, waiting] { return waiting_ == waiting; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    is_open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool is_open_ = false;
};

class WaitingWrite final : public commit::Write {
 public:
  explicit WaitingWrite(Gate& gate) : gate_(gate) {}
  [[nodiscard]] Status validate(commit::EffectList& /*effects*/) override {
    gate_.wait();
    return ok_status();
  }
  [[nodiscard]] std::uint64_t bytes() const override { return 1; }

 private:
  Gate& gate_;
};

TEST(Statuses, every_route_without_a_body_that_says_so_answers_429_when_too_much_waits) {
  Gate gate;
  test::DatabaseApi api({.no_auth = true}, [](engine::DatabaseOptions& options) {
    options.query_threads = 1;
    options.query_queue_max = 1;
    options.ingest_queue_writes = 1;
  });
  ASSERT_EQ(api.post("/v1/vector/docs", R"({"dim":3,"metric":"cosine"})").status, 200);
  const auto submit_write = [&] {
    return api.database().submit(std::make_unique<WaitingWrite>(gate), engine::Database::Kind::kDelete, nullptr,
                                 commit::Durability::kSynced, [](const Result<commit::Committed>&) {});
  };
  ASSERT_OK(submit_write());
  ASSERT_OK(api.database().queries().submit([&gate] { gate.wait(); }));
  gate.wait_for(2);  // Each has one, and room for another that waits.
  ASSERT_OK(submit_write());
  ASSERT_OK(api.database().queries().submit([] {}));
  std::size_t checked = 0;
  for (const test::DescribedRoute& route : test::described_routes(kOpenapiYaml)) {
    if (!route.statuses.contains(429) || route.statuses.contains(415) || route.path.ends_with("/export") ||
        route.path == "/v1/stream" || route.path == "/v1/events") {
      continue;  // Streams have caps of their own.
    }
    const test::ApiAnswer answer = ask_example(api, route);
    EXPECT_EQ(answer.status, 429) << route.method << " " << route.path << ": " << answer.text;
    EXPECT_EQ(answer.body["error"], "overloaded") << answer.text;
    ++checked;
  }
  EXPECT_EQ(checked, 6U);
  gate.open();
}

TEST(Statuses, a_database_whose_log_can_not_be_relied_on_is_not_ready) {
  test::DatabaseApi api;
  ASSERT_EQ(api.post("/v1/vector/docs", R"({"dim":3,"metric":"cosine"})").status, 200);
  api.faults().add_rule({.fault = io::Fault::kIoError, .call = io::IoCall::kSync, .for_good = true});
  EXPECT_EQ(api.post("/v1/vector/docs/upsert", R"({"id":1,"vector":[1,0,0]})").status, 503);
  for (const std::string version : {"/v1", "/v2"}) {
    EXPECT_EQ(api.get(version + "/health/ready").status, 503) << version;
    EXPECT_EQ(api.get(version + "/health/live").status, 200) << version;
  }
  api.faults().clear_rules();
}

}  // namespace
}  // namespace vibrato::api
