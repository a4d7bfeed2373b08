// POST /v1/batch: operations of several models as one write. All or nothing: in the log, in every model, and for every
// condition; later operations see what earlier ones did.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/operation_write.hpp"
#include "api/point_fields.hpp"
#include "api/read_call.hpp"
#include "api/state_fields.hpp"
#include "api/write_call.hpp"
#include "base/limits.hpp"
#include "commit/joined_write.hpp"
#include "doc/document_writes.hpp"
#include "events/event_model.hpp"
#include "kv/state_writes.hpp"

namespace vibrato::api {
namespace {

using WritePtr = std::unique_ptr<commit::Write>;
using simdjson::dom::object;

// Adds the result of an operation that was accepted: a whole JSON value.
using WriteResult = std::function<void(JsonWriter& json)>;

struct Operation {
  WritePtr write;
  WriteResult result;
  bool is_delete = false;
  // Of a delete that may find nothing: whether its client's row was there. Asked once it was accepted.
  std::function<bool()> has_deleted = {};
  vector::CollectionPtr collection = nullptr;  // Of vectors.
};

Result<std::string> required_text(const Field& field) {
  if (!field.is_there()) {
    return missing_field(field.name, "a string");
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, read_string(*field.value, field.name));
  return std::string(text);
}

void write_deleted(JsonWriter& json, bool deleted) {
  json.begin_object();
  json.key("deleted");
  json.boolean(deleted);
  json.end_object();
}

Result<Operation> read_state_put(const ApiContext& context, object from) {
  std::array<Field, 5> fields{{{"op"}, {"key"}, {"value"}, {"ttl_ms"}, {"if_revision"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(from, fields));
  kv::PutInput input;
  VIBRATO_ASSIGN_OR_RETURN(input.key, required_text(fields[1]));
  VIBRATO_ASSIGN_OR_RETURN(input.value_json, required_json(fields[2]));
  VIBRATO_ASSIGN_OR_RETURN(input.ttl_ms, optional_whole(fields[3], 1));
  VIBRATO_ASSIGN_OR_RETURN(input.if_revision, optional_whole(fields[4], 0));
  const auto outcome = std::make_shared<kv::PutOutcome>();
  Operation operation;
  operation.result = [key = input.key, outcome](JsonWriter& json) {
    json.begin_object();
    write_put_members(key, *outcome, json);
    json.end_object();
  };
  VIBRATO_ASSIGN_OR_RETURN(operation.write, kv::make_put(context.database.state(), std::move(input), outcome));
  return operation;
}

Result<Operation> read_state_delete(const ApiContext& context, object from) {
  std::array<Field, 3> fields{{{"op"}, {"key"}, {"if_revision"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(from, fields));
  kv::DeleteInput input;
  VIBRATO_ASSIGN_OR_RETURN(input.key, required_text(fields[1]));
  VIBRATO_ASSIGN_OR_RETURN(input.if_revision, optional_whole(fields[2], 0));
  const auto outcome = std::make_shared<kv::DeleteOutcome>();
  Operation operation;
  operation.is_delete = true;
  operation.has_deleted = [outcome] { return outcome->deleted; };
  operation.result = [outcome](JsonWriter& json) { write_deleted(json, outcome->deleted); };
  VIBRATO_ASSIGN_OR_RETURN(operation.write, kv::make_delete(context.database.state(), std::move(input), outcome));
  return operation;
}

Result<Operation> read_doc_put(const ApiContext& context, object from) {
  std::array<Field, 5> fields{{{"op"}, {"collection"}, {"id"}, {"doc"}, {"if_revision"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(from, fields));
  doc::PutInput input;
  VIBRATO_ASSIGN_OR_RETURN(input.collection, required_text(fields[1]));
  VIBRATO_ASSIGN_OR_RETURN(input.id, required_text(fields[2]));
  VIBRATO_ASSIGN_OR_RETURN(input.doc_json, required_json(fields[3]));
  VIBRATO_ASSIGN_OR_RETURN(input.if_revision, optional_whole(fields[4], 0));
  const auto outcome = std::make_shared<doc::PutOutcome>();
  Operation operation;
  operation.result = [id = input.id, outcome](JsonWriter& json) {
    json.begin_object();
    json.key("id");
    json.string(id);
    json.key("revision");
    json.number(outcome->revision.value());
    json.end_object();
  };
  VIBRATO_ASSIGN_OR_RETURN(operation.write, doc::make_put(context.database.documents(), std::move(input), outcome));
  return operation;
}

Result<Operation> read_doc_delete(const ApiContext& context, object from) {
  std::array<Field, 3> fields{{{"op"}, {"collection"}, {"id"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(from, fields));
  doc::DeleteInput input;
  VIBRATO_ASSIGN_OR_RETURN(input.collection, required_text(fields[1]));
  VIBRATO_ASSIGN_OR_RETURN(input.id, required_text(fields[2]));
  const auto outcome = std::make_shared<doc::DeleteOutcome>();
  Operation operation;
  operation.is_delete = true;
  operation.has_deleted = [outcome] { return outcome->deleted; };
  operation.result = [outcome](JsonWriter& json) { write_deleted(json, outcome->deleted); };
  VIBRATO_ASSIGN_OR_RETURN(operation.write, doc::make_delete(context.database.documents(), std::move(input), outcome));
  return operation;
}

Result<Operation> read_vector_upsert(const ApiContext& context, object from) {
  std::array<Field, 6> fields{{{"op"}, {"collection"}, {"id"}, {"vector"}, {"vector_b64"}, {"meta"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(from, fields));
  VIBRATO_ASSIGN_OR_RETURN(const std::string name, required_text(fields[1]));
  vector::PointInput point;
  VIBRATO_ASSIGN_OR_RETURN(point.id, read_required_id(fields[2]));
  VIBRATO_ASSIGN_OR_RETURN(const bool has_vector, read_vector(fields[3], fields[4], point.vector));
  if (!has_vector) {
    return missing_field("vector", "an array of numbers");
  }
  if (fields[5].is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(point.meta_json, read_meta(*fields[5].value, "meta"));
  }
  Operation operation;
  operation.result = [](JsonWriter& json) { json.raw(R"({"ok":true})"); };
  VIBRATO_ASSIGN_OR_RETURN(operation.collection, find_collection(context, name));
  VIBRATO_ASSIGN_OR_RETURN(operation.write,
                           vector::make_upsert(context.database.vectors(), operation.collection, std::move(point)));
  return operation;
}

Result<Operation> read_vector_delete(const ApiContext& context, object from) {
  std::array<Field, 3> fields{{{"op"}, {"collection"}, {"id"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(from, fields));
  VIBRATO_ASSIGN_OR_RETURN(const std::string name, required_text(fields[1]));
  VIBRATO_ASSIGN_OR_RETURN(PointId id, read_required_id(fields[2]));
  Operation operation;
  operation.is_delete = true;
  operation.result = [](JsonWriter& json) { write_deleted(json, true); };
  VIBRATO_ASSIGN_OR_RETURN(operation.collection, find_collection(context, name));
  VIBRATO_ASSIGN_OR_RETURN(operation.write,
                           vector::make_delete(context.database.vectors(), operation.collection, std::move(id)));
  return operation;
}

Result<Operation> read_event_append(const ApiContext& /*context*/, object from) {
  std::array<Field, 3> fields{{{"op"}, {"type"}, {"data"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(from, fields));
  VIBRATO_ASSIGN_OR_RETURN(const std::string type, required_text(fields[1]));
  VIBRATO_ASSIGN_OR_RETURN(const std::string data, required_json(fields[2]));
  const auto outcome = std::make_shared<events::AppendOutcome>();
  Operation operation;
  operation.result = [outcome](JsonWriter& json) {
    json.begin_object();
    json.key("offset");
    json.number(outcome->offset.value());
    json.end_object();
  };
  VIBRATO_ASSIGN_OR_RETURN(operation.write, events::make_append(type, data, outcome));
  return operation;
}

struct OperationKind {
  std::string_view name;
  Result<Operation> (*read)(const ApiContext& context, object from);
};
constexpr std::array<OperationKind, 7> kKinds = {{{"state.put", read_state_put},
                                                  {"state.delete", read_state_delete},
                                                  {"doc.put", read_doc_put},
                                                  {"doc.delete", read_doc_delete},
                                                  {"vector.upsert", read_vector_upsert},
                                                  {"vector.delete", read_vector_delete},
                                                  {"event.append", read_event_append}}};

// Which fields an operation has, its kind says: that is looked for first.
Result<Operation> read_operation(const ApiContext& context, object from) {
  std::array<Field, 1> fields{{{"op"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(from, fields, UnknownFields::kIgnored));
  VIBRATO_ASSIGN_OR_RETURN(const std::string name, required_text(fields[0]));
  const auto kind = std::ranges::find(kKinds, name, &OperationKind::name);
  if (kind == kKinds.end()) {
    return invalid_argument(
        fmt::format("op \"{}\" is none that there is; see the description of this route", shown(name)));
  }
  return kind->read(context, from);
}

// Most errors begin with the name of a field: "operations[0].key is missing".
Status in_operation(const std::string& name, const Status& error) {
  const bool is_of_field = error.code() != ErrorCode::kUnknownField && error.code() != ErrorCode::kNotFound &&
                           error.code() != ErrorCode::kUnavailable;
  return is_of_field ? beneath(name + ".", error) : error.with_context(name);
}

Result<std::vector<Operation>> read_operations(const ApiContext& context, object body) {
  std::array<Field, 1> fields{{{"operations"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(body, fields));
  if (!fields[0].is_there()) {
    return missing_field("operations", "an array");
  }
  simdjson::dom::array array;
  if (fields[0].value->get(array) != simdjson::SUCCESS) {
    return wrong_type("operations", "an array");
  }
  if (array.size() == 0 || array.size() > limits::kBatchItemsMax) {
    return invalid_argument(fmt::format("operations must have 1 to {} elements", limits::kBatchItemsMax));
  }
  std::vector<Operation> operations;
  operations.reserve(array.size());
  for (const simdjson::dom::element element : array) {
    const std::string name = operation_name(operations.size());
    object from;
    if (element.get(from) != simdjson::SUCCESS) {
      return wrong_type(name, "an object");
    }
    auto operation = read_operation(context, from);
    if (!operation.ok()) {
      return in_operation(name, operation.status());
    }
    operations.push_back(std::move(*operation));
  }
  return operations;
}

// {"results":[...], without the last brace.
std::string write_results(const std::vector<WriteResult>& results) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("results");
  json.begin_array();
  for (const WriteResult& result : results) {
    result(json);
  }
  json.end_array();
  return body;
}

Status run_batch(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(std::vector<Operation> operations, read_json_object(request.body, [&](object body) {
                             return read_operations(*context, body);
                           }));
  WriteCall call;
  call.collections.emplace();
  call.kind = engine::Database::Kind::kDelete;
  std::vector<WritePtr> parts;
  std::vector<WriteResult> results;
  std::vector<std::function<bool()>> changes;
  parts.reserve(operations.size());
  results.reserve(operations.size());
  for (Operation& operation : operations) {
    parts.push_back(std::make_unique<OperationWrite>(std::move(operation.write), parts.size()));
    results.push_back(std::move(operation.result));
    changes.push_back(std::move(operation.has_deleted));
    if (!operation.is_delete) {
      call.kind = engine::Database::Kind::kPut;
    }
    if (operation.collection == nullptr) {
      continue;
    }
    call.points += operation.is_delete ? 0 : 1;
    if (std::ranges::find(*call.collections, operation.collection) == call.collections->end()) {
      call.collections->push_back(std::move(operation.collection));
    }
  }
  call.write = commit::make_joined(context->database.models(), std::move(parts), commit::JoinMode::kAllOrNothing,
                                   std::make_shared<commit::JoinedOutcome>());
  call.make_answer = [results = std::move(results)](Lsn) { return write_results(results); };
  // Where only what was over its time went, the client changed nothing.
  call.shows_lsn = [changes = std::move(changes)] {
    return std::ranges::any_of(changes, [](const auto& has_deleted) { return !has_deleted || has_deleted(); });
  };
  return submit_write(context, request, responder, std::move(call));
}

}  // namespace

void add_batch_route(const ContextPtr& context, RouteTable& table) {
  Route route =
      make_write_route(context, "/v1/batch", [context](const Request& request, const ResponderPtr& responder) {
        return run_batch(context, request, responder);
      });
  route.reach = Reach::kWholeDatabase;
  table.add(std::move(route));
}

}  // namespace vibrato::api
