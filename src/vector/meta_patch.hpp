// JSON merge patches (RFC 7396) of meta. Pure; for the writes of points.
#pragma once

#include <string>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::vector {

// kInvalidArgument unless `json` is one JSON value, at most limits::kJsonDepthMax deep.
[[nodiscard]] Status check_meta_json(std::string_view json);

// `meta` (empty for none) with `patch` merged into it, compact: deep, null removes, anything but an object replaces.
// Errors: kInvalidArgument for a patch that check_meta_json() refuses, kCorruption for such a meta.
[[nodiscard]] Result<std::string> merge_meta(std::string_view meta, std::string_view patch);

}  // namespace vibrato::vector
