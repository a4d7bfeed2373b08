// JSON merge patches (RFC 7396), of the meta of points and of documents. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vibrato/result.hpp>

namespace vibrato::format {

// kInvalidArgument unless `json` is one JSON value, at most limits::kJsonDepthMax deep.
[[nodiscard]] Status check_json_text(std::string_view json);

// `target` (empty for none) with `patch` merged into it, compact: deep, null removes, anything but an object replaces.
// It nests no deeper than the deeper of the two.
// Errors: kInvalidArgument for a patch that check_json_text() refuses, kCorruption for such a target.
[[nodiscard]] Result<std::string> merge_patch(std::string_view target, std::string_view patch);

}  // namespace vibrato::format
