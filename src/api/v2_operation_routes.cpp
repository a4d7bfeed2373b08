// Health, metrics, stats and the long admin work on /v2.
#include <array>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/admin_call.hpp"
#include "api/api_context.hpp"
#include "api/job_call.hpp"
#include "api/json_writer.hpp"
#include "api/metrics_text.hpp"

namespace vibrato::api {
namespace {

using OrderedJson = nlohmann::ordered_json;

void write_health(bool ok, bool flag, std::string_view report, Reply& reply) {
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("data");
  json.begin_object();
  json.key("status");
  json.string(ok ? "ok" : "degraded");
  json.key("ready");
  json.boolean(flag);
  json.key("report");
  json.string(report);
  json.end_object();
  json.end_object();
}

Status live(const ApiContext&, Reply& reply) {
  write_health(true, true, "live", reply);
  return ok_status();
}

Status report_v2_readiness(const ApiContext& context, Reply& reply) {
  const engine::Readiness readiness = context.database.readiness();
  reply.status = readiness.ready ? 200 : 503;
  std::string report = readiness.ready ? "ready" : "";
  for (const std::string& reason : readiness.reasons) {
    report += report.empty() ? "" : "; ";
    report += reason;
  }
  write_health(readiness.ready, readiness.ready, report, reply);
  return ok_status();
}

Status stats(const ApiContext& context, Reply& reply) {
  const engine::Readiness readiness = context.database.readiness();
  const engine::DatabaseStats now = context.database.stats();
  const std::array<std::pair<std::string_view, std::uint64_t>, 16> counts{{
      {"active_segments", now.active_segments},
      {"obsolete_segments", now.obsolete_segments},
      {"failed_segments", now.damaged_segments},
      {"hot_vectors", now.hot_rows},
      {"wal_pending", now.unsealed_log_records},
      {"total_vectors", now.total_rows},
      {"checkpoint_jobs_inflight", now.checkpoints_running},
      {"compaction_jobs_inflight", now.compactions_running},
      {"sqlite_wal_bytes", now.catalog_wal_bytes},
      {"catalog_read_timeout_total", context.metrics.catalog_read_timeouts.value()},
      {"quarantine_files", now.quarantine_files},
      {"quarantine_bytes", now.quarantine_bytes},
      {"quarantine_evictions_total", context.metrics.quarantine_evictions.value()},
      {"ingest_queue_bytes", now.writes_queued_bytes},
      {"memory_proxy_bytes", now.memory_bytes},
      {"memory_budget_bytes", now.memory_budget_bytes},
  }};
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("data");
  json.begin_object();
  json.key("ready");
  json.boolean(readiness.ready);
  json.key("live");
  json.boolean(true);
  for (const auto& [name, value] : counts) {
    json.key(name);
    json.number(value);
  }
  json.end_object();
  json.end_object();
  return ok_status();
}

// ---- Jobs. Their details are texts of our own; they are put into the words that clients of /v2 know. ----

void write_data(const catalog::Job& job, std::string_view state, const OrderedJson& details, Reply& reply) {
  const OrderedJson answer = {{"data", {{"job_id", job.id}, {"state", state}, {"details", details}}}};
  reply.body = answer.dump();
}

OrderedJson details_of(const catalog::Job& job) {
  OrderedJson details = OrderedJson::parse(job.details, nullptr, false);
  return details.is_object() ? details : OrderedJson::object();
}

bool is_running(const catalog::Job& job) {
  return job.state == catalog::JobState::kRunning;
}

void write_checkpoint(const catalog::Job& job, Reply& reply) {
  const OrderedJson details = details_of(job);
  const bool idle = !is_running(job) && details.value("start_lsn", std::uint64_t{0}) == 0;
  write_data(job, idle ? "idle" : to_string(job.state), idle ? OrderedJson{{"reason", "no_pending_wal"}} : details,
             reply);
}

void write_compaction(const catalog::Job& job, Reply& reply) {
  if (is_running(job)) {
    write_data(job, to_string(job.state), OrderedJson::object(), reply);
    return;
  }
  const OrderedJson details = details_of(job);
  const OrderedJson merges = details.value("merges", OrderedJson::array());
  if (merges.empty()) {
    write_data(job, "idle", {{"reason", "not_enough_compaction_candidates"}}, reply);
    return;
  }
  OrderedJson inputs = OrderedJson::array();
  for (const OrderedJson& merge : merges) {
    for (const OrderedJson& input : merge.value("inputs", OrderedJson::array())) {
      inputs.push_back(input);
    }
  }
  const OrderedJson& last = merges.back();
  write_data(job, to_string(job.state),
             {{"input_segments", inputs},
              {"output_segment", last.value("output", "")},
              {"output_level", last.value("level", 0)},
              {"archive_pq", last.value("archived", false)}},
             reply);
}

void write_snapshot(const catalog::Job& job, Reply& reply) {
  OrderedJson details = details_of(job);
  if (!is_running(job)) {
    details["snapshot_id"] = details.value("snapshot", job.id);
    details["snapshot_dir"] = details.value("folder", "");
  }
  write_data(job, to_string(job.state), details, reply);
}

constexpr JobStyle kCheckpoint = {.write = write_checkpoint, .code_of_failure = "checkpoint_failed"};
constexpr JobStyle kCompaction = {.write = write_compaction, .code_of_failure = "compact_failed"};
constexpr JobStyle kSnapshot = {.write = write_snapshot, .code_of_failure = "snapshot_failed"};

void add_job_route(const ContextPtr& context, RouteTable& table, std::string pattern, const JobStyle& style,
                   std::function<Result<std::string>(engine::Database&, engine::JobDone)> start) {
  Route route{
      .method = Method::kPost, .pattern = std::move(pattern), .role = Role::kAdmin, .body_bytes_max = kSmallBodyBytes};
  route.async_handler = audited(
      context, route, [context, style, start = std::move(start)](const Request&, const ResponderPtr& responder) {
        return run_job(responder, style,
                       [&](engine::JobDone done) { return start(context->database, std::move(done)); });
      });
  table.add(std::move(route));
}

}  // namespace

void add_v2_operation_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](const std::string& pattern, Role role, auto handler) {
    table.add({.method = Method::kGet,
               .pattern = pattern,
               .role = role,
               .reach = role == Role::kQuery ? Reach::kVisibleCollections : Reach::kWholeDatabase,
               .handler = [context, handler](const Request&, Reply& reply) { return handler(*context, reply); }});
  };
  const Role health = context->options.public_health ? Role::kPublic : Role::kQuery;
  add("/v2/health/live", health, live);
  add("/v2/health/ready", health, report_v2_readiness);
  add("/v2/metrics", context->options.public_metrics ? Role::kPublic : Role::kAdmin, write_metrics);

  Route route{.method = Method::kGet, .pattern = "/v2/admin/stats", .role = Role::kAdmin};
  route.async_handler = audited(context, route, [context](const Request&, const ResponderPtr& responder) {
    return answer_from_pool(context, responder, [context](Reply& reply) { return stats(*context, reply); });
  });
  table.add(std::move(route));

  using engine::Database;
  using engine::JobDone;
  add_job_route(context, table, "/v2/admin/checkpoint", kCheckpoint,
                [](Database& database, JobDone done) { return database.start_checkpoint(std::move(done)); });
  add_job_route(context, table, "/v2/admin/compact", kCompaction, [](Database& database, JobDone done) {
    return database.start_compaction(std::nullopt, std::move(done));
  });
  add_job_route(context, table, "/v2/admin/snapshot", kSnapshot,
                [](Database& database, JobDone done) { return database.start_snapshot("", std::move(done)); });
}

}  // namespace vibrato::api
