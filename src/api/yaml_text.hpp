// The part of YAML that docs/openapi.yaml is written in, as JSON: mappings and sequences by two spaces a level, `{}`
// and
// `[]` on one line, quoted and plain texts, and texts of several lines behind `|`. All scalars become strings. What
// stands behind `example:` stays text as it is written. No comments, anchors or tags.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::api {

using YamlValue = nlohmann::ordered_json;

// Errors: kInvalidArgument naming the line.
[[nodiscard]] Result<YamlValue> parse_yaml(std::string_view text);

}  // namespace vibrato::api
