// POST /v1/vector/{collection}/search.
#include <string>
#include <utility>

#include "api/api_context.hpp"
#include "api/json_writer.hpp"
#include "api/point_json.hpp"
#include "api/read_call.hpp"
#include "api/search_call.hpp"
#include "api/search_request.hpp"

namespace vibrato::api {
namespace {

Status write_answer(const SearchCall& call, const vector::SearchAnswer& answer, std::int64_t took_us, Reply& reply) {
  constexpr std::size_t kBytesPerHit = 48;
  reply.body.reserve(answer.hits.size() * kBytesPerHit + kBytesPerHit);
  JsonWriter json(reply.body);
  json.begin_object();
  VIBRATO_RETURN_IF_ERROR(write_hits(call, answer, json));
  json.key("took_us");
  json.number(static_cast<std::uint64_t>(took_us));
  json.end_object();
  return ok_status();
}

Status search(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  SearchCall& call = kept_search_call();
  VIBRATO_RETURN_IF_ERROR(read_search(request.body, context->options, call));
  call.collection = request.path_parameter("collection");
  return run_search(context, responder, call, write_answer);
}

}  // namespace

void add_search_routes(const ContextPtr& context, RouteTable& table) {
  table.add(make_query_route(context, "search", [context](const Request& request, const ResponderPtr& responder) {
    return search(context, request, responder);
  }));
}

}  // namespace vibrato::api
