// The metadata of a vector as `serve` takes it: where in which audio file it comes from, and tags.
#pragma once

#include <cstdint>
#include <simdjson.h>
#include <string>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::api {

struct TrackMetadata {
  std::string source_file;
  std::uint32_t start_time_ms = 0;
  std::uint16_t duration_ms = 0;
  float bpm = 0;
  std::vector<std::string> tags;  // Blank ones are dropped on reading.

  [[nodiscard]] bool empty() const;
  // Compact JSON with all five fields; empty text if all are empty or zero.
  [[nodiscard]] std::string to_json() const;
};

// Reads the `metadata` object of an ingest: every field optional, null as absent, unknown ones ignored.
// Errors: kInvalidArgument naming the field.
[[nodiscard]] Result<TrackMetadata> read_track_metadata(simdjson::dom::element value);

}  // namespace vibrato::api
