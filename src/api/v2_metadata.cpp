#include "api/v2_metadata.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "api/track_metadata.hpp"
#include "base/limits.hpp"
#include "base/plain_text.hpp"

namespace vibrato::api {
namespace {

constexpr std::string_view kNoMetadata = R"({"source_file":"","start_time_ms":0,"duration_ms":0,"bpm":0,"tags":[]})";

}  // namespace

std::string normal_v2_tag(std::string_view tag) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  tag.remove_prefix(std::min(tag.find_first_not_of(kBlanks), tag.size()));
  tag = tag.substr(0, tag.find_last_not_of(kBlanks) + 1);
  std::string normal(tag);
  std::ranges::transform(normal, normal.begin(), ascii_lower);
  return normal;
}

Result<std::string> read_v2_metadata(const Field& metadata) {
  if (!metadata.is_there()) {
    return std::string();
  }
  VIBRATO_ASSIGN_OR_RETURN(TrackMetadata track, read_track_metadata(*metadata.value));
  for (std::string& tag : track.tags) {
    tag = normal_v2_tag(tag);
  }
  std::ranges::sort(track.tags);
  track.tags.erase(std::unique(track.tags.begin(), track.tags.end()), track.tags.end());
  std::string text = track.to_json();
  if (text.size() > limits::kMetaBytesMax) {
    return Status(ErrorCode::kPayloadTooLarge, fmt::format("metadata is {} bytes of compact JSON; at most {} are taken",
                                                           text.size(), limits::kMetaBytesMax));
  }
  return text;
}

void write_v2_metadata(std::string_view meta_json, JsonWriter& json) {
  json.raw(meta_json.empty() ? kNoMetadata : meta_json);
}

}  // namespace vibrato::api
