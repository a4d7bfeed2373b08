#include "api/collection_json.hpp"

#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <optional>

#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"
#include "base/limits.hpp"

namespace vibrato::api {
namespace {

// An error from inside of an object that is the value of `field`.
Status inside(std::string_view field, const Status& error) {
  return error.code() == ErrorCode::kUnknownField ? error.with_context(field)
                                                  : beneath(fmt::format("{}.", field), error);
}

Status read_index(const Field& field, vector::CollectionSettings& settings) {
  if (!field.is_there()) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, read_object(*field.value, field.name));
  const auto read = [&]() -> Status {
    std::array<Field, 3> fields{{{"kind"}, {"m"}, {"ef_construction"}}};
    const auto& [kind, m, ef_construction] = fields;
    VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view name, string_or(kind, "hnsw"));
    if (name == "ivf_flat_q8" || name == "diskann") {
      return invalid_argument(fmt::format("kind \"{}\" is not available yet; use \"hnsw\" or \"flat\"", name));
    }
    if (name != "hnsw" && name != "flat") {
      return wrong_type("kind", R"("hnsw" or "flat")");
    }
    settings.index = name == "flat" ? vector::IndexKind::kFlat : vector::IndexKind::kHnsw;
    if (settings.index == vector::IndexKind::kFlat && (m.is_there() || ef_construction.is_there())) {
      return invalid_argument(
          fmt::format("{} is of no use to a flat index", m.is_there() ? m.name : ef_construction.name));
    }
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t links,
                             whole_or(m, limits::kGraphMMin, limits::kGraphMMax, settings.m));
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t effort,
                             whole_or(ef_construction, 1, limits::kEfConstructionMax, settings.ef_construction));
    settings.m = static_cast<std::uint32_t>(links);
    settings.ef_construction = static_cast<std::uint32_t>(effort);
    return ok_status();
  };
  const Status status = read();
  return status.ok() ? status : inside(field.name, status);
}

Status read_quantization(const Field& field, vector::CollectionSettings& settings) {
  if (!field.is_there()) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, read_object(*field.value, field.name));
  std::array<Field, 1> fields{{{"kind"}}};
  if (const Status status = collect_fields(object, fields); !status.ok()) {
    return inside(field.name, status);
  }
  const Result<std::string_view> name = string_or(fields[0], "auto");
  if (!name.ok()) {
    return inside(field.name, name.status());
  }
  for (const auto kind : {vector::Quantization::kAuto, vector::Quantization::kSq8, vector::Quantization::kSq4,
                          vector::Quantization::kNone}) {
    if (to_string(kind) == *name) {
      settings.quantization = kind;
      return ok_status();
    }
  }
  return wrong_type("quantization.kind", R"("auto", "sq8", "sq4" or "none")");
}

Status read_archive(const Field& field, vector::CollectionSettings& settings) {
  if (!field.is_there()) {
    return ok_status();
  }
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, read_object(*field.value, field.name));
  std::array<Field, 1> fields{{{"keep_raw"}}};
  if (const Status status = collect_fields(object, fields); !status.ok()) {
    return inside(field.name, status);
  }
  const Result<bool> keep_raw = bool_or(fields[0], true);
  if (!keep_raw.ok()) {
    return inside(field.name, keep_raw.status());
  }
  settings.archive = vector::ArchiveSettings{.keep_raw = *keep_raw};
  return ok_status();
}

Result<vector::CollectionSettings> read_fields(simdjson::dom::object object, std::uint32_t dim_max) {
  std::array<Field, 5> fields{{{"dim"}, {"metric"}, {"index"}, {"quantization"}, {"archive"}}};
  const auto& [dim, metric, index, quantization, archive] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields));
  vector::CollectionSettings settings;
  if (!dim.is_there()) {
    return missing_field("dim", fmt::format("a whole number from 1 to {}", dim_max));
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t dimensions, read_whole(*dim.value, "dim", 1, dim_max));
  settings.dim = static_cast<std::uint32_t>(dimensions);
  constexpr std::string_view kMetrics = R"("cosine", "dot" or "l2")";
  if (!metric.is_there()) {
    return missing_field("metric", kMetrics);
  }
  VIBRATO_ASSIGN_OR_RETURN(const std::string_view metric_name, read_string(*metric.value, "metric"));
  const std::optional<Metric> parsed = parse_metric(metric_name);
  if (!parsed.has_value()) {
    return wrong_type("metric", kMetrics);
  }
  settings.metric = *parsed;
  VIBRATO_RETURN_IF_ERROR(read_index(index, settings));
  VIBRATO_RETURN_IF_ERROR(read_quantization(quantization, settings));
  VIBRATO_RETURN_IF_ERROR(read_archive(archive, settings));
  return settings;
}

void write_index(const vector::CollectionSettings& settings, JsonWriter& json) {
  json.key("index");
  json.begin_object();
  json.key("kind");
  json.string(to_string(settings.index));
  if (settings.index == vector::IndexKind::kHnsw) {
    json.key("m");
    json.number(std::uint64_t{settings.m});
    json.key("ef_construction");
    json.number(std::uint64_t{settings.ef_construction});
  }
  json.end_object();
  json.key("quantization");
  json.begin_object();
  json.key("kind");
  json.string(to_string(settings.quantization));
  json.end_object();
  if (settings.archive.has_value()) {
    json.key("archive");
    json.begin_object();
    json.key("keep_raw");
    json.boolean(settings.archive->keep_raw);
    json.end_object();
  }
}

}  // namespace

Result<vector::CollectionSettings> read_settings(std::string_view body, std::uint32_t dim_max) {
  return read_json_object(body, [&](simdjson::dom::object object) { return read_fields(object, dim_max); });
}

void write_info_members(const vector::CollectionInfo& info, JsonWriter& json) {
  const vector::CollectionSettings& settings = info.identity.settings;
  json.key("collection");
  json.string(info.identity.name);
  write_count("dim", settings.dim, json);
  json.key("metric");
  json.string(to_string(settings.metric));
  write_index(settings, json);
  write_count("live_count", info.live_count, json);
  write_count("deleted_count", info.deleted_count, json);
  write_count("segments", info.segments, json);
  write_count("bytes_on_disk", info.bytes_on_disk, json);
  write_count("bytes_in_memory", info.bytes_in_memory, json);
  write_count("indexed_count", info.indexed_count, json);
  write_count("applied_lsn", info.applied_lsn.value(), json);
  write_count("created_at_ms", static_cast<std::uint64_t>(info.identity.created_at_ms), json);
  write_count("updated_at_ms", static_cast<std::uint64_t>(info.updated_at_ms), json);
  if (!info.notes.empty()) {
    json.key("notes");
    json.begin_array();
    for (const std::string& note : info.notes) {
      json.string(note);
    }
    json.end_array();
  }
}

}  // namespace vibrato::api
