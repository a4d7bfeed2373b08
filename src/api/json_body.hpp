// Request bodies as JSON, and the typed reading of their fields. For the .cpp files of this folder only: simdjson is
// a heavy header.
//
// Rules that hold on every surface: the root is an object; at most limits::kJsonDepthMax levels (an empty
// array or object opens none); of a key that comes
// twice the last counts; null means absent; errors name the field. Broken JSON (bad UTF-8, lone surrogates, NaN
// literals, too deep) is kInvalidJson; a number too large for its place is kInvalidArgument.
#pragma once

#include <cstddef>
#include <cstdint>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::api {

// Parses with this thread's parser: the object lives until the thread parses again.
// Requires: kBodyPadding readable bytes behind `body`.
[[nodiscard]] Result<simdjson::dom::object> parse_json_object(std::string_view body);

// "<field> must be <expected>".
[[nodiscard]] Status wrong_type(std::string_view field, std::string_view expected);

// Replaces `out` by an array of finite numbers, at most `count_max` of them, rounded to f32.
// Errors: kInvalidArgument, with the position of the element.
Status read_floats(simdjson::dom::element value, std::string_view field, std::size_t count_max,
                   std::vector<float>& out);

// A whole number from `min` to `max`.
[[nodiscard]] Result<std::uint64_t> read_whole(simdjson::dom::element value, std::string_view field, std::uint64_t min,
                                               std::uint64_t max);

// A finite number that fits f32.
[[nodiscard]] Result<float> read_float(simdjson::dom::element value, std::string_view field);

// The text lives as long as the parsed object.
[[nodiscard]] Result<std::string_view> read_string(simdjson::dom::element value, std::string_view field);

}  // namespace vibrato::api
