// POST /v1/vector/{collection}/identify and /v2/identify.
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/api_context.hpp"
#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/point_json.hpp"
#include "api/query_fields.hpp"
#include "api/read_call.hpp"
#include "api/v2_metadata.hpp"
#include "base/limits.hpp"
#include "filter/meta_value.hpp"
#include "vector/identify.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint64_t kIdentifyDefaultK = 5;
constexpr std::uint64_t kIdentifyDefaultEf = 100;

struct IdentifyCall {
  vector::IdentifyRequest request;
  bool with_meta = false;
  std::optional<Lsn> min_lsn;
};

// Shape [n][any]: the collection knows which dimension is right.
Status read_frames(const Field& field, std::vector<std::vector<float>>& frames) {
  simdjson::dom::array array;
  if (!field.is_there()) {
    return missing_field(field.name, "an array of arrays of numbers");
  }
  if (field.value->get(array) != simdjson::SUCCESS) {
    return wrong_type(field.name, "an array of arrays of numbers");
  }
  if (array.size() == 0 || array.size() > limits::kBatchItemsMax) {
    return invalid_argument(fmt::format("{} must have 1 to {} elements", field.name, limits::kBatchItemsMax));
  }
  for (const simdjson::dom::element element : array) {
    const std::string name = fmt::format("{}[{}]", field.name, frames.size());
    VIBRATO_RETURN_IF_ERROR(read_floats(element, name, limits::kDimMax, frames.emplace_back()));
  }
  return ok_status();
}

Status read_effort(const Field& k, std::uint64_t k_min, const Field& ef, const DatabaseApiOptions& options,
                   vector::IdentifyRequest& request) {
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t count, whole_or(k, k_min, options.search_k_max, kIdentifyDefaultK));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t effort, whole_or(ef, 1, limits::kEfMax, kIdentifyDefaultEf));
  request.k = static_cast<std::uint32_t>(count);
  request.ef = static_cast<std::uint32_t>(effort);
  return ok_status();
}

Status read_identify(simdjson::dom::object object, const DatabaseApiOptions& options, IdentifyCall& call) {
  std::array<Field, 7> fields{{{"vectors"}, {"k"}, {"ef"}, {"filter"}, {"tier"}, {"include_meta"}, {"min_lsn"}}};
  const auto& [vectors, k, ef, filter, tier, include_meta, min_lsn] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  VIBRATO_RETURN_IF_ERROR(read_frames(vectors, call.request.frames));
  VIBRATO_RETURN_IF_ERROR(read_effort(k, 1, ef, options, call.request));
  VIBRATO_ASSIGN_OR_RETURN(call.request.filter, read_filter(filter));
  VIBRATO_ASSIGN_OR_RETURN(call.request.tier, read_tier(tier));
  VIBRATO_ASSIGN_OR_RETURN(call.with_meta, bool_or(include_meta, false));
  VIBRATO_ASSIGN_OR_RETURN(call.min_lsn, read_min_lsn(min_lsn));
  return ok_status();
}

Status read_v2_identify(simdjson::dom::object object, const DatabaseApiOptions& options, IdentifyCall& call) {
  std::array<Field, 6> fields{{{"vectors"}, {"k"}, {"ef"}, {"filter"}, {"search_tier"}, {"include_metadata"}}};
  const auto& [vectors, k, ef, filter, tier, include_metadata] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields, UnknownFields::kIgnored));
  VIBRATO_RETURN_IF_ERROR(read_frames(vectors, call.request.frames));
  VIBRATO_RETURN_IF_ERROR(read_effort(k, 0, ef, options, call.request));
  VIBRATO_ASSIGN_OR_RETURN(call.request.filter, read_v2_filter(filter));
  VIBRATO_ASSIGN_OR_RETURN(call.request.tier, read_tier(tier));
  VIBRATO_ASSIGN_OR_RETURN(call.with_meta, bool_or(include_metadata, true));
  call.request.allows_silence = true;  // As clients of the earlier system record it.
  return ok_status();
}

// A whole number of milliseconds in meta; 0 where there is none.
Result<std::uint64_t> milliseconds(filter::MetaValues& values, std::string_view meta, std::string_view key) {
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<std::string> text, values.get(meta, filter::path_of(key)));
  constexpr double kMost = 9e15;  // Whole numbers are exact up to here.
  const double value = text ? std::strtod(text->c_str(), nullptr) : 0;
  return value > 0 && value < kMost ? static_cast<std::uint64_t>(value) : 0;
}

// {id, <start_name>, duration_ms, score, and what `write_meta_member` adds}
template <typename WriteMember>
Status write_run(const vector::Run& run, std::size_t frames, std::string_view start_name, JsonWriter& json,
                 const WriteMember& write_member) {
  filter::MetaValues values;
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t start, milliseconds(values, run.first.meta_json, "start_time_ms"));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t duration, milliseconds(values, run.first.meta_json, "duration_ms"));
  json.begin_object();
  json.key("id");
  json.number(run.id);
  json.key(start_name);
  json.number(start);
  json.key("duration_ms");
  json.number(duration * frames);
  json.key("score");
  json.number(run.score);
  write_member();
  json.end_object();
  return ok_status();
}

Status write_runs(const std::vector<vector::Run>& runs, const IdentifyCall& call, JsonWriter& json) {
  json.begin_object();
  json.key("results");
  json.begin_array();
  for (const vector::Run& run : runs) {
    VIBRATO_RETURN_IF_ERROR(write_run(run, call.request.frames.size(), "start_time_ms", json, [&] {
      if (call.with_meta) {
        json.key("meta");
        write_meta(run.first.meta_json, json);
      }
    }));
  }
  json.end_array();
  json.end_object();
  return ok_status();
}

Status write_v2_runs(const std::vector<vector::Run>& runs, const IdentifyCall& call, std::int64_t took_us,
                     JsonWriter& json) {
  json.begin_object();
  json.key("data");
  json.begin_object();
  json.key("results");
  json.begin_array();
  for (const vector::Run& run : runs) {
    VIBRATO_RETURN_IF_ERROR(write_run(run, call.request.frames.size(), "start_timestamp_ms", json, [&] {
      if (call.with_meta) {
        json.key("metadata");
        write_v2_metadata(run.first.meta_json, json);
      }
    }));
  }
  json.end_array();
  json.key("query_time_ms");
  json.number(static_cast<double>(took_us) / 1000.0);
  json.end_object();
  json.end_object();
  return ok_status();
}

Status answer_identify(const ApiContext& context, const vector::Collection& collection, IdentifyCall& call,
                       const Deadline& deadline, Reply& reply) {
  call.request.deadline = deadline;
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<vector::Run> runs, vector::identify(collection, call.request));
  context.metrics.identifies.add();
  JsonWriter json(reply.body);
  return write_runs(runs, call, json);
}

Status identify(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  IdentifyCall call;
  VIBRATO_RETURN_IF_ERROR(read_json_object(
      request.body, [&](simdjson::dom::object object) { return read_identify(object, context->options, call); }));
  return answer_query(context, request, responder, std::move(call), answer_identify);
}

Status identify_v2(const ContextPtr& context, const Request& request, const ResponderPtr& responder) {
  const auto call = std::make_shared<IdentifyCall>();
  VIBRATO_RETURN_IF_ERROR(read_json_object(
      request.body, [&](simdjson::dom::object object) { return read_v2_identify(object, context->options, *call); }));
  VIBRATO_RETURN_IF_ERROR(context->database.check_readable());
  call->request.deadline = deadline_of(*context, *responder);
  return answer_on_pool(context, std::nullopt, responder, [context, call](Reply& reply) -> Status {
    const std::int64_t start_ns = context->clock.monotonic_ns();
    std::vector<vector::Run> runs;
    // Before its first write the collection is there for clients, and empty.
    const auto collection = context->database.vectors().find(context->options.v2_collection);
    if (collection.ok() && call->request.k > 0) {
      VIBRATO_ASSIGN_OR_RETURN(runs, vector::identify(**collection, call->request));
      context->metrics.identifies.add();
    }
    JsonWriter json(reply.body);
    return write_v2_runs(runs, *call, (context->clock.monotonic_ns() - start_ns) / 1000, json);
  });
}

}  // namespace

void add_identify_routes(const ContextPtr& context, RouteTable& table) {
  table.add(make_query_route(context, "identify", identify));
  table.add(make_v2_query_route(context, "identify", identify_v2));
}

}  // namespace vibrato::api
