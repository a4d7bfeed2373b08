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

// A page ends early when its answer has become so large; its cursor goes on behind its last item.
constexpr std::size_t kPageBytesMax = 32 * limits::kMiB;
constexpr std::uint64_t kScrollLimit = 100;
constexpr std::uint64_t kScrollLimitMax = 10'000;

struct ScrollCall {
  std::string collection;
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

Status scroll(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(ScrollCall call, read_json_object(request.body, read_scroll));
  call.collection = request.path_parameter("collection");
  call.request.deadline = deadline_of(*context, *responder);
  const auto owned = std::make_shared<ScrollCall>(std::move(call));
  return answer_on_pool(context, owned->min_lsn, responder, [context, owned](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, owned->collection));
    owned->request.filter = owned->filter ? &*owned->filter : nullptr;
    VIBRATO_ASSIGN_OR_RETURN(const vector::ListPage page, vector::list_points(*collection, owned->request));
    return write_page(page, owned->parts, reply);
  });
}

struct CountCall {
  std::string collection;
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

Status count(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(CountCall call, read_json_object(request.body, read_count));
  call.collection = request.path_parameter("collection");
  const auto owned = std::make_shared<const CountCall>(std::move(call));
  const Deadline deadline = deadline_of(*context, *responder);
  return answer_on_pool(context, owned->min_lsn, responder, [context, owned, deadline](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, owned->collection));
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t points,
                             vector::count_points(*collection, owned->filter ? &*owned->filter : nullptr, deadline));
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("count");
    json.number(points);
    json.end_object();
    return ok_status();
  });
}

struct GetBatchCall {
  std::string collection;
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
Status write_points(const vector::Collection& collection, const std::vector<PointId>& ids, Reply& reply) {
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("items");
  json.begin_array();
  for (const PointId& id : ids) {
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

Status get_batch(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(GetBatchCall call, read_json_object(request.body, read_get_batch));
  call.collection = request.path_parameter("collection");
  const auto owned = std::make_shared<const GetBatchCall>(std::move(call));
  return answer_on_pool(context, owned->min_lsn, responder, [context, owned](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, owned->collection));
    return write_points(*collection, owned->ids, reply);
  });
}

struct FacetCall {
  std::string collection;
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

void write_facet(const std::vector<vector::FacetValue>& values, Reply& reply) {
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
  }
  json.end_array();
  json.end_object();
}

Status facet(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(FacetCall call, read_json_object(request.body, read_facet));
  call.collection = request.path_parameter("collection");
  const auto owned = std::make_shared<const FacetCall>(std::move(call));
  const Deadline deadline = deadline_of(*context, *responder);
  return answer_on_pool(context, owned->min_lsn, responder, [context, owned, deadline](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, owned->collection));
    VIBRATO_ASSIGN_OR_RETURN(const std::vector<vector::FacetValue> values,
                             vector::facet_points(*collection, owned->field, owned->filter ? &*owned->filter : nullptr,
                                                  owned->limit, deadline));
    write_facet(values, reply);
    return ok_status();
  });
}

}  // namespace

void add_listing_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](std::string_view name, auto handler) {
    table.add(
        make_query_route(context, name, [context, handler](const Request& request, const ResponderPtr& responder) {
          return handler(context, request, responder);
        }));
  };
  add("scroll", scroll);
  add("count", count);
  add("facet", facet);
  add("get_batch", get_batch);
}

}  // namespace vibrato::api
