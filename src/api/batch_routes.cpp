// Many points in one call: upsert_batch and delete_batch. The good items of a call are one group of the log.
//
// An item that is no object or has an unknown field fails the call; a bad id, vector or meta fails its item alone.
#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/item_faults.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/point_fields.hpp"
#include "api/read_call.hpp"
#include "api/write_call.hpp"
#include "base/limits.hpp"
#include "vector/point_writes.hpp"

namespace vibrato::api {
namespace {

// What an item's result shows as its id, and why the item failed before the write was made, if it did.
struct Item {
  std::string id_json;  // The id as the client wrote it; "null" for what is no number and no string that could be one.
  Status status;
};

std::string id_json(const PointIdView& id) {
  std::string text;
  JsonWriter json(text);
  write_id(id, json);
  return text;
}

// Of a value that may be no id: only what is short is repeated.
std::string shown_id_json(simdjson::dom::element value) {
  std::string_view text;
  if (value.is_array() || value.is_object() ||
      (value.get(text) == simdjson::SUCCESS && text.size() > limits::kPointIdBytesMax)) {
    return "null";
  }
  return simdjson::minify(value);
}

// Whether a value may stand for a number that is too large (JsonBody::faults): it is beyond all whole numbers then.
bool may_stand_in(simdjson::dom::element value) {
  constexpr double kWholeNumbersEnd = 9.2e18;
  double number = 0;
  return value.is_double() && value.get(number) == simdjson::SUCCESS && std::abs(number) >= kWholeNumbersEnd;
}

// The array `name` of an object that has nothing else, with 1 to kBatchItemsMax elements.
Result<simdjson::dom::array> read_batch(simdjson::dom::object object, std::string_view name) {
  std::array<Field, 1> fields{{{name}}};
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  if (!fields[0].is_there()) {
    return missing_field(name, "an array");
  }
  simdjson::dom::array array;
  if (fields[0].value->get(array) != simdjson::SUCCESS) {
    return wrong_type(name, "an array");
  }
  // The array's own count saturates; it is exact far above the cap.
  if (array.size() == 0 || array.size() > limits::kBatchItemsMax) {
    return invalid_argument(fmt::format("{} must have 1 to {} elements", name, limits::kBatchItemsMax));
  }
  return array;
}

// Keeps the parts of the items in step: every item has a result, the good ones also a point.
template <typename Input>
struct Batch {
  std::vector<Item> items;
  std::vector<Input> good;  // Of the items that are ok, in order.
};

Result<Batch<vector::PointInput>> read_upsert_batch(std::string_view body) {
  VIBRATO_ASSIGN_OR_RETURN(const JsonBody parsed, parse_json_body(body));
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::array array, read_batch(parsed.object, "items"));
  ItemFaults faults(parsed.faults);
  Batch<vector::PointInput> batch;
  batch.items.reserve(array.size());
  batch.good.reserve(array.size());
  for (const simdjson::dom::element element : array) {
    const std::size_t position = batch.items.size();
    simdjson::dom::object object;
    if (element.get(object) != simdjson::SUCCESS) {
      return wrong_type(fmt::format("items[{}]", position), "an object");
    }
    PointFields fields;
    if (const Status status = fields.collect(object); !status.ok()) {
      return status.with_context(fmt::format("items[{}]", position));
    }
    const Status* const fault = faults.find(position);
    vector::PointInput point;
    Status status = fields.read(point);
    Item& item = batch.items.emplace_back();
    if (!status.ok()) {
      // What stands for a number that is too large is not shown as if it were what the client sent.
      const bool may_show = fields.id().is_there() && (fault == nullptr || !may_stand_in(*fields.id().value));
      item.id_json = may_show ? shown_id_json(*fields.id().value) : "null";
      item.status = beneath(fmt::format("items[{}].", position), status);
      continue;
    }
    item.id_json = id_json(point.id.view());
    if (fault != nullptr) {
      item.status = *fault;
    } else {
      batch.good.push_back(std::move(point));
    }
  }
  return batch;
}

Result<Batch<PointId>> read_delete_batch(std::string_view body) {
  VIBRATO_ASSIGN_OR_RETURN(const JsonBody parsed, parse_json_body(body));
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::array array, read_batch(parsed.object, "ids"));
  ItemFaults faults(parsed.faults);
  Batch<PointId> batch;
  batch.items.reserve(array.size());
  batch.good.reserve(array.size());
  for (const simdjson::dom::element element : array) {
    const std::size_t position = batch.items.size();
    Item& item = batch.items.emplace_back();
    const Status* const fault = faults.find(position);
    const Result<PointIdView> id = read_point_id(element, "");
    if (id.ok()) {
      item.id_json = id_json(*id);
      batch.good.emplace_back(*id);
    } else {
      item.id_json = fault == nullptr ? shown_id_json(element) : "null";
      item.status = beneath(fmt::format("ids[{}]", position), id.status());
    }
  }
  return batch;
}

// {"results":[...], without the last brace. `outcome` says what became of the good items; `done` is what their status
// is called if they went through.
std::string write_results(const std::vector<Item>& items, const vector::BatchOutcome& outcome, std::string_view field,
                          std::string_view done) {
  std::string body;
  constexpr std::size_t kBytesPerItem = 48;
  body.reserve(items.size() * kBytesPerItem);
  JsonWriter json(body);
  json.begin_object();
  json.key("results");
  json.begin_array();
  std::size_t good = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Status status = items[i].status;
    if (status.ok()) {
      status = outcome.items[good++];
      if (!status.ok()) {
        status = beneath(fmt::format("{}[{}]{}", field, i, field == "items" ? "." : ": "), status);
      }
    }
    json.begin_object();
    json.key("status");
    json.string(status.ok() ? done : "error");
    json.key("id");
    json.raw(items[i].id_json);
    if (!status.ok()) {
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
  json.end_array();
  return body;
}

Status upsert_batch(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(Batch<vector::PointInput> batch, read_upsert_batch(request.body));
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection,
                           find_collection(*context, request.path_parameter("collection")));
  const auto outcome = std::make_shared<vector::BatchOutcome>();
  vector::WritePtr write =
      vector::make_upsert_batch(context->database.vectors(), collection, std::move(batch.good), outcome);
  const auto points = static_cast<std::uint64_t>(std::ranges::count_if(outcome->items, &Status::ok));
  // What the items come to is known here, so that the committer has no list to write.
  return submit_write(context, request, responder,
                      {.write = std::move(write),
                       .collection = collection,
                       .answer = write_results(batch.items, *outcome, "items", "upserted"),
                       .points = points});
}

Status delete_batch(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  VIBRATO_ASSIGN_OR_RETURN(Batch<PointId> batch, read_delete_batch(request.body));
  VIBRATO_ASSIGN_OR_RETURN(const vector::CollectionPtr collection,
                           find_collection(*context, request.path_parameter("collection")));
  const auto outcome = std::make_shared<vector::BatchOutcome>();
  vector::WritePtr write =
      vector::make_delete_batch(context->database.vectors(), collection, std::move(batch.good), outcome);
  const auto items = std::make_shared<const std::vector<Item>>(std::move(batch.items));
  return submit_write(
      context, request, responder,
      {.write = std::move(write),
       .kind = engine::Database::Kind::kDelete,
       .collection = collection,
       .make_answer = [items, outcome](Lsn) { return write_results(*items, *outcome, "ids", "deleted"); }});
}

}  // namespace

void add_batch_routes(const ContextPtr& context, RouteTable& table) {
  table.add(make_write_route(context, "/v1/vector/{collection}/upsert_batch",
                             [context](const Request& request, const ResponderPtr& responder) {
                               return upsert_batch(context, request, responder);
                             }));
  table.add(make_write_route(context, "/v1/vector/{collection}/delete_batch",
                             [context](const Request& request, const ResponderPtr& responder) {
                               return delete_batch(context, request, responder);
                             }));
}

}  // namespace vibrato::api
