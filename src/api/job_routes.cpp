// Long admin work: checkpoint, compaction, snapshot, and the optimization of a collection on /v1. 200 when it is done,
// 202 at the deadline of the request: the job goes on, and GET /v1/admin/jobs/{id} tells how it ends.
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "api/admin_call.hpp"
#include "api/api_context.hpp"
#include "api/job_call.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "io/safe_path.hpp"

namespace vibrato::api {
namespace {

using engine::JobDone;

void write_job_answer(const catalog::Job& job, Reply& reply) {
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("job_id");
  json.string(job.id);
  json.key("state");
  json.string(to_string(job.state));
  json.key("details");
  json.raw(job.details);
  json.end_object();
}

constexpr JobStyle kJobStyle = {.write = write_job_answer, .code_of_failure = {}};

constexpr std::string_view kWhereSnapshotsAre = "; snapshots are folders beneath snapshots/ in the data folder";

// The one optional field of a body that may be missing altogether: a name. `hint` ends the message about what is none.
Result<std::string> read_name(const std::optional<simdjson::dom::object>& object, std::string_view field,
                              std::string_view hint) {
  std::array<Field, 1> fields{{{field}}};
  if (object.has_value()) {
    VIBRATO_RETURN_IF_ERROR(collect_fields(*object, fields));
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view name, string_or(fields[0], ""));
  if (fields[0].is_there() && !io::is_safe_name(name)) {
    return invalid_argument(io::check_name(name).with_context(field).message() + std::string(hint));
  }
  return std::string(name);
}

Result<std::string> read_name_body(const Request& request, std::string_view field, std::string_view hint = {}) {
  return read_optional_object(
      request, [&](const std::optional<simdjson::dom::object>& object) { return read_name(object, field, hint); });
}

Status checkpoint(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_RETURN_IF_ERROR(read_optional_object(request, [](const std::optional<simdjson::dom::object>& object) {
    return object.has_value() ? collect_fields(*object, {}) : ok_status();
  }));
  return run_job(responder, kJobStyle,
                 [&](JobDone done) { return context->database.start_checkpoint(std::move(done)); });
}

Status compact(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string name, read_name_body(request, "collection"));
  return run_job(responder, kJobStyle, [&](JobDone done) {
    return context->database.start_compaction(name.empty() ? std::nullopt : std::optional(name), std::move(done));
  });
}

Status optimize(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const std::string name(request.path_parameter("collection"));
  VIBRATO_RETURN_IF_ERROR(read_optional_object(request, [](const std::optional<simdjson::dom::object>& object) {
    return object.has_value() ? collect_fields(*object, {}) : ok_status();
  }));
  if (const Status status = io::check_name(name); !status.ok()) {
    return status.with_context("collection");
  }
  return run_job(responder, kJobStyle,
                 [&](JobDone done) { return context->database.start_optimization(name, std::move(done)); });
}

Status snapshot(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string name, read_name_body(request, "name", kWhereSnapshotsAre));
  return run_job(responder, kJobStyle,
                 [&](JobDone done) { return context->database.start_snapshot(name, std::move(done)); });
}

}  // namespace

void add_job_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](const std::string& pattern, auto handler, Reach reach = Reach::kWholeDatabase) {
    Route route{.method = Method::kPost,
                .pattern = pattern,
                .role = Role::kAdmin,
                .reach = reach,
                .body_bytes_max = kSmallBodyBytes,
                .refuses_idempotency_key = true,
                .known_query_parameters = {std::vector<std::string>()}};
    route.async_handler = audited(context, route, [context, handler](const Request& request, const ResponderPtr& to) {
      return handler(context, request, to);
    });
    table.add(std::move(route));
  };
  add("/v1/admin/checkpoint", checkpoint);
  add("/v1/admin/compact", compact);
  add("/v1/admin/snapshot", snapshot);
  add("/v1/vector/{collection}/optimize", optimize, Reach::kOneCollection);
}

}  // namespace vibrato::api
