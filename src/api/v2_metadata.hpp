// The metadata of a point on /v2: the five music fields, in the form in which they are stored. For the routes of this
// folder.
#pragma once

#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "api/json_fields.hpp"
#include "api/json_writer.hpp"

namespace vibrato::api {

// Compact JSON with all five fields, empty if all are empty or zero. Tags are trimmed, in lower case (ASCII), sorted,
// each once. Errors: kInvalidArgument naming the field; kPayloadTooLarge.
[[nodiscard]] Result<std::string> read_v2_metadata(const Field& metadata);

// The stored text; for a point without meta all five fields with nothing in them.
void write_v2_metadata(std::string_view meta_json, JsonWriter& json);

// A tag as it is stored: trimmed, in lower case (ASCII).
[[nodiscard]] std::string normal_v2_tag(std::string_view tag);

}  // namespace vibrato::api
