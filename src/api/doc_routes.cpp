// Documents: GET, PUT, PATCH and DELETE of /v1/doc/{collection}/{id}, POST /v1/doc/{collection}/find, DELETE
// /v1/doc/{collection}.
#include <array>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/delete_groups_call.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/page_cursor.hpp"
#include "api/query_fields.hpp"
#include "api/query_numbers.hpp"
#include "api/read_call.hpp"
#include "api/write_call.hpp"
#include "base/limits.hpp"
#include "doc/document_writes.hpp"
#include "filter/parse_filter.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint64_t kFindLimit = 20;

// The members id, revision and doc of an object that is open.
void write_document(std::string_view id, Lsn revision, std::string_view doc_json, JsonWriter& json) {
  json.key("id");
  json.string(id);
  json.key("revision");
  json.number(revision.value());
  json.key("doc");
  json.raw(doc_json);
}

// The begin of a write's answer.
std::string begin_answer(std::string_view id, Lsn revision, std::string_view doc_json) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  write_document(id, revision, doc_json, json);
  return body;
}

struct DocumentName {
  std::string collection;
  std::string id;
};

// Errors: kInvalidArgument; kUnavailable while the database recovers.
Result<DocumentName> read_name(const ApiContext& context, const Request& request) {
  DocumentName name{std::string(request.path_parameter("collection")), std::string(request.path_parameter("id"))};
  VIBRATO_RETURN_IF_ERROR(doc::check_collection(name.collection));
  VIBRATO_RETURN_IF_ERROR(doc::check_document_id(name.id));
  VIBRATO_RETURN_IF_ERROR(context.database.check_readable());
  return name;
}

// The revision of If-Match: a number, perhaps in quotes as entity tags are.
Result<std::optional<std::uint64_t>> read_if_match(const Request& request) {
  const auto header = request.header(kIfMatchHeader);
  if (!header.has_value()) {
    return std::optional<std::uint64_t>();
  }
  std::string_view text = *header;
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  const std::optional<std::uint64_t> revision = parse_whole(text);
  if (!revision.has_value()) {
    return invalid_argument("If-Match must be the revision of a document, or 0 if it must not exist");
  }
  return revision;
}

// ---- One document ----

Status put_document(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> if_revision, read_if_match(request));
  VIBRATO_ASSIGN_OR_RETURN(std::string doc_json, read_json_text(request.body));
  VIBRATO_ASSIGN_OR_RETURN(const DocumentName name, read_name(*context, request));
  const auto outcome = std::make_shared<doc::PutOutcome>();
  WriteCall call;
  VIBRATO_ASSIGN_OR_RETURN(call.write, doc::make_put(context->database.documents(),
                                                     {name.collection, name.id, doc_json, if_revision}, outcome));
  call.make_answer = [outcome, id = name.id, doc_json = std::move(doc_json)](Lsn /*last_lsn*/) {
    return begin_answer(id, outcome->revision, doc_json);
  };
  return submit_write(context, request, responder, std::move(call));
}

Status patch_document(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> if_revision, read_if_match(request));
  VIBRATO_ASSIGN_OR_RETURN(std::string patch_json, read_json_text(request.body));
  VIBRATO_ASSIGN_OR_RETURN(const DocumentName name, read_name(*context, request));
  const auto outcome = std::make_shared<doc::PatchOutcome>();
  WriteCall call;
  VIBRATO_ASSIGN_OR_RETURN(call.write,
                           doc::make_patch(context->database.documents(),
                                           {name.collection, name.id, std::move(patch_json), if_revision}, outcome));
  call.make_answer = [outcome, id = name.id](Lsn /*last_lsn*/) {
    return begin_answer(id, outcome->revision, outcome->doc_json);
  };
  return submit_write(context, request, responder, std::move(call));
}

Status delete_document(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> if_revision, read_if_match(request));
  VIBRATO_ASSIGN_OR_RETURN(const DocumentName name, read_name(*context, request));
  const auto outcome = std::make_shared<doc::DeleteOutcome>();
  WriteCall call;
  VIBRATO_ASSIGN_OR_RETURN(
      call.write, doc::make_delete(context->database.documents(), {name.collection, name.id, if_revision}, outcome));
  call.kind = engine::Database::Kind::kDelete;
  call.make_answer = [outcome](Lsn /*last_lsn*/) {
    return std::string(outcome->deleted ? R"({"deleted":true)" : R"({"deleted":false)");
  };
  return submit_write(context, request, responder, std::move(call));
}

Status get_document(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(DocumentName name, read_name(*context, request));
  return answer_read(context, request, responder, [context, name = std::move(name)](Reply& reply) -> Status {
    VIBRATO_ASSIGN_OR_RETURN(const overlay::RowPtr row, context->database.documents().get(name.collection, name.id));
    if (row == nullptr) {
      return not_found("collection " + name.collection + " has no document '" + name.id + "'");
    }
    JsonWriter json(reply.body);
    json.begin_object();
    write_document(name.id, row->lsn, row->value, json);
    json.end_object();
    return ok_status();
  });
}

// ---- Find ----

struct FindCall {
  std::optional<filter::Filter> filter;
  doc::FindRequest request;
  std::optional<Lsn> min_lsn;
};

Result<doc::SortKey> read_sort_key(simdjson::dom::element json) {
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, read_object(json, "sort"));
  std::array<Field, 2> fields{{{"key"}, {"order"}}};
  const auto& [key, order] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  if (!key.is_there()) {
    return missing_field(key.name, "the dotted path of a key of the documents");
  }
  doc::SortKey sort;
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view path, string_or(key, ""));
  VIBRATO_ASSIGN_OR_RETURN(sort.path, filter::parse_path(path, key.name));
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, string_or(order, "asc"));
  if (text != "asc" && text != "desc") {
    return wrong_type(order.name, "\"asc\" or \"desc\"");
  }
  sort.descending = text == "desc";
  return sort;
}

Status read_sort(const Field& field, std::vector<doc::SortKey>& sort) {
  if (!field.is_there()) {
    return ok_status();
  }
  simdjson::dom::array keys;
  if (field.value->get(keys) != simdjson::SUCCESS) {
    return wrong_type(field.name, "an array of objects with key and order");
  }
  for (const simdjson::dom::element key : keys) {
    if (sort.size() == limits::kSortKeysMax) {
      return invalid_argument(fmt::format("{} has more than {} keys", field.name, limits::kSortKeysMax));
    }
    Result<doc::SortKey> one = read_sort_key(key);
    if (!one.ok()) {
      return beneath(fmt::format("{}[{}].", field.name, sort.size()), one.status());
    }
    sort.push_back(*std::move(one));
  }
  return ok_status();
}

Result<FindCall> read_find(simdjson::dom::object object) {
  std::array<Field, 5> fields{{{"filter"}, {"sort"}, {"limit"}, {"cursor"}, {"min_lsn"}}};
  const auto& [filter, sort, limit, cursor, min_lsn] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  FindCall call;
  VIBRATO_ASSIGN_OR_RETURN(call.filter, read_filter(filter));
  VIBRATO_RETURN_IF_ERROR(read_sort(sort, call.request.sort));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t count, whole_or(limit, 1, limits::kPageItemsMax, kFindLimit));
  call.request.limit = static_cast<std::uint32_t>(count);
  if (cursor.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, string_or(cursor, ""));
    call.request.cursor = text;
  }
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(min_lsn));
  return call;
}

void write_page(const doc::FoundPage& page, Reply& reply) {
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("documents");
  json.begin_array();
  for (const doc::Document& document : page.documents) {
    json.begin_object();
    write_document(document.id, document.revision(), document.doc_json(), json);
    json.end_object();
  }
  json.end_array();
  json.key("next_cursor");
  if (page.next_cursor) {
    json.string(*page.next_cursor);
  } else {
    json.null();
  }
  json.end_object();
}

Status find_documents(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(FindCall read, read_json_object(request.body, read_find));
  std::string collection(request.path_parameter("collection"));
  VIBRATO_RETURN_IF_ERROR(doc::check_collection(collection));
  const auto call = std::make_shared<FindCall>(std::move(read));
  call->request.filter = call->filter ? &*call->filter : nullptr;
  call->request.bytes_max = kPageBytesMax;
  call->request.deadline = deadline_of(*context, *responder);
  return answer_on_pool(context, call->min_lsn, responder,
                        [context, call, collection = std::move(collection)](Reply& reply) -> Status {
                          VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
                          VIBRATO_ASSIGN_OR_RETURN(const doc::FoundPage page,
                                                   context->database.documents().find(collection, call->request));
                          write_page(page, reply);
                          return ok_status();
                        });
}

// ---- A whole collection ----

// The documents above `after`, which moves on.
Result<engine::DeleteInGroups::MakeWrite> next_document_group(doc::DocumentModel& documents,
                                                              const std::string& collection,
                                                              const overlay::RowsToChoose& which,
                                                              std::optional<std::string>& after) {
  VIBRATO_ASSIGN_OR_RETURN(std::vector<doc::ChosenDocument> chosen, documents.choose(collection, after, which));
  if (chosen.empty()) {
    return engine::DeleteInGroups::MakeWrite();
  }
  after = chosen.back().id;
  return engine::DeleteInGroups::MakeWrite(
      [&documents, collection, chosen = std::move(chosen)](std::shared_ptr<std::uint64_t> deleted) {
        return doc::make_delete_chosen(documents, collection, chosen, std::move(deleted));
      });
}

Status drop_collection(const ContextPtr& context, const RunningKeysPtr& running, const Request& request,
                       const ResponderPtr& responder) {
  std::string collection(request.path_parameter("collection"));
  VIBRATO_RETURN_IF_ERROR(doc::check_collection(collection));
  DeleteGroupsCall call;
  call.rows_name = "documents";
  call.next = [collection = std::move(collection), after = std::optional<std::string>()](
                  engine::Database& database, const overlay::RowsToChoose& which) mutable {
    return next_document_group(database.documents(), collection, which, after);
  };
  return answer_with_deletion(context, running, request, responder, std::move(call));
}

Route write_route(const ContextPtr& context, Method method, std::string pattern, AsyncHandler handler) {
  Route route = make_write_route(context, std::move(pattern), std::move(handler));
  route.method = method;
  route.body = method == Method::kDelete ? BodyKind::kNone : BodyKind::kJson;
  return route;
}

}  // namespace

void add_doc_routes(const ContextPtr& context, RouteTable& table) {
  const auto bound = [&](auto handler) -> AsyncHandler {
    return [context, handler](const Request& request, const ResponderPtr& responder) {
      return handler(context, request, responder);
    };
  };
  const std::string collection = "/v1/doc/{collection}";
  const std::string one = collection + "/{id}";
  table.add({.method = Method::kPost,
             .pattern = collection + "/find",
             .role = Role::kQuery,
             .reach = Reach::kOneCollection,
             .body = BodyKind::kJson,
             .body_bytes_max = context->options.body_bytes_max,
             .known_query_parameters = {std::vector<std::string>()},
             .async_handler = bound(find_documents)});
  table.add({.method = Method::kGet,
             .pattern = one,
             .role = Role::kQuery,
             .reach = Reach::kOneCollection,
             .known_query_parameters = {{std::string(kMinLsnParameter)}},
             .check_query = check_read_parameters,
             .async_handler = bound(get_document)});
  table.add(write_route(context, Method::kPut, one, bound(put_document)));
  table.add(write_route(context, Method::kPatch, one, bound(patch_document)));
  table.add(write_route(context, Method::kDelete, one, bound(delete_document)));
  const auto running = std::make_shared<RunningKeys>();
  Route drop = write_route(context, Method::kDelete, collection,
                           [context, running](const Request& request, const ResponderPtr& responder) {
                             return drop_collection(context, running, request, responder);
                           });
  drop.role = Role::kAdmin;
  table.add(std::move(drop));
}

}  // namespace vibrato::api
