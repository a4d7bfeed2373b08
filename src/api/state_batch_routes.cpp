// Many keys of the state at once: POST /v1/state/batch_put, DELETE /v1/state?prefix=.
#include <array>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/delete_groups_call.hpp"
#include "api/item_faults.hpp"
#include "api/json_body.hpp"
#include "api/operation_write.hpp"
#include "api/state_fields.hpp"
#include "api/write_call.hpp"
#include "base/limits.hpp"
#include "commit/joined_write.hpp"

namespace vibrato::api {
namespace {

using WritePtr = std::unique_ptr<commit::Write>;

// One operation of a batch.
struct StateItem {
  std::optional<std::string> key;  // Nothing for what is no text.
  Status status;                   // Why it is no put; ok: it is part of the write.
  std::shared_ptr<kv::PutOutcome> outcome = nullptr;
};

struct StateBatch {
  bool is_atomic = false;
  std::vector<StateItem> items;
  std::vector<WritePtr> parts;  // Of the items that are ok, in order.
};

Result<WritePtr> read_state_item(kv::StateModel& state, const Field& key, std::span<const Field, kPutFields> fields,
                                 StateItem& item) {
  if (!key.is_there()) {
    return missing_field("key", "a string");
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, read_string(*key.value, "key"));
  kv::PutInput input;
  input.key = item.key.emplace(text);
  VIBRATO_RETURN_IF_ERROR(read_put_fields(fields, input));
  item.outcome = std::make_shared<kv::PutOutcome>();
  return kv::make_put(state, std::move(input), item.outcome);
}

// An operation that is no object, or has a field that is not known, fails the call; all else the operation, unless the
// batch is atomic.
Status read_state_operation(kv::StateModel& state, simdjson::dom::element element, const Status* fault,
                            StateBatch& batch) {
  const std::string name = operation_name(batch.items.size());
  simdjson::dom::object object;
  if (element.get(object) != simdjson::SUCCESS) {
    return wrong_type(name, "an object");
  }
  std::array<Field, kPutFields + 1> fields;
  std::ranges::copy(put_fields(), fields.begin());
  fields.back() = {"key"};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields).with_context(name));
  StateItem& item = batch.items.emplace_back();
  Result<WritePtr> write =
      read_state_item(state, fields.back(), std::span<const Field, kPutFields>(fields.data(), kPutFields), item);
  if (write.ok() && fault == nullptr) {
    batch.parts.push_back(std::make_unique<OperationWrite>(std::move(*write), batch.items.size() - 1));
    return ok_status();
  }
  item.status = write.ok() ? *fault : beneath(name + ".", write.status());
  return batch.is_atomic ? item.status : ok_status();
}

Result<StateBatch> read_state_batch(kv::StateModel& state, const JsonBody& body) {
  std::array<Field, 2> fields{{{"operations"}, {"atomic"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(body.object, fields));
  StateBatch batch;
  VIBRATO_ASSIGN_OR_RETURN(batch.is_atomic, bool_or(fields[1], false));
  if (!fields[0].is_there()) {
    return missing_field("operations", "an array");
  }
  simdjson::dom::array array;
  if (fields[0].value->get(array) != simdjson::SUCCESS) {
    return wrong_type("operations", "an array");
  }
  // The array's own count saturates; it is exact far above the cap.
  if (array.size() == 0 || array.size() > limits::kBatchItemsMax) {
    return invalid_argument(fmt::format("operations must have 1 to {} elements", limits::kBatchItemsMax));
  }
  batch.items.reserve(array.size());
  batch.parts.reserve(array.size());
  ItemFaults faults(body.faults);
  for (const simdjson::dom::element element : array) {
    VIBRATO_RETURN_IF_ERROR(read_state_operation(state, element, faults.find(batch.items.size()), batch));
  }
  return batch;
}

void write_result(const StateItem& item, const Status& status, JsonWriter& json) {
  json.begin_object();
  json.key("status");
  json.string(status.ok() ? "ok" : "error");
  if (status.ok()) {
    write_put_members(*item.key, *item.outcome, json);
  } else {
    json.key("key");
    if (item.key.has_value()) {
      json.string(*item.key);
    } else {
      json.null();
    }
    json.key("error");
    json.begin_object();
    json.key("error");
    json.string(json_code(status.code()));
    json.key("message");
    json.string(status.message());
    json.end_object();
  }
  json.end_object();
}

// {"results":[...], without the last brace.
std::string write_state_results(const std::vector<StateItem>& items, const commit::JoinedOutcome& outcome) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("results");
  json.begin_array();
  std::size_t part = 0;
  for (const StateItem& item : items) {
    write_result(item, item.status.ok() ? outcome.parts[part++] : item.status, json);
  }
  json.end_array();
  return body;
}

Status batch_put(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  kv::StateModel& state = context->database.state();
  VIBRATO_ASSIGN_OR_RETURN(const JsonBody body, parse_json_body(request.body));
  VIBRATO_ASSIGN_OR_RETURN(StateBatch batch, read_state_batch(state, body));
  const auto outcome = std::make_shared<commit::JoinedOutcome>();
  const commit::JoinMode mode = batch.is_atomic ? commit::JoinMode::kAllOrNothing : commit::JoinMode::kEachByItself;
  WriteCall call;
  call.write = commit::make_joined(context->database.models(), std::move(batch.parts), mode, outcome);
  call.make_answer = [outcome, items = std::move(batch.items)](Lsn /*last_lsn*/) {
    return write_state_results(items, *outcome);
  };
  return submit_write(context, request, responder, std::move(call));
}

// The keys of the prefix above `after`, which moves on.
Result<engine::DeleteInGroups::MakeWrite> next_key_group(kv::StateModel& state, std::string_view prefix,
                                                         const overlay::RowsToChoose& which,
                                                         std::optional<std::string>& after) {
  VIBRATO_ASSIGN_OR_RETURN(std::vector<kv::ChosenKey> keys, state.choose(prefix, after, which));
  if (keys.empty()) {
    return engine::DeleteInGroups::MakeWrite();
  }
  after = keys.back().key;
  return engine::DeleteInGroups::MakeWrite(
      [&state, keys = std::move(keys)](std::shared_ptr<std::uint64_t> deleted) -> WritePtr {
        return kv::make_delete_chosen(state, keys, std::move(deleted));
      });
}

Status check_prefix(const Request& request) {
  VIBRATO_RETURN_IF_ERROR(check_write_parameters(request));
  const auto prefix = request.query_parameter("prefix");
  if (!prefix.has_value() || prefix->empty()) {
    return invalid_argument("query parameter prefix is missing or empty; it says which keys are deleted");
  }
  return kv::check_key(*prefix, "query parameter prefix");
}

Status delete_prefix(const ContextPtr& context, const RunningKeysPtr& running, const Request& request,
                     const ResponderPtr& responder) {
  DeleteGroupsCall call;
  call.rows_name = "keys";
  call.next = [prefix = std::string(*request.query_parameter("prefix")), after = std::optional<std::string>()](
                  engine::Database& database, const overlay::RowsToChoose& which) mutable {
    return next_key_group(database.state(), prefix, which, after);
  };
  return answer_with_deletion(context, running, request, responder, std::move(call));
}

}  // namespace

void add_state_batch_routes(const ContextPtr& context, RouteTable& table) {
  Route batch = make_write_route(context, "/v1/state/batch_put",
                                 [context](const Request& request, const ResponderPtr& responder) {
                                   return batch_put(context, request, responder);
                                 });
  batch.reach = Reach::kWholeDatabase;
  table.add(std::move(batch));
  const auto running = std::make_shared<RunningKeys>();
  table.add({.method = Method::kDelete,
             .pattern = "/v1/state",
             .role = Role::kIngest,
             .known_query_parameters = {{"prefix", std::string(kDurabilityParameter)}},
             .check_query = check_prefix,
             .async_handler = [context, running](const Request& request, const ResponderPtr& responder) {
               return delete_prefix(context, running, request, responder);
             }});
}

}  // namespace vibrato::api
