#include "vector/collection_settings.hpp"

#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/limits.hpp"

namespace vibrato::vector {
namespace {

using Json = nlohmann::ordered_json;

std::optional<IndexKind> parse_index_kind(std::string_view text) {
  for (const IndexKind kind : {IndexKind::kHnsw, IndexKind::kFlat}) {
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

std::optional<Quantization> parse_quantization(std::string_view text) {
  for (const Quantization quantization :
       {Quantization::kAuto, Quantization::kSq8, Quantization::kSq4, Quantization::kNone}) {
    if (text == to_string(quantization)) return quantization;
  }
  return std::nullopt;
}

Status check_range(std::string_view field, std::uint32_t value, std::uint32_t min, std::uint32_t max) {
  return value >= min && value <= max ? ok_status()
                                      : invalid_argument(fmt::format("{} is {} to {}, not {}", field, min, max, value));
}

Status bad_field(std::string_view field) {
  return corruption(fmt::format("settings of a collection: {}: is missing or has no value that is known", field));
}

// Takes one field out of `json`, so that what is left in the end is unknown.
std::optional<Json> take(Json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end()) return std::nullopt;
  Json value = std::move(*found);
  json.erase(found);
  return value;
}

std::optional<std::uint32_t> take_u32(Json& json, const char* field) {
  const auto value = take(json, field);
  if (!value || !value->is_number_unsigned()) return std::nullopt;
  const auto number = value->get<std::uint64_t>();
  return number <= std::numeric_limits<std::uint32_t>::max() ? std::optional(static_cast<std::uint32_t>(number))
                                                             : std::nullopt;
}

std::string take_text(Json& json, const char* field) {
  const auto value = take(json, field);
  return value && value->is_string() ? value->get<std::string>() : std::string();
}

Result<std::optional<ArchiveSettings>> take_archive(Json& json) {
  auto value = take(json, "archive");
  if (!value) return bad_field("archive");
  if (value->is_null()) return std::optional<ArchiveSettings>();
  if (!value->is_object()) return bad_field("archive");
  const auto keep_raw = take(*value, "keep_raw");
  if (!keep_raw || !keep_raw->is_boolean() || !value->empty()) return bad_field("archive");
  return std::optional(ArchiveSettings{keep_raw->get<bool>()});
}

template <typename T>
Status assign(T& field, std::optional<T> value, std::string_view name) {
  if (!value) return bad_field(name);
  field = *value;
  return ok_status();
}

// What stored settings keep as well. They may have an archive on index kind flat, which used to be accepted.
Status check_stored(const CollectionSettings& settings, std::uint32_t dim_max) {
  VIBRATO_RETURN_IF_ERROR(check_range("dim", settings.dim, 1, dim_max));
  const CollectionSettings defaults;
  if (settings.index == IndexKind::kFlat) {
    if (settings.m != defaults.m || settings.ef_construction != defaults.ef_construction) {
      return invalid_argument("m and ef_construction are settings of index kind hnsw only");
    }
    return ok_status();
  }
  VIBRATO_RETURN_IF_ERROR(check_range("m", settings.m, limits::kGraphMMin, limits::kGraphMMax));
  return check_range("ef_construction", settings.ef_construction, 1, limits::kEfConstructionMax);
}

}  // namespace

std::string_view to_string(IndexKind kind) {
  switch (kind) {
    case IndexKind::kHnsw:
      return "hnsw";
    case IndexKind::kFlat:
      return "flat";
  }
  return "unknown";
}

std::string_view to_string(Quantization quantization) {
  switch (quantization) {
    case Quantization::kAuto:
      return "auto";
    case Quantization::kSq8:
      return "sq8";
    case Quantization::kSq4:
      return "sq4";
    case Quantization::kNone:
      return "none";
  }
  return "unknown";
}

Status check_settings(const CollectionSettings& settings, std::uint32_t dim_max) {
  VIBRATO_RETURN_IF_ERROR(check_stored(settings, dim_max));
  // Its codes are walked on; a flat collection promises exact answers.
  if (settings.archive && settings.index != IndexKind::kHnsw) {
    return invalid_argument("archive needs index kind hnsw");
  }
  return ok_status();
}

std::string settings_json(const CollectionSettings& settings) {
  Json json;
  json["dim"] = settings.dim;
  json["metric"] = to_string(settings.metric);
  json["index"] = to_string(settings.index);
  json["m"] = settings.m;
  json["ef_construction"] = settings.ef_construction;
  json["quantization"] = to_string(settings.quantization);
  json["archive"] = settings.archive ? Json({{"keep_raw", settings.archive->keep_raw}}) : Json();
  return json.dump();
}

Result<CollectionSettings> parse_settings(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return corruption("settings of a collection: expected a JSON object");
  }
  CollectionSettings settings;
  VIBRATO_RETURN_IF_ERROR(assign(settings.dim, take_u32(json, "dim"), "dim"));
  VIBRATO_RETURN_IF_ERROR(assign(settings.metric, parse_metric(take_text(json, "metric")), "metric"));
  VIBRATO_RETURN_IF_ERROR(assign(settings.index, parse_index_kind(take_text(json, "index")), "index"));
  VIBRATO_RETURN_IF_ERROR(assign(settings.m, take_u32(json, "m"), "m"));
  VIBRATO_RETURN_IF_ERROR(assign(settings.ef_construction, take_u32(json, "ef_construction"), "ef_construction"));
  VIBRATO_RETURN_IF_ERROR(
      assign(settings.quantization, parse_quantization(take_text(json, "quantization")), "quantization"));
  VIBRATO_ASSIGN_OR_RETURN(settings.archive, take_archive(json));
  if (!json.empty()) {
    return corruption(fmt::format("settings of a collection: {}: is unknown", json.begin().key()));
  }
  if (const Status checked = check_stored(settings, limits::kDimMax); !checked.ok()) {
    return corruption("settings of a collection: " + checked.message());
  }
  return settings;
}

}  // namespace vibrato::vector
