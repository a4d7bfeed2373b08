// Request bodies as JSON, and the typed reading of their fields. For the .cpp files of this folder only: simdjson is
// a heavy header.
//
// Rules that hold on every surface: the root is an object, but of documents; at most limits::kJsonDepthMax levels; a
// field comes once; null means absent; errors name the field. Broken JSON (bad UTF-8, lone surrogates, NaN literals,
// too deep) is kInvalidJson; a number too large for its place is kInvalidArgument. -0 is no whole number. Inside of
// values that may be any JSON (meta), keys may come twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <simdjson.h>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>
#include <vibrato/result.hpp>

namespace vibrato::api {

// A number that no 64-bit form can hold: 1e999, an integer of 30 digits.
struct NumberFault {
  std::size_t position =
      0;         // Of the element that it is part of, if that is one of an array that is a field of the body.
  Status error;  // kInvalidArgument with the path to it.
};

struct JsonBody {
  simdjson::dom::object object;
  // The first of each position, in order; of more positions than an array may have elements, not all. Empty for nearly
  // all bodies. The object has other numbers in their place, none of them whole: fields that take no arbitrary JSON
  // mostly refuse them by what they are, but a reader cannot rely on that.
  std::vector<NumberFault> faults;
};

// Parses with this thread's parser: the object lives until the thread parses again. Whoever calls this sees to the
// faults; most want read_json_object.
// Requires: kBodyPadding readable bytes behind `body`.
[[nodiscard]] Result<JsonBody> parse_json_body(std::string_view body);

// What `read` makes of the root object: a Status or a Result. Its errors come first, as they know the fields; if it has
// none, the first fault of the body is one.
// Requires: as parse_json_body. What is read may view the object, until the thread parses again.
template <typename Read>
[[nodiscard]] std::invoke_result_t<Read, simdjson::dom::object> read_json_object(std::string_view body,
                                                                                 const Read& read) {
  const Result<JsonBody> parsed = parse_json_body(body);
  if (!parsed.ok()) {
    return parsed.status();
  }
  auto outcome = read(parsed->object);
  if (outcome.ok() && !parsed->faults.empty()) {
    return parsed->faults.front().error;
  }
  return outcome;
}

// A body that is any JSON value, as compact text. Errors: as read_json_object.
// Requires: as parse_json_body.
[[nodiscard]] Result<std::string> read_json_text(std::string_view body);

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
