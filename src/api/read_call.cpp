#include "api/read_call.hpp"

#include <cstdint>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "api/query_numbers.hpp"
#include "io/safe_path.hpp"

namespace vibrato::api {
namespace {

Route query_route(const ContextPtr& context, std::string pattern, QueryHandler handler) {
  return {.method = Method::kPost,
          .pattern = std::move(pattern),
          .role = Role::kQuery,
          .reach = Reach::kOneCollection,
          .body = BodyKind::kJson,
          .body_bytes_max = context->options.body_bytes_max,
          .async_handler = [context, handler](const Request& request, const ResponderPtr& responder) {
            return handler(context, request, responder);
          }};
}

}  // namespace

Result<std::optional<Lsn>> min_lsn_of(const Request& request) {
  if (!request.query_parameter(kMinLsnParameter).has_value()) {
    return std::optional<Lsn>();
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t lsn, query_number(request, kMinLsnParameter, 0, kMax, 0));
  return std::optional(Lsn(lsn));
}

Status check_read_parameters(const Request& request) {
  return min_lsn_of(request).status();
}

Status as_unavailable_if_damaged(const Status& status) {
  return status.code() == ErrorCode::kCorruption ? unavailable(status.message()) : status;
}

void run_read(const ResponderPtr& responder, const Read& read) {
  Reply reply;
  Status status;
  try {
    status = read(reply);
  } catch (const std::bad_alloc&) {
    reply = {};
    status = {ErrorCode::kOverloaded, "no memory for this request"};
  }
  responder->answer(as_unavailable_if_damaged(status), std::move(reply));
}

Status run_on_pool(const ContextPtr& context, std::function<void()> work) {
  return context->database.queries().submit(std::move(work));
}

void run_when_visible(const ContextPtr& context, Lsn lsn, const ResponderPtr& responder, std::function<void()> work) {
  context->database.when_visible(lsn, responder->deadline_ns(),
                                 [context, responder, work = std::move(work)](const Status& visible) {
                                   const Status status = visible.ok() ? run_on_pool(context, work) : visible;
                                   if (!status.ok()) {
                                     responder->answer(status, Reply());
                                   }
                                 });
}

Status answer_read(const ContextPtr& context, const Request& request, const ResponderPtr& responder, Read read) {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<Lsn> min_lsn, min_lsn_of(request));
  if (!min_lsn.has_value() || *min_lsn <= context->database.visible_lsn()) {
    run_read(responder, read);
  } else {
    run_when_visible(context, *min_lsn, responder, [responder, read = std::move(read)] { run_read(responder, read); });
  }
  return ok_status();
}

Status answer_on_pool(const ContextPtr& context, std::optional<Lsn> min_lsn, const ResponderPtr& responder, Read read) {
  auto work = [responder, read = std::move(read)] { run_read(responder, read); };
  if (!min_lsn.has_value() || *min_lsn <= context->database.visible_lsn()) {
    return run_on_pool(context, std::move(work));
  }
  run_when_visible(context, *min_lsn, responder, std::move(work));
  return ok_status();
}

Deadline deadline_of(const ApiContext& context, const Responder& responder) {
  return {context.clock, responder.deadline_ns()};
}

Route make_query_route(const ContextPtr& context, std::string_view name, QueryHandler handler) {
  Route route = query_route(context, "/v1/vector/{collection}/" + std::string(name), handler);
  route.known_query_parameters = {std::vector<std::string>()};
  return route;
}

Route make_v2_query_route(const ContextPtr& context, std::string_view name, QueryHandler handler) {
  Route route = query_route(context, "/v2/" + std::string(name), handler);
  route.collection = context->options.v2_collection;
  return route;
}

Result<vector::CollectionPtr> find_collection(const ApiContext& context, std::string_view name) {
  VIBRATO_RETURN_IF_ERROR(context.database.check_readable());
  if (!io::is_safe_name(name)) {
    return io::check_name(name).with_context("collection");
  }
  return context.database.vectors().find(name);
}

}  // namespace vibrato::api
