// Whether the database lives, whether it is ready, and its metrics.
#include <fmt/format.h>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "api/api_context.hpp"
#include "api/json_writer.hpp"
#include "api/metrics_text.hpp"

namespace vibrato::api {
namespace {

Status health(const ApiContext& context, Reply& reply) {
  const bool live = context.database.readiness().live;
  reply.status = live ? 200 : 503;
  reply.body = live ? R"({"status":"ok"})" : R"({"status":"failed"})";
  return ok_status();
}

Status ready(const ApiContext& context, Reply& reply) {
  const engine::Readiness readiness = context.database.readiness();
  reply.status = readiness.ready ? 200 : 503;
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("status");
  json.string(readiness.ready ? "ready" : "not_ready");
  json.key("ready");
  json.boolean(readiness.ready);
  json.key("reasons");
  json.begin_array();
  for (const std::string& reason : readiness.reasons) {
    json.string(reason);
  }
  json.end_array();
  if (readiness.replay_progress.has_value()) {
    json.key("progress");
    json.number(*readiness.replay_progress);
  }
  json.end_object();
  return ok_status();
}

// A gauge that there is one of a collection. Names of collections need no escapes in a label.
void write_family(std::string_view name, std::string_view help, const std::vector<vector::CollectionInfo>& infos,
                  std::uint64_t vector::CollectionInfo::*value, std::string& body) {
  fmt::format_to(std::back_inserter(body), "# HELP {} {}\n# TYPE {} gauge\n", name, help, name);
  for (const vector::CollectionInfo& info : infos) {
    fmt::format_to(std::back_inserter(body), "{}{{collection=\"{}\"}} {}\n", name, info.identity.name, info.*value);
  }
}

void write_collections(engine::Database& database, std::string& body) {
  std::vector<vector::CollectionInfo> infos;
  for (const vector::CollectionPtr& collection : database.vectors().all()) {
    infos.push_back(collection->info());
  }
  using Info = vector::CollectionInfo;
  write_family("vibrato_collection_points", "Points of a collection.", infos, &Info::live_count, body);
  write_family("vibrato_collection_deleted_rows", "Dead rows that still take space.", infos, &Info::deleted_count,
               body);
  write_family("vibrato_collection_segments", "Parts of a collection.", infos, &Info::segments, body);
  write_family("vibrato_collection_indexed_rows", "Rows that an index finds.", infos, &Info::indexed_count, body);
  write_family("vibrato_collection_disk_bytes", "Bytes in files.", infos, &Info::bytes_on_disk, body);
  write_family("vibrato_collection_memory_bytes", "Bytes in memory.", infos, &Info::bytes_in_memory, body);
}

}  // namespace

Status write_metrics(const ApiContext& context, Reply& reply) {
  context.database.update_gauges();
  reply.content_type = "text/plain; version=0.0.4";
  reply.body = context.registry.render_prometheus();
  if (context.database.check_readable().ok()) {
    write_collections(context.database, reply.body);
  }
  return ok_status();
}

void add_health_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](std::string pattern, Role role, auto handler) {
    table.add({.method = Method::kGet,
               .pattern = std::move(pattern),
               .role = role,
               .known_query_parameters = {std::vector<std::string>()},
               .handler = [context, handler](const Request&, Reply& reply) { return handler(*context, reply); }});
  };
  add("/v1/health", Role::kPublic, health);
  add("/v1/health/live", Role::kPublic, health);
  add("/v1/health/ready", Role::kPublic, ready);
  add("/v1/metrics", context->options.public_metrics ? Role::kPublic : Role::kAdmin, write_metrics);
}

}  // namespace vibrato::api
