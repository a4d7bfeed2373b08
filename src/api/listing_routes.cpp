// Points by their ids and by their meta: scroll, get_batch, count and facet.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/page_cursor.hpp"
#include "api/point_fields.hpp"
#include "api/point_json.hpp"
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/search_call.hpp"
#include "base/limits.hpp"
#include "filter/parse_filter.hpp"
#include "vector/listing.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint64_t kScrollLimit = 100;
constexpr std::uint64_t kScrollLimitMax = 10'000;

// Null for none.
const filter::Filter* pointer_to(const std::optional<filter::Filter>& filter) {
  return filter ? &*filter : nullptr;
}

struct ScrollCall {
  std::optional<filter::Filter> filter;
  vector::ListRequest request;
  HitParts parts;
  std::optional<Lsn> min_lsn;
};

Result<ScrollCall> read_scroll(simdjson::dom::object object) {
  std::array<Field, 6> fields{{{"filter"}, {"limit"}, {"cursor"}, {"include_meta"}, {"include_vector"}, {"min_lsn"}}};
  auto& [filter, limit, cursor, include_meta, include_vector, min_lsn] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  ScrollCall call;
  VIBRATO_ASSIGN_OR_RETURN(call.filter, read_filter(filter));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t count, whole_or(limit, 1, kScrollLimitMax, kScrollLimit));
  call.request.limit = static_cast<std::uint32_t>(count);
  if (cursor.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, string_or(cursor, ""));
    VIBRATO_ASSIGN_OR_RETURN(call.request.after, read_cursor(text));
  }
  VIBRATO_ASSIGN_OR_RETURN(call.parts.meta, bool_or(include_meta, true));
  VIBRATO_ASSIGN_OR_RETURN(call.parts.vector, bool_or(include_vector, false));
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(min_lsn));
  return call;
}

Status write_page(const vector::ListPage& page, const HitParts& parts, Reply& reply) {
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("items");
  json.begin_array();
  const vector::ListedPoint* last = nullptr;
  for (const vector::ListedPoint& point : page.points) {
    if (last != nullptr && reply.body.size() > kPageBytesMax) {
      break;
    }
    last = &point;
    json.begin_object();
    json.key("id");
    write_id(point.id, json);
    VIBRATO_RETURN_IF_ERROR(write_parts(*point.segment, point.row, parts, json));
    json.end_object();
  }
  json.end_array();
  json.key("next_cursor");
  if (last != nullptr && (page.has_more || last != &page.points.back())) {
    json.string(write_cursor(last->id));
  } else {
    json.null();
  }
  json.end_object();
  return ok_status();
}

Status answer_scroll(const ApiContext& /*context*/, const vector::Collection& collection, ScrollCall& call,
                     const Deadline& deadline, Reply& reply) {
  call.request.deadline = deadline;
  call.request.filter = pointer_to(call.filter);
  VIBRATO_ASSIGN_OR_RETURN(const vector::ListPage page, vector::list_points(collection, call.request));
  return write_page(page, call.parts, reply);
}

struct CountCall {
  std::optional<filter::Filter> filter;
  std::optional<Lsn> min_lsn;
};

Result<CountCall> read_count(simdjson::dom::object object) {
  std::array<Field, 2> fields{{{"filter"}, {"min_lsn"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  CountCall call;
  VIBRATO_ASSIGN_OR_RETURN(call.filter, read_filter(fields[0]));
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(fields[1]));
  return call;
}

Status answer_count(const ApiContext& /*context*/, const vector::Collection& collection, CountCall& call,
                    const Deadline& deadline, Reply& reply) {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t points,
                           vector::count_points(collection, pointer_to(call.filter), deadline));
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("count");
  json.number(points);
  json.end_object();
  return ok_status();
}

struct GetBatchCall {
  std::vector<PointId> ids;
  std::optional<Lsn> min_lsn;
};

Result<GetBatchCall> read_get_batch(simdjson::dom::object object) {
  std::array<Field, 2> fields{{{"ids"}, {"min_lsn"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  GetBatchCall call;
  VIBRATO_ASSIGN_OR_RETURN(call.ids, read_ids(fields[0]));
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(fields[1]));
  return call;
}

// Absent ids are left out.
Status answer_get_batch(const ApiContext& /*context*/, const vector::Collection& collection, GetBatchCall& call,
                        const Deadline& deadline, Reply& reply) {
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("items");
  json.begin_array();
  for (const PointId& id : call.ids) {
    VIBRATO_RETURN_IF_ERROR(deadline.check());
    VIBRATO_ASSIGN_OR_RETURN(const std::optional<vector::Point> point, collection.get(id.view()));
    if (point) {
      write_point(*point, json);
      VIBRATO_RETURN_IF_ERROR(check_answer_size(reply.body.size()));
    }
  }
  json.end_array();
  json.end_object();
  return ok_status();
}

struct FacetCall {
  filter::FieldPath field;
  std::optional<filter::Filter> filter;
  std::uint32_t limit = 0;
  std::optional<Lsn> min_lsn;
};

Result<FacetCall> read_facet(simdjson::dom::object object) {
  constexpr std::uint64_t kLimit = 10;
  constexpr std::uint64_t kLimitMax = 10'000;
  std::array<Field, 4> fields{{{"field"}, {"filter"}, {"limit"}, {"min_lsn"}}};
  const auto& [field, filter, limit, min_lsn] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  if (!field.is_there()) {
    return missing_field(field.name, "the dotted path of a key of meta");
  }
  FacetCall call;
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view path, string_or(field, ""));
  VIBRATO_ASSIGN_OR_RETURN(call.field, filter::parse_path(path, field.name));
  VIBRATO_ASSIGN_OR_RETURN(call.filter, read_filter(filter));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t count, whole_or(limit, 1, kLimitMax, kLimit));
  call.limit = static_cast<std::uint32_t>(count);
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(min_lsn));
  return call;
}

void write_scalar(const filter::Scalar& scalar, JsonWriter& json) {
  if (const auto* flag = std::get_if<bool>(&scalar)) {
    json.boolean(*flag);
  } else if (const auto* number = std::get_if<filter::Number>(&scalar)) {
    json.raw(number->to_json());
  } else {
    json.string(std::get<std::string>(scalar));
  }
}

Status write_facet(const std::vector<vector::FacetValue>& values, Reply& reply) {
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("values");
  json.begin_array();
  for (const vector::FacetValue& one : values) {
    json.begin_object();
    json.key("value");
    write_scalar(one.value, json);
    json.key("count");
    json.number(one.count);
    json.end_object();
    VIBRATO_RETURN_IF_ERROR(check_answer_size(reply.body.size()));
  }
  json.end_array();
  json.end_object();
  return ok_status();
}

Status answer_facet(const ApiContext& /*context*/, const vector::Collection& collection, FacetCall& call,
                    const Deadline& deadline, Reply& reply) {
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<vector::FacetValue> values,
                           vector::facet_points(collection, call.field, pointer_to(call.filter), call.limit, deadline));
  return write_facet(values, reply);
}

// One route: `read` makes the call of a body, `answer` what is answered.
template <auto read, auto answer>
Status answer_listing(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(auto call, read_json_object(request.body, read));
  return answer_query(context, request, responder, std::move(call), answer);
}

}  // namespace

void add_listing_routes(const ContextPtr& context, RouteTable& table) {
  table.add(make_query_route(context, "scroll", answer_listing<read_scroll, answer_scroll>));
  table.add(make_query_route(context, "count", answer_listing<read_count, answer_count>));
  table.add(make_query_route(context, "facet", answer_listing<read_facet, answer_facet>));
  table.add(make_query_route(context, "get_batch", answer_listing<read_get_batch, answer_get_batch>));
}

}  // namespace vibrato::api
