#include "api/serve_api.hpp"

#include <array>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "api/track_metadata.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint32_t kServedDefaultK = 10;
constexpr std::uint32_t kServedDefaultEf = 50;

struct ServedSearchFields {
  std::uint32_t k = kServedDefaultK;
  std::uint32_t ef = kServedDefaultEf;
};

struct IngestFields {
  bool has_vector = false;
  std::optional<std::string_view> audio_path;
  TrackMetadata metadata;
};

// Each thread keeps the capacity of the vector it read last.
std::vector<float>& vector_buffer() {
  thread_local std::vector<float> buffer;
  return buffer;
}

class ServeHandlers {
 public:
  ServeHandlers(std::shared_ptr<ServeBackend> backend, const Clock& clock, const ServeApiOptions& options)
      : backend_(std::move(backend)), clock_(clock), options_(options) {}

  Status search(const Request& request, const Deadline& deadline, Reply& reply) const;
  Status ingest(const Request& request, Reply& reply) const;
  Status flush(Reply& reply) const;
  Status flush_status(Reply& reply) const;
  Status health(Reply& reply) const;

 private:
  [[nodiscard]] Result<ServedSearchFields> read_search(simdjson::dom::object object, std::vector<float>& query) const;
  [[nodiscard]] Status write_hits(const std::vector<vector::RowHit>& hits, JsonWriter& json) const;

  std::shared_ptr<ServeBackend> backend_;
  const Clock& clock_;
  ServeApiOptions options_;
};

Result<ServedSearchFields> ServeHandlers::read_search(simdjson::dom::object object, std::vector<float>& query) const {
  std::array<Field, 3> given{{{"vector"}, {"k"}, {"ef"}}};
  const auto& [vector, k, ef] = given;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, given, UnknownFields::kIgnored));
  if (!vector.is_there()) {
    return missing_field("vector", "an array of numbers");
  }
  VIBRATO_RETURN_IF_ERROR(read_floats(*vector.value, vector.name, limits::kDimMax, query));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t count, whole_or(k, 1, options_.search_k_max, kServedDefaultK));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t effort, whole_or(ef, 1, limits::kEfMax, kServedDefaultEf));
  return ServedSearchFields{.k = static_cast<std::uint32_t>(count), .ef = static_cast<std::uint32_t>(effort)};
}

Status ServeHandlers::write_hits(const std::vector<vector::RowHit>& hits, JsonWriter& json) const {
  json.key("results");
  json.begin_array();
  for (const vector::RowHit& hit : hits) {
    json.begin_object();
    json.key("id");
    json.number(std::uint64_t{hit.row});
    json.key("score");
    json.number(hit.score);
    VIBRATO_ASSIGN_OR_RETURN(const std::string meta, backend_->meta_json(hit.row));
    if (!meta.empty()) {
      json.key("metadata");
      json.raw(meta);
    }
    json.end_object();
  }
  json.end_array();
  return ok_status();
}

Status ServeHandlers::search(const Request& request, const Deadline& deadline, Reply& reply) const {
  const std::int64_t start_ns = clock_.monotonic_ns();
  std::vector<float>& query = vector_buffer();
  VIBRATO_ASSIGN_OR_RETURN(
      const ServedSearchFields fields,
      read_json_object(request.body, [&](simdjson::dom::object object) { return read_search(object, query); }));
  VIBRATO_ASSIGN_OR_RETURN(const std::vector<vector::RowHit> hits,
                           backend_->search(query, fields.k, fields.ef, deadline));
  JsonWriter json(reply.body);
  json.begin_object();
  VIBRATO_RETURN_IF_ERROR(write_hits(hits, json));
  const std::int64_t took_us = (clock_.monotonic_ns() - start_ns) / 1000;
  json.key("query_time_ms");
  json.number(static_cast<double>(took_us) / 1000.0);
  json.end_object();
  return ok_status();
}

Result<IngestFields> read_ingest(simdjson::dom::object object, std::vector<float>& numbers) {
  std::array<Field, 3> given{{{"vector"}, {"audio_path"}, {"metadata"}}};
  const auto& [vector, audio_path, metadata] = given;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, given, UnknownFields::kIgnored));
  IngestFields fields;
  if (vector.is_there()) {
    VIBRATO_RETURN_IF_ERROR(read_floats(*vector.value, vector.name, limits::kDimMax, numbers));
    fields.has_vector = true;
  }
  if (audio_path.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(fields.audio_path, read_string(*audio_path.value, audio_path.name));
  }
  if (metadata.is_there()) {
    VIBRATO_ASSIGN_OR_RETURN(fields.metadata, read_track_metadata(*metadata.value));
  }
  return fields;
}

Status ServeHandlers::ingest(const Request& request, Reply& reply) const {
  std::vector<float>& vector = vector_buffer();
  VIBRATO_ASSIGN_OR_RETURN(IngestFields fields, read_json_object(request.body, [&](simdjson::dom::object object) {
                             return read_ingest(object, vector);
                           }));
  if (!fields.has_vector) {
    return fields.audio_path.has_value() ? unavailable("models not available")
                                         : invalid_argument("either vector or audio_path is needed");
  }
  if (fields.metadata.source_file.empty()) {
    fields.metadata.source_file = fields.audio_path.value_or("");
  }
  std::string meta = fields.metadata.to_json();
  if (meta.size() > limits::kMetaBytesMax) {
    return {ErrorCode::kPayloadTooLarge, fmt::format("metadata is larger than {} bytes", limits::kMetaBytesMax)};
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint32_t row, backend_->ingest(vector, std::move(meta)));
  reply.status = 201;
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("id");
  json.number(std::uint64_t{row});
  json.key("vector_dim");
  json.number(std::uint64_t{vector.size()});
  json.end_object();
  return ok_status();
}

Status ServeHandlers::flush(Reply& reply) const {
  const vector::FlushStart start = backend_->start_flush();
  const vector::FlushStatus now = backend_->flush_status();
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("status");
  switch (start) {
    case vector::FlushStart::kStarted:
      reply.status = 202;
      json.string("started");
      break;
    case vector::FlushStart::kNothingToFlush:
      json.string("idle");
      break;
    case vector::FlushStart::kAlreadyRunning:
      reply.status = 409;
      json.string("flush_in_progress");
      break;
  }
  json.key("job_id");
  json.number(now.job_id);
  if (start == vector::FlushStart::kNothingToFlush) {
    json.key("persisted_vectors");
    json.number(now.persisted_vectors);
    json.key("dynamic_vectors");
    json.number(now.dynamic_vectors);
  }
  json.end_object();
  return ok_status();
}

std::string_view to_string(vector::FlushState state) {
  switch (state) {
    case vector::FlushState::kIdle:
      return "idle";
    case vector::FlushState::kRunning:
      return "running";
    case vector::FlushState::kCompleted:
      return "completed";
    case vector::FlushState::kFailed:
      return "failed";
  }
  return "unknown";
}

Status ServeHandlers::flush_status(Reply& reply) const {
  const vector::FlushStatus now = backend_->flush_status();
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("state");
  json.string(to_string(now.state));
  json.key("job_id");
  json.number(now.job_id);
  json.key("snapshot_vectors");
  json.number(now.snapshot_vectors);
  json.key("persisted_vectors");
  json.number(now.persisted_vectors);
  json.key("dynamic_vectors");
  json.number(now.dynamic_vectors);
  if (now.error.has_value()) {
    json.key("error");
    json.string(*now.error);
  }
  json.end_object();
  return ok_status();
}

Status ServeHandlers::health(Reply& reply) const {
  const vector::SingleFileInfo info = backend_->info();
  JsonWriter json(reply.body);
  json.begin_object();
  json.key("status");
  json.string("ok");
  json.key("vectors_loaded");
  json.number(info.persisted_vectors + info.dynamic_vectors);
  json.key("index_layers");
  json.number(std::uint64_t{info.layers});
  json.key("memory_mb");
  json.number(std::round(static_cast<double>(info.mapped_bytes) / static_cast<double>(limits::kMiB) * 100.0) / 100.0);
  json.key("config");
  json.begin_object();
  json.key("m");
  json.number(std::uint64_t{info.m});
  json.key("ef_construction");
  json.number(std::uint64_t{info.ef_construction});
  json.key("dimensions");
  json.number(std::uint64_t{info.dim});
  json.end_object();
  json.end_object();
  return ok_status();
}

}  // namespace

RouteTable make_serve_routes(std::shared_ptr<ServeBackend> backend, const Clock& clock,
                             const ServeApiOptions& options) {
  const auto handlers = std::make_shared<const ServeHandlers>(std::move(backend), clock, options);
  const auto post_json = [&](std::string pattern, Role role, Handler handler) {
    return Route{.method = Method::kPost,
                 .pattern = std::move(pattern),
                 .role = role,
                 .body = BodyKind::kJson,
                 .body_bytes_max = options.body_bytes_max,
                 .handler = std::move(handler)};
  };
  RouteTable table(Surface::kServe);
  Route search = post_json("/search", Role::kQuery, {});
  // Answers at once: it is the responder that knows until when the answer is worth its while.
  search.async_handler = [handlers, &clock](const Request& request, const ResponderPtr& responder) {
    Reply reply;
    VIBRATO_RETURN_IF_ERROR(handlers->search(request, Deadline(clock, responder->deadline_ns()), reply));
    responder->answer(ok_status(), std::move(reply));
    return ok_status();
  };
  table.add(std::move(search));
  table.add(post_json("/ingest", Role::kIngest,
                      [handlers](const Request& request, Reply& reply) { return handlers->ingest(request, reply); }));
  table.add({.method = Method::kPost,
             .pattern = "/flush",
             .role = Role::kIngest,
             .handler = [handlers](const Request&, Reply& reply) { return handlers->flush(reply); }});
  table.add({.pattern = "/flush/status", .role = Role::kQuery, .handler = [handlers](const Request&, Reply& reply) {
               return handlers->flush_status(reply);
             }});
  table.add(
      {.pattern = "/health", .handler = [handlers](const Request&, Reply& reply) { return handlers->health(reply); }});
  table.add({.pattern = "/health/live", .handler = [](const Request&, Reply& reply) {
               reply.body = R"({"status":"ok"})";
               return ok_status();
             }});
  return table;
}

}  // namespace vibrato::api
