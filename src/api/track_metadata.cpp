#include "api/track_metadata.hpp"

#include <limits>
#include <string_view>

#include "api/json_body.hpp"
#include "api/json_writer.hpp"

namespace vibrato::api {
namespace {

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

Status read_tags(simdjson::dom::element value, std::vector<std::string>& tags) {
  tags.clear();
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return wrong_type("metadata.tags", "an array of strings");
  }
  for (const simdjson::dom::element element : array) {
    VIBRATO_ASSIGN_OR_RETURN(const std::string_view tag, read_string(element, "every one of metadata.tags"));
    if (!is_blank(tag)) {
      tags.emplace_back(tag);
    }
  }
  return ok_status();
}

Status read_field(std::string_view key, simdjson::dom::element value, TrackMetadata& metadata) {
  if (key == "source_file") {
    VIBRATO_ASSIGN_OR_RETURN(metadata.source_file, read_string(value, "metadata.source_file"));
  } else if (key == "start_time_ms") {
    constexpr auto kMax = std::numeric_limits<std::uint32_t>::max();
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t number, read_whole(value, "metadata.start_time_ms", 0, kMax));
    metadata.start_time_ms = static_cast<std::uint32_t>(number);
  } else if (key == "duration_ms") {
    constexpr auto kMax = std::numeric_limits<std::uint16_t>::max();
    VIBRATO_ASSIGN_OR_RETURN(const std::uint64_t number, read_whole(value, "metadata.duration_ms", 0, kMax));
    metadata.duration_ms = static_cast<std::uint16_t>(number);
  } else if (key == "bpm") {
    VIBRATO_ASSIGN_OR_RETURN(metadata.bpm, read_float(value, "metadata.bpm"));
  } else if (key == "tags") {
    return read_tags(value, metadata.tags);
  }
  return ok_status();
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
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    return wrong_type("metadata", "an object");
  }
  TrackMetadata metadata;
  for (const auto [key, field] : object) {
    if (!field.is_null()) {
      VIBRATO_RETURN_IF_ERROR(read_field(key, field, metadata));
    }
  }
  return metadata;
}

}  // namespace vibrato::api
