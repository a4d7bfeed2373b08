// One point at a time: add, upsert, update, delete, get.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/point_fields.hpp"
#include "api/point_json.hpp"
#include "api/read_call.hpp"
#include "api/write_call.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kOk = R"({"ok":true)";

// The body of add and upsert.
Result<vector::PointInput> read_point(simdjson::dom::object object) {
  PointFields fields;
  VIBRATO_RETURN_IF_ERROR(fields.collect(object));
  vector::PointInput point;
  VIBRATO_RETURN_IF_ERROR(fields.read(point));
  return point;
}

Result<vector::MetaMode> read_meta_mode(const Field& field) {
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, string_or(field, "replace"));
  if (text == "replace") return vector::MetaMode::kReplace;
  if (text == "merge") return vector::MetaMode::kMerge;
  return wrong_type("meta_mode", "\"replace\" or \"merge\"");
}

Result<vector::UpdateInput> read_update(simdjson::dom::object object) {
  std::array<Field, 5> fields{{{"id"}, {"vector"}, {"vector_b64"}, {"meta"}, {"meta_mode"}}};
  auto& [id, vector, vector_b64, meta, meta_mode] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  vector::UpdateInput update;
  VIBRATO_ASSIGN_OR_RETURN(update.id, read_required_id(id));
  std::vector<float> numbers;
  VIBRATO_ASSIGN_OR_RETURN(const bool has_vector, read_vector(vector, vector_b64, numbers));
  if (has_vector) {
    update.vector = std::move(numbers);
  }
  if (meta.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(update.meta_json, read_meta(*meta.value, "meta"));
  }
  VIBRATO_ASSIGN_OR_RETURN(update.meta_mode, read_meta_mode(meta_mode));
  return update;
}

Result<PointId> read_id_body(simdjson::dom::object object) {
  std::array<Field, 1> fields{{{"id"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  return read_required_id(fields[0]);
}

using MakePut = Result<vector::WritePtr> (*)(vector::VectorModel&, vector::CollectionPtr, vector::PointInput);

AsyncHandler put_handler(const ContextPtr& context, MakePut make) {
  return [context, make](const Request& request, const ResponderPtr& responder) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(vector::PointInput point, read_json_object(request.body, read_point));
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection,
                             find_collection(*context, request.path_parameter("collection")));
    VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write, make(context->database.vectors(), collection, std::move(point)));
    return submit_write(context, request, responder,
                        {.write = std::move(write), .collection = collection, .answer = std::string(kOk), .points = 1});
  };
}

Status update_point(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(vector::UpdateInput update, read_json_object(request.body, read_update));
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection,
                           find_collection(*context, request.path_parameter("collection")));
  VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write,
                           vector::make_update(context->database.vectors(), collection, std::move(update)));
  return submit_write(context, request, responder,
                      {.write = std::move(write), .collection = collection, .answer = std::string(kOk)});
}

Status delete_point(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(PointId id, read_json_object(request.body, read_id_body));
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection,
                           find_collection(*context, request.path_parameter("collection")));
  VIBRATO_ASSIGN_OR_RETURN(vector::WritePtr write,
                           vector::make_delete(context->database.vectors(), collection, std::move(id)));
  return submit_write(context, request, responder,
                      {.write = std::move(write),
                       .kind = engine::Database::Kind::kDelete,
                       .collection = collection,
                       .answer = R"({"deleted":true)"});
}

// The point of a query string's id: the number, if there is such a point, else the string.
Result<vector::Point> find_point(const vector::Collection& collection, const QueryId& id) {
  for (const std::optional<PointId>* one : {&id.number, &id.text}) {
    if (!one->has_value()) {
      continue;
    }
    VIBRATO_ASSIGN_OR_RETURN(std::optional<vector::Point> point, collection.get((*one)->view()));
    if (point.has_value()) {
      return *std::move(point);
    }
  }
  return not_found("no point of collection " + collection.identity().name + " has this id");
}

Status get_point(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const auto text = request.query_parameter("id");
  if (!text.has_value()) {
    return invalid_argument("query parameter id is missing");
  }
  VIBRATO_ASSIGN_OR_RETURN(QueryId id, parse_query_id(*text));
  const std::string name(request.path_parameter("collection"));
  return answer_read(context, request, responder, [context, name, id = std::move(id)](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, name));
    VIBRATO_ASSIGN_OR_RETURN(const vector::Point point, find_point(*collection, id));
    JsonWriter json(reply.body);
    write_point(point, json);
    return ok_status();
  });
}

}  // namespace

void add_point_routes(const ContextPtr& context, RouteTable& table) {
  const auto bound = [&](auto handler) -> AsyncHandler {
    return [context, handler](const Request& request, const ResponderPtr& responder) {
      return handler(context, request, responder);
    };
  };
  table.add(make_write_route(context, "/v1/vector/{collection}/add", put_handler(context, vector::make_add)));
  table.add(make_write_route(context, "/v1/vector/{collection}/upsert", put_handler(context, vector::make_upsert)));
  table.add(make_write_route(context, "/v1/vector/{collection}/update", bound(update_point)));
  table.add(make_write_route(context, "/v1/vector/{collection}/delete", bound(delete_point)));
  table.add({.method = Method::kGet,
             .pattern = "/v1/vector/{collection}/get",
             .role = Role::kQuery,
             .reach = Reach::kOneCollection,
             .known_query_parameters = {{"id", std::string(kMinLsnParameter)}},
             .check_query = check_read_parameters,
             .async_handler = bound(get_point)});
}

}  // namespace vibrato::api
