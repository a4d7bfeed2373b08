// POST /v2/vectors and /v2/vectors/batch: points whose ids the collection gives.
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/read_call.hpp"
#include "api/v2_metadata.hpp"
#include "base/limits.hpp"
#include "commit/idempotency_keys.hpp"
#include "vector/point_append.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::api {
namespace {

using vector::AppendItem;
using vector::AppendOutcome;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

Status read_item(simdjson::dom::object object, AppendItem& item) {
  std::array<Field, 3> fields{{{"vector"}, {"metadata"}, {"idempotency_key"}}};
  const auto& [numbers, metadata, key] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields, UnknownFields::kIgnored));
  if (!numbers.is_there()) {
    return missing_field("vector", "an array of numbers");
  }
  VIBRATO_RETURN_IF_ERROR(read_floats(*numbers.value, "vector", limits::kDimMax, item.point.vector));
  if (item.point.vector.empty()) {
    return Status(ErrorCode::kDimMismatch, "vector must have a number at least");
  }
  VIBRATO_ASSIGN_OR_RETURN(item.point.meta_json, read_v2_metadata(metadata));
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view text, string_or(key, ""));
  item.idempotency_key = trimmed(text);
  if (!item.idempotency_key.empty() && !commit::check_idempotency_key(item.idempotency_key).ok()) {
    return wrong_type("idempotency_key",
                      fmt::format("at most {} bytes without control characters", limits::kIdempotencyKeyBytesMax));
  }
  return ok_status();
}

std::string path_of(std::size_t item) {
  return fmt::format("vectors[{}].", item);
}

Result<std::vector<AppendItem>> read_batch(simdjson::dom::object object) {
  std::array<Field, 1> fields{{{"vectors"}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields, UnknownFields::kIgnored));
  simdjson::dom::array array;
  if (!fields[0].is_there()) {
    return missing_field("vectors", "an array");
  }
  if (fields[0].value->get(array) != simdjson::SUCCESS) {
    return wrong_type("vectors", "an array");
  }
  if (array.size() > limits::kBatchItemsMax) {
    return invalid_argument(fmt::format("vectors has more than {} elements", limits::kBatchItemsMax));
  }
  std::vector<AppendItem> items;
  items.reserve(array.size());
  for (const simdjson::dom::element element : array) {
    const std::size_t position = items.size();
    simdjson::dom::object one;
    if (element.get(one) != simdjson::SUCCESS) {
      return wrong_type(fmt::format("vectors[{}]", position), "an object");
    }
    if (const Status status = read_item(one, items.emplace_back()); !status.ok()) {
      return beneath(path_of(position), status);
    }
  }
  return items;
}

// What a write of /v2 goes through: the collection, which may have to be made first; then the points.
struct Append {
  ContextPtr context;
  ResponderPtr responder;
  std::vector<AppendItem> items;
  bool is_batch = false;
};
using AppendPtr = std::shared_ptr<Append>;

void write_item(const AppendOutcome::Item& item, JsonWriter& json) {
  json.begin_object();
  json.key("id");
  json.number(item.id);
  json.key("created");
  json.boolean(item.created);
  json.end_object();
}

void write_outcome(const AppendOutcome& outcome, bool is_batch, Reply& reply) {
  reply.status = 201;
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("data");
  if (!is_batch) {
    write_item(outcome.items.front(), json);
  } else {
    json.begin_object();
    json.key("results");
    json.begin_array();
    for (const AppendOutcome::Item& item : outcome.items) {
      write_item(item, json);
    }
    json.end_array();
    json.end_object();
  }
  json.end_object();
}

Status submit_append(const AppendPtr& append, const vector::CollectionPtr& collection) {
  for (std::size_t i = 0; i < append->items.size(); ++i) {
    const Status status = vector::check_point(collection->settings(), append->items[i].point);
    if (!status.ok()) {
      return append->is_batch ? beneath(path_of(i), status) : status;
    }
  }
  engine::Database& database = append->context->database;
  const auto outcome = std::make_shared<AppendOutcome>();
  return database.submit(vector::make_append(database.vectors(), database.idempotency_keys(), collection,
                                             std::move(append->items), outcome),
                         engine::Database::Kind::kPut, collection.get(), commit::Durability::kSynced,
                         [append, outcome, collection](const Result<commit::Committed>& committed) {
                           Reply reply;
                           if (committed.ok()) {
                             write_outcome(*outcome, append->is_batch, reply);
                             append->context->metrics.ingested.add(static_cast<std::uint64_t>(
                                 std::ranges::count_if(outcome->items, &AppendOutcome::Item::created)));
                           }
                           append->responder->answer(as_unavailable_if_damaged(committed.status()), std::move(reply));
                         });
}

// After the collection was made, by this write or by another one that was faster.
void go_on(const AppendPtr& append, const Result<commit::Committed>& created) {
  const std::string& name = append->context->options.v2_collection;
  Status status = created.status();
  if (created.ok() || status.code() == ErrorCode::kAlreadyExists) {
    const Result<vector::CollectionPtr> collection = append->context->database.vectors().find(name);
    status = collection.ok() ? submit_append(append, *collection) : collection.status();
  }
  if (!status.ok()) {
    append->responder->answer(as_unavailable_if_damaged(status), Reply());
  }
}

Status create_first(const AppendPtr& append) {
  const DatabaseApiOptions& options = append->context->options;
  vector::CollectionSettings settings;
  settings.dim = options.v2_dim.value_or(static_cast<std::uint32_t>(append->items.front().point.vector.size()));
  settings.metric = options.v2_metric;
  VIBRATO_RETURN_IF_ERROR(vector::check_settings(settings, options.dim_max));
  for (std::size_t i = 0; i < append->items.size(); ++i) {
    if (const Status status = vector::check_point(settings, append->items[i].point); !status.ok()) {
      return append->is_batch ? beneath(path_of(i), status) : status;
    }
  }
  engine::Database& database = append->context->database;
  return database.submit(vector::make_create_collection(database.vectors(), options.v2_collection, settings,
                                                        std::make_shared<vector::CreateOutcome>()),
                         engine::Database::Kind::kPut, nullptr, commit::Durability::kSynced,
                         [append](const Result<commit::Committed>& created) { go_on(append, created); });
}

Status append_items(const ContextPtr& context, const ResponderPtr& responder, std::vector<AppendItem> items,
                    bool is_batch) {
  const auto append = std::make_shared<Append>(Append{context, responder, std::move(items), is_batch});
  if (append->items.empty()) {
    Reply reply;
    write_outcome({}, is_batch, reply);
    responder->answer(ok_status(), std::move(reply));
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  const Result<vector::CollectionPtr> collection = context->database.vectors().find(context->options.v2_collection);
  return as_unavailable_if_damaged(collection.ok() ? submit_append(append, *collection) : create_first(append));
}

Status write_one(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  std::vector<AppendItem> items(1);
  VIBRATO_RETURN_IF_ERROR(
      read_json_object(request.body, [&](simdjson::dom::object object) { return read_item(object, items.front()); }));
  return append_items(context, responder, std::move(items), false);
}

Status write_batch(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(std::vector<AppendItem> items, read_json_object(request.body, read_batch));
  return append_items(context, responder, std::move(items), true);
}

}  // namespace

void add_v2_write_routes(const ContextPtr& context, RouteTable& table) {
  const auto add = [&](const std::string& pattern, auto handler) {
    table.add({.method = Method::kPost,
               .pattern = pattern,
               .role = Role::kIngest,
               .reach = Reach::kOneCollection,
               .collection = context->options.v2_collection,
               .body = BodyKind::kJson,
               .body_bytes_max = context->options.body_bytes_max,
               .async_handler = [context, handler](const Request& request, const ResponderPtr& responder) {
                 return handler(context, request, responder);
               }});
  };
  add("/v2/vectors", write_one);
  add("/v2/vectors/batch", write_batch);
}

}  // namespace vibrato::api
