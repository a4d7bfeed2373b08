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

Status search(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  SearchCall& call = kept_search_call();
  VIBRATO_RETURN_IF_ERROR(read_search(request.body, context->options, call));
  call.collection = request.path_parameter("collection");
  return run_search(context, responder, call, write_search_answer);
}

}  // namespace

void add_search_routes(const ContextPtr& context, RouteTable& table) {
  table.add(make_query_route(context, "search", search));
}

}  // namespace vibrato::api
