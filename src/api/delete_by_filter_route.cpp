// POST /v1/vector/{collection}/delete_by_filter: engine/delete_by_filter.hpp on a thread for queries. Of two calls with
// one Idempotency-Key the second is refused while the first runs.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/api_context.hpp"
#include "api/delete_groups_call.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/write_call.hpp"
#include "engine/delete_by_filter.hpp"

namespace vibrato::api {
namespace {

Result<filter::Filter> read_required_filter(simdjson::dom::object object) {
  std::array<Field, 1> fields{{{"filter"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  VIBRATO_ASSIGN_OR_RETURN(std::optional<filter::Filter> filter, read_filter(fields[0]));
  return filter ? Result<filter::Filter>(*std::move(filter))
                : missing_field("filter", "an object; {} matches all points");
}

// Owns all it needs.
struct DeleteCall {
  std::string collection;
  engine::DeleteByFilter request;
};

Status delete_by_filter(const ContextPtr& context, const RunningKeysPtr& running, const Request& request,
                        const ResponderPtr& responder) {
  const auto call = std::make_shared<DeleteCall>();
  call->collection = request.path_parameter("collection");
  engine::DeleteByFilter& wanted = call->request;
  VIBRATO_ASSIGN_OR_RETURN(wanted.filter, read_json_object(request.body, read_required_filter));
  VIBRATO_ASSIGN_OR_RETURN(wanted.key, idempotency_key_of(*context, request));
  wanted.deadline = deadline_of(*context, *responder);
  wanted.durability = durability_of(request);
  wanted.make_answer = [durability = wanted.durability](const engine::DeletedByFilter& deleted) {
    return write_deleted_rows(deleted.points, deleted.last_lsn, durability);
  };
  return answer_on_pool(context, std::nullopt, responder, [context, running, call](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, call->collection));
    VIBRATO_ASSIGN_OR_RETURN(reply.body, run_once(*running, call->request.key, [&] {
                               return engine::delete_by_filter(context->database, collection, call->request);
                             }));
    return ok_status();
  });
}

}  // namespace

void add_delete_by_filter_route(const ContextPtr& context, RouteTable& table) {
  const auto running = std::make_shared<RunningKeys>();
  table.add(make_write_route(context, "/v1/vector/{collection}/delete_by_filter",
                             [context, running](const Request& request, const ResponderPtr& responder) {
                               return delete_by_filter(context, running, request, responder);
                             }));
}

}  // namespace vibrato::api
