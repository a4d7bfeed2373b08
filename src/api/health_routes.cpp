// Whether the database lives, whether it is ready, and its metrics.
#include <string>
#include <string_view>
#include <utility>

#include "api/api_context.hpp"
#include "api/json_writer.hpp"
#include "api/metrics_text.hpp"

namespace vibrato::api {
namespace {

// Whoever gets this answer talks to a process that works.
Status health(const ApiContext&, Reply& reply) {
  reply.body = R"({"status":"ok"})";
  return ok_status();
}

Status report_readiness(const ApiContext& context, Reply& reply) {
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

}  // namespace

Status write_metrics(const ApiContext& context, Reply& reply) {
  context.database.update_gauges();
  reply.content_type = "text/plain; version=0.0.4";
  reply.body = context.registry.render_prometheus();
  return ok_status();
}

void add_health_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](const std::string& pattern, Role role, auto handler) {
    table.add({.method = Method::kGet,
               .pattern = pattern,
               .role = role,
               .known_query_parameters = {std::vector<std::string>()},
               .handler = [context, handler](const Request&, Reply& reply) { return handler(*context, reply); }});
  };
  add("/v1/health", Role::kPublic, health);
  add("/v1/health/live", Role::kPublic, health);
  add("/v1/health/ready", Role::kPublic, report_readiness);
  add("/v1/metrics", context->options.public_metrics ? Role::kPublic : Role::kAdmin, write_metrics);
}

}  // namespace vibrato::api
