// POST /v1/vector/{collection}/search.
#include <string>
#include <utility>

#include "api/api_context.hpp"
#include "api/json_writer.hpp"
#include "api/point_json.hpp"
#include "api/search_call.hpp"
#include "api/search_request.hpp"

namespace vibrato::api {
namespace {

void write_explain(const std::vector<vector::SegmentExplain>& segments, JsonWriter& json) {
  json.key("explain");
  json.begin_array();
  for (const vector::SegmentExplain& one : segments) {
    json.begin_object();
    json.key("segment");
    json.string(one.segment);
    json.key("rows");
    json.number(std::uint64_t{one.rows});
    if (one.matching) {
      json.key("matching");
      json.number(std::uint64_t{*one.matching});
    }
    json.key("plan");
    json.string(one.stats.plan);
    json.key("rows_visited");
    json.number(one.stats.rows_visited);
    json.key("distances");
    json.number(one.stats.distances);
    json.end_object();
  }
  json.end_array();
}

Status write_answer(const SearchCall& call, const vector::SearchAnswer& answer, std::int64_t took_us, Reply& reply) {
  constexpr std::size_t kBytesPerHit = 48;
  reply.body.reserve(answer.hits.size() * kBytesPerHit + kBytesPerHit);
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("hits");
  json.begin_array();
  for (const vector::PointHit& hit : answer.hits) {
    VIBRATO_RETURN_IF_ERROR(write_hit(hit, call.parts, json));
    VIBRATO_RETURN_IF_ERROR(check_answer_size(reply.body.size()));
  }
  json.end_array();
  json.key("took_us");
  json.number(static_cast<std::uint64_t>(took_us));
  if (call.explain) {
    write_explain(answer.explain, json);
  }
  if (!call.notes.empty()) {
    json.key("notes");
    json.begin_array();
    for (const std::string& note : call.notes) {
      json.string(note);
    }
    json.end_array();
  }
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
  table.add({.method = Method::kPost,
             .pattern = "/v1/vector/{collection}/search",
             .role = Role::kQuery,
             .reach = Reach::kOneCollection,
             .body = BodyKind::kJson,
             .body_bytes_max = context->options.body_bytes_max,
             .known_query_parameters = {std::vector<std::string>()},
             .async_handler = [context](const Request& request, const ResponderPtr& responder) {
               return search(context, request, responder);
             }});
}

}  // namespace vibrato::api
