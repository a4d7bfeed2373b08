// What operators look at: jobs, snapshots, stats and the audit.
#include <charconv>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/admin_call.hpp"
#include "api/api_context.hpp"
#include "api/json_writer.hpp"
#include "api/query_numbers.hpp"
#include "catalog/catalog.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint64_t kPageDefault = 100;
constexpr std::uint64_t kPageMax = 1000;

void write_time(std::string_view name, std::int64_t time_ms, JsonWriter& json) {
  json.key(name);
  json.number(static_cast<std::uint64_t>(time_ms));
}

void write_text(std::string_view name, std::string_view text, JsonWriter& json) {
  json.key(name);
  json.string(text);
}

void write_job(const catalog::Job& job, JsonWriter& json) {
  json.begin_object();
  write_text("job_id", job.id, json);
  write_text("kind", job.kind, json);
  write_text("state", to_string(job.state), json);
  write_time("started_at_ms", job.started_at_ms, json);
  if (job.finished_at_ms.has_value()) {
    write_time("finished_at_ms", *job.finished_at_ms, json);
  }
  json.key("details");
  json.raw(job.details);
  if (job.error.has_value()) {
    write_text("error", *job.error, json);
  }
  json.end_object();
}

Status list_jobs(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t limit, query_number(request, "limit", 1, kPageMax, kPageDefault));
  return answer_from_pool(context, responder, [context, limit](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<catalog::Job> jobs,
                             context->database.jobs().list(static_cast<std::uint32_t>(limit)));
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("jobs");
    json.begin_array();
    for (const catalog::Job& job : jobs) {
      write_job(job, json);
    }
    json.end_array();
    json.end_object();
    return ok_status();
  });
}

Status show_job(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const std::string id(request.path_parameter("id"));
  return answer_from_pool(context, responder, [context, id](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<catalog::Job> job, context->database.jobs().find(id));
    if (!job.has_value()) {
      return not_found("no job has this id; old ones are forgotten");
    }
    JsonWriter json(reply.body);
    write_job(*job, json);
    return ok_status();
  });
}

Status list_snapshots(const ContextPtr& context, const Request& /*request*/, const ResponderPtr& responder) {
  return answer_from_pool(context, responder, [context](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(
        const std::vector<catalog::Snapshot> snapshots,
        context->database.catalog().read_in_time([](const catalog::Tables& tables) { return tables.snapshots.all(); }));
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("snapshots");
    json.begin_array();
    for (const catalog::Snapshot& snapshot : snapshots) {
      json.begin_object();
      write_text("name", snapshot.name, json);
      write_text("folder", snapshot.folder, json);
      write_count("lsn", snapshot.lsn.value(), json);
      write_time("created_at_ms", snapshot.created_at_ms, json);
      write_count("bytes", snapshot.bytes, json);
      json.end_object();
    }
    json.end_array();
    json.end_object();
    return ok_status();
  });
}

void write_stats(const engine::Readiness& readiness, const engine::DatabaseStats& stats, JsonWriter& json) {
  json.begin_object();
  json.key("ready");
  json.boolean(readiness.ready);
  json.key("live");
  json.boolean(true);
  write_count("collections", stats.collections, json);
  write_count("active_segments", stats.active_segments, json);
  write_count("damaged_segments", stats.damaged_segments, json);
  write_count("hot_rows", stats.hot_rows, json);
  write_count("total_rows", stats.total_rows, json);
  write_count("unsealed_log_records", stats.unsealed_log_records, json);
  write_count("checkpoints_running", stats.checkpoints_running, json);
  write_count("compactions_running", stats.compactions_running, json);
  write_count("memory_bytes", stats.memory_bytes, json);
  write_count("memory_budget_bytes", stats.memory_budget_bytes, json);
  write_count("writes_queued_bytes", stats.writes_queued_bytes, json);
  write_count("wal_bytes", stats.wal_bytes, json);
  write_count("catalog_wal_bytes", stats.catalog_wal_bytes, json);
  write_count("quarantine_files", stats.quarantine_files, json);
  write_count("quarantine_bytes", stats.quarantine_bytes, json);
  write_count("visible_lsn", stats.visible_lsn.value(), json);
  write_count("durable_lsn", stats.durable_lsn.value(), json);
  write_count("oldest_lsn", stats.oldest_lsn.value(), json);
  json.end_object();
}

Status show_stats(const ContextPtr& context, const Request& /*request*/, const ResponderPtr& responder) {
  return answer_from_pool(context, responder, [context](Reply& reply) {
    JsonWriter json(reply.body);
    write_stats(context->database.readiness(), context->database.stats(), json);
    return ok_status();
  });
}

void write_event(const catalog::AuditEvent& event, JsonWriter& json) {
  json.begin_object();
  write_count("sequence", event.sequence, json);
  write_time("at_ms", event.at_ms, json);
  write_text("request_id", event.request_id, json);
  write_text("key_id", event.key_id, json);
  write_text("client", event.client, json);
  write_text("action", event.action, json);
  json.key("status");
  json.number(static_cast<std::uint64_t>(event.status));
  json.key("details");
  json.raw(event.details);
  json.end_object();
}

// Newest first. The cursor is the sequence of the last event of the page before.
Status list_audit(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t limit, query_number(request, "limit", 1, kPageMax, kPageDefault));
  constexpr std::uint64_t kNewest = std::numeric_limits<std::int64_t>::max();
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t cursor, query_number(request, "cursor", 1, kNewest, kNewest));
  return answer_from_pool(context, responder, [context, limit, cursor](Reply& reply) -> Status {
    // What waits in memory belongs into the list.
    VIBRATO_RETURN_IF_ERROR(context->database.flush_audit());
    VIBRATO_ASSIGN_OR_RETURN(std::vector<catalog::AuditEvent> events,
                             context->database.catalog().read_in_time([&](const catalog::Tables& tables) {
                               return tables.audit.page(cursor, static_cast<std::uint32_t>(limit + 1));
                             }));
    const bool more = events.size() > limit;
    events.resize(std::min<std::size_t>(events.size(), limit));
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("events");
    json.begin_array();
    for (const catalog::AuditEvent& event : events) {
      write_event(event, json);
    }
    json.end_array();
    json.key("next_cursor");
    if (more) {
      json.number(events.back().sequence);
    } else {
      json.null();
    }
    json.end_object();
    return ok_status();
  });
}

}  // namespace

void add_admin_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](const std::string& pattern, std::vector<std::string> parameters, auto handler) {
    Route route{.method = Method::kGet,
                .pattern = pattern,
                .role = Role::kAdmin,
                .known_query_parameters = std::move(parameters)};
    route.async_handler = audited(context, route, [context, handler](const Request& request, const ResponderPtr& to) {
      return handler(context, request, to);
    });
    table.add(std::move(route));
  };
  add("/v1/admin/jobs", {"limit"}, list_jobs);
  add("/v1/admin/jobs/{id}", {}, show_job);
  add("/v1/admin/snapshots", {}, list_snapshots);
  add("/v1/admin/stats", {}, show_stats);
  add("/v1/admin/audit", {"limit", "cursor"}, list_audit);
}

}  // namespace vibrato::api
