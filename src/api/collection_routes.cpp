// Collections: list, create, info, drop.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/admin_call.hpp"
#include "api/api_context.hpp"
#include "api/caller.hpp"
#include "api/collection_json.hpp"
#include "api/json_writer.hpp"
#include "api/read_call.hpp"
#include "api/write_call.hpp"
#include "io/safe_path.hpp"
#include "vector/filter_notes.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::api {
namespace {

vector::CollectionInfo info_of(const vector::Collection& collection) {
  vector::CollectionInfo info = collection.info();
  std::vector<std::string> notes = vector::filter_notes(collection);
  std::move(notes.begin(), notes.end(), std::back_inserter(info.notes));
  return info;
}

Status list_collections(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const auto principal = std::static_pointer_cast<const auth::Principal>(request.principal);
  return answer_read(context, request, responder, [context, principal](Reply& reply) -> Status {
    VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
    JsonWriter json(reply.body);
    json.begin_object();
    json.key("collections");
    json.begin_array();
    for (const vector::CollectionPtr& collection : context->database.vectors().all()) {
      if (!may_see(principal.get(), collection->identity().name)) {
        continue;
      }
      json.begin_object();
      write_info_members(info_of(*collection), json);
      json.end_object();
    }
    json.end_array();
    json.end_object();
    return ok_status();
  });
}

Status show_collection(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const std::string name(request.path_parameter("collection"));
  return answer_read(context, request, responder, [context, name](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection, find_collection(*context, name));
    JsonWriter json(reply.body);
    json.begin_object();
    write_info_members(info_of(*collection), json);
    json.end_object();
    return ok_status();
  });
}

// What is answered of a collection that was made or found. One that is new is empty, and one whose record is not
// applied yet is new.
std::string write_created(const ApiContext& context, const vector::CollectionIdentity& identity, Lsn last_lsn) {
  const Result<vector::CollectionPtr> found = context.database.vectors().find(identity.name);
  vector::CollectionInfo info;
  if (found.ok() && (*found)->identity().number == identity.number) {
    info = (*found)->info();
  } else {
    info.identity = identity;
    info.updated_at_ms = identity.created_at_ms;
    info.applied_lsn = last_lsn;
  }
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  write_info_members(info, json);
  return body;
}

Status create_collection(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const std::string name(request.path_parameter("collection"));
  if (const Status status = io::check_name(name); !status.ok()) {
    return status.with_context("collection");
  }
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionSettings settings,
                           read_settings(request.body, context->options.dim_max));
  VIBRATO_RETURN_IF_ERROR(vector::check_settings(settings, context->options.dim_max));
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  const auto outcome = std::make_shared<vector::CreateOutcome>();
  return submit_write(context, request, responder,
                      {.write = vector::make_create_collection(context->database.vectors(), name, settings, outcome),
                       .make_answer = [context, outcome](Lsn last_lsn) {
                         return write_created(*context, outcome->identity, last_lsn);
                       }});
}

Status drop_collection(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const std::string name(request.path_parameter("collection"));
  if (const Status status = io::check_name(name); !status.ok()) {
    return status.with_context("collection");
  }
  // A point was meant, most likely.
  if (!request.body.empty()) {
    return invalid_argument(
        "DELETE of a collection drops all of it and takes no body; to delete one point, POST its id to /v1/vector/" +
        name + "/delete");
  }
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  return submit_write(context, request, responder,
                      {.write = vector::make_drop_collection(context->database.vectors(), name),
                       .kind = engine::Database::Kind::kDelete,
                       .answer = R"({"deleted":true)"});
}

}  // namespace

void add_collection_routes(const ContextPtr& context, RouteTable& table) {
  const auto bound = [&](auto handler) -> AsyncHandler {
    return [context, handler](const Request& request, const ResponderPtr& responder) {
      return handler(context, request, responder);
    };
  };
  table.add({.method = Method::kGet,
             .pattern = "/v1/vector",
             .role = Role::kQuery,
             .reach = Reach::kVisibleCollections,
             .known_query_parameters = {{std::string(kMinLsnParameter)}},
             .check_query = check_read_parameters,
             .async_handler = bound(list_collections)});
  table.add({.method = Method::kGet,
             .pattern = "/v1/vector/{collection}",
             .role = Role::kQuery,
             .reach = Reach::kOneCollection,
             .known_query_parameters = {{std::string(kMinLsnParameter)}},
             .check_query = check_read_parameters,
             .async_handler = bound(show_collection)});
  table.add(make_write_route(context, "/v1/vector/{collection}", bound(create_collection)));
  Route drop = make_write_route(context, "/v1/vector/{collection}", {});
  drop.method = Method::kDelete;
  drop.role = Role::kAdmin;
  drop.body = BodyKind::kNone;
  drop.async_handler = audited(context, drop, bound(drop_collection));
  table.add(std::move(drop));
}

}  // namespace vibrato::api
