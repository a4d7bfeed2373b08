#include "api/track_metadata.hpp"

#include <array>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "api/json_body.hpp"
#include "api/json_fields.hpp"
#include "api/json_writer.hpp"

namespace vibrato::api {
namespace {

constexpr std::uint64_t kStartMax = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kDurationMax = std::numeric_limits<std::uint16_t>::max();

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

Status read_tags(simdjson::dom::element value, std::vector<std::string>& tags) {
  tags.clear();
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return wrong_type("tags", "an array of strings");
  }
  std::size_t position = 0;
  for (const simdjson::dom::element element : array) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view tag, read_string(element, fmt::format("tags[{}]", position++)));
    if (!is_blank(tag)) {
      tags.emplace_back(tag);
    }
  }
  return ok_status();
}

// Errors begin with the name of the field.
Result<TrackMetadata> read_fields(simdjson::dom::object object) {
  std::array<Field, 5> fields{{{"source_file"}, {"start_time_ms"}, {"duration_ms"}, {"bpm"}, {"tags"}}};
  const auto& [source_file, start_time_ms, duration_ms, bpm, tags] = fields;
  VIBRATO_RETURN_IF_ERROR(collect_fields(object, fields, UnknownFields::kIgnored));
  TrackMetadata metadata;
  VIBRATO_ASSIGN_OR_RETURN(metadata.source_file, string_or(source_file, ""));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t start, whole_or(start_time_ms, 0, kStartMax, 0));
  VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t duration, whole_or(duration_ms, 0, kDurationMax, 0));
  metadata.start_time_ms = static_cast<std::uint32_t>(start);
  metadata.duration_ms = static_cast<std::uint16_t>(duration);
  VIBRATO_ASSIGN_OR_RETURN(const std::optional<float> tempo, optional_float(bpm));
  metadata.bpm = tempo.value_or(0);
  if (tags.is_there()) {
    VIBRATO_RETURN_IF_ERROR(read_tags(*tags.value, metadata.tags));
  }
  return metadata;
}

}  // namespace

bool TrackMetadata::empty() const {
  return source_file.empty() && start_time_ms == 0 && duration_ms == 0 && bpm == 0 && tags.empty();
}

std::string TrackMetadata::to_json() const {
  std::string text;
  if (empty()) {
    return text;
  }
  JsonWriter json(text);
  json.begin_object();
  json.key("source_file");
  json.string(source_file);
  json.key("start_time_ms");
  json.number(std::uint64_t{start_time_ms});
  json.key("duration_ms");
  json.number(std::uint64_t{duration_ms});
  json.key("bpm");
  json.number(bpm);
  json.key("tags");
  json.begin_array();
  for (const std::string& tag : tags) {
    json.string(tag);
  }
  json.end_array();
  json.end_object();
  return text;
}

Result<TrackMetadata> read_track_metadata(simdjson::dom::element value) {
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, read_object(value, "metadata"));
  Result<TrackMetadata> metadata = read_fields(object);
  return metadata.ok() ? std::move(metadata) : beneath("metadata.", metadata.status());
}

}  // namespace vibrato::api
