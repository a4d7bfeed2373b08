// POST /v2/query.
#include <array>
#include <string>
#include <utility>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/point_fields.hpp"
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/search_call.hpp"
#include "api/v2_metadata.hpp"
#include "base/limits.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint32_t kV2DefaultK = 10;
constexpr std::uint32_t kV2DefaultEf = 50;

Status read_query(simdjson::dom::object object, const DatabaseApiOptions& options, SearchCall& call) {
  std::array<Field, 6> fields{{{"vector"}, {"k"}, {"ef"}, {"include_metadata"}, {"filter"}, {"search_tier"}}};
  const auto& [numbers, k, ef, include_metadata, filter, tier] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields, UnknownFields::kIgnored));
  if (!numbers.is_there()) {
    return missing_field("vector", "an array of numbers");
  }
  VIBRATO_RETURN_IF_ERROR(read_floats(*numbers.value, "vector", limits::kDimMax, call.vector));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t count, whole_or(k, 0, options.search_k_max, kV2DefaultK));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t effort, whole_or(ef, 1, limits::kEfMax, kV2DefaultEf));
  VIBRATO_ASSIGN_OR_RETURN(call.parts.meta, bool_or(include_metadata, true));
  VIBRATO_ASSIGN_OR_RETURN(call.request.filter, read_v2_filter(filter));
  VIBRATO_ASSIGN_OR_RETURN(call.request.tier, read_tier(tier));
  call.request.k = static_cast<std::uint32_t>(count);
  call.request.ef = static_cast<std::uint32_t>(effort);
  return ok_status();
}

Status write_results(const SearchCall& call, const vector::SearchAnswer& answer, std::int64_t took_us, Reply& reply) {
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("data");
  json.begin_object();
  json.key("results");
  json.begin_array();
  for (const vector::PointHit& hit : answer.hits) {
    json.begin_object();
    json.key("id");
    write_id(hit.id, json);
    json.key("score");
    json.number(hit.score);
    if (call.parts.meta) {
      VIBRATO_ASSIGN_OR_RETURN(const std::string_view meta, hit.segment->meta_json(hit.row));
      json.key("metadata");
      write_v2_metadata(meta, json);
    }
    json.end_object();
    VIBRATO_RETURN_IF_ERROR(check_answer_size(reply.body.size()));
  }
  json.end_array();
  json.key("query_time_ms");
  json.number(static_cast<double>(took_us) / 1000.0);
  json.end_object();
  json.end_object();
  return ok_status();
}

Status query(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  SearchCall& call = kept_search_call();
  VIBRATO_RETURN_IF_ERROR(read_json_object(
      request.body, [&](simdjson::dom::object object) { return read_query(object, context->options, call); }));
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  call.collection = context->options.v2_collection;
  // Before its first write the collection is there for clients, and empty.
  if (call.request.k == 0 || !context->database.vectors().find(call.collection).ok()) {
    Reply reply;
    VIBRATO_RETURN_IF_ERROR(write_results(call, {}, 0, reply));
    responder->answer(ok_status(), std::move(reply));
    return ok_status();
  }
  return run_search(context, responder, call, write_results);
}

}  // namespace

void add_v2_query_routes(const ContextPtr& context, RouteTable& table) {
  table.add(make_v2_query_route(context, "query", query));
}

}  // namespace vibrato::api
