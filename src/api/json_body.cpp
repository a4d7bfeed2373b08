#include "api/json_body.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "api/json_fault.hpp"
#include "api/json_numbers.hpp"
#include "api/minus_zero.hpp"
#include "api/request.hpp"
#include "base/limits.hpp"
#include "format/json_depth.hpp"

namespace vibrato::api {
namespace {

static_assert(kBodyPadding >= simdjson::SIMDJSON_PADDING);

// simdjson counts the document itself as a level, refuses when it reaches the maximum, and does not count empty
// containers. So with this maximum nothing passes that is too deep, and what is as deep as allowed is looked at again.
constexpr std::size_t kParserDepth = limits::kJsonDepthMax;

// A parser keeps about ten bytes a byte of the largest body it saw; past this it is given back after use.
constexpr std::size_t kKeptParserCapacity = limits::kMiB;

// Everything below is a finite f32 after rounding to nearest: FLT_MAX and half a unit of its last place.
constexpr double kFloatLimit = 0x1.ffffffp127;

simdjson::error_code parse_within(std::string_view body, std::size_t depth, simdjson::dom::element& root) {
  thread_local std::unique_ptr<simdjson::dom::parser> parser;
  if (parser != nullptr && parser->capacity() > kKeptParserCapacity && body.size() <= kKeptParserCapacity) {
    parser.reset();
  }
  if (parser == nullptr) {
    parser = std::make_unique<simdjson::dom::parser>();
  }
  if (parser->capacity() < body.size() || parser->capacity() == 0 || parser->max_depth() != depth) {
    constexpr std::size_t kCapacityMin = 16 * limits::kKiB;
    const std::size_t capacity = std::max({kCapacityMin, body.size(), parser->capacity()});
    if (const auto error = parser->allocate(capacity, depth); error != simdjson::SUCCESS) {
      return error;
    }
  }
  return parser->parse(body.data(), body.size(), false).get(root);
}

simdjson::error_code parse(std::string_view body, simdjson::dom::element& root) {
  const simdjson::error_code error = parse_within(body, kParserDepth, root);
  if (error != simdjson::DEPTH_ERROR) {
    return error;
  }
  const simdjson::error_code again = parse_within(body, kParserDepth + 1, root);
  return again == simdjson::SUCCESS && format::json_depth(body) > limits::kJsonDepthMax ? simdjson::DEPTH_ERROR : again;
}

// `fault` is the byte at which the text stops being JSON, if that is known.
Status explain(simdjson::error_code error, std::optional<std::size_t> fault) {
  switch (error) {
    case simdjson::MEMALLOC:
      return {ErrorCode::kOverloaded, "no memory to parse the body"};
    case simdjson::DEPTH_ERROR:
      return {ErrorCode::kInvalidJson, fmt::format("the body nests deeper than {} levels", limits::kJsonDepthMax)};
    case simdjson::EMPTY:
      return {ErrorCode::kInvalidJson, "the body is empty; a JSON object is needed"};
    default:
      return {ErrorCode::kInvalidJson,
              fmt::format("the body is not valid JSON{}: {}", fault ? fmt::format(" at byte {}", *fault) : "",
                          simdjson::error_message(error))};
  }
}

Result<simdjson::dom::object> root_object(simdjson::dom::element root) {
  simdjson::dom::object object;
  if (root.get(object) != simdjson::SUCCESS) {
    return invalid_argument("the body must be a JSON object");
  }
  return object;
}

// A body with a number that the parser did not take.
Result<JsonBody> parse_without_large_numbers(std::string_view body) {
  VIBRATO_ASSIGN_OR_RETURN(const ReducedText reduced, set_large_numbers_aside(body));
  simdjson::dom::element root;
  if (const auto error = parse(reduced.text(), root); error != simdjson::SUCCESS) {
    std::optional<std::size_t> fault = find_json_fault(reduced.text());
    if (fault) fault = reduced.original_offset(*fault);
    return explain(error, fault);
  }
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, root_object(root));
  return JsonBody{object, locate_large_numbers(object, reduced.large)};
}

// What keeps an element from being an f32; kNone: `out` is it. No Status here: this runs once a dimension.
enum class FloatFault : std::uint8_t { kNone, kNoNumber, kTooLarge };

inline FloatFault to_float(simdjson::dom::element value, float& out) {
  double number = 0;
  if (value.get(number) != simdjson::SUCCESS) {
    return FloatFault::kNoNumber;
  }
  if (!(std::abs(number) < kFloatLimit)) {
    return FloatFault::kTooLarge;
  }
  constexpr double kMax = std::numeric_limits<float>::max();
  out = static_cast<float>(std::abs(number) > kMax ? std::copysign(kMax, number) : number);
  return FloatFault::kNone;
}

std::string_view to_string(FloatFault fault) {
  return fault == FloatFault::kTooLarge ? "is too large for a 32-bit float" : "must be a number";
}

}  // namespace

Result<JsonBody> parse_json_body(std::string_view body) {
  simdjson::dom::element root;
  const auto error = parse(body, root);
  if (error != simdjson::SUCCESS && error != simdjson::NUMBER_ERROR) {
    return explain(error, find_json_fault(body));
  }
  if (const auto fractions = with_minus_zeros_as_fractions(body)) {
    return parse_json_body(fractions->text());
  }
  if (error == simdjson::NUMBER_ERROR) {
    return parse_without_large_numbers(body);
  }
  VIBRATO_ASSIGN_OR_RETURN(const simdjson::dom::object object, root_object(root));
  return JsonBody{object, {}};
}

Result<std::string> read_json_text(std::string_view body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && body[first] == '{') {
    return read_json_object(
        body, [](simdjson::dom::object object) -> Result<std::string> { return simdjson::minify(object); });
  }
  simdjson::dom::element root;
  const auto error = parse(body, root);
  if (error == simdjson::NUMBER_ERROR) {
    VIBRATO_ASSIGN_OR_RETURN(const ReducedText reduced, set_large_numbers_aside(body));
    const auto without = parse(reduced.text(), root);
    return without == simdjson::SUCCESS ? invalid_argument("the body has a number that is too large")
                                        : explain(without, std::nullopt);
  }
  if (error != simdjson::SUCCESS) {
    return explain(error, find_json_fault(body));
  }
  if (const auto fractions = with_minus_zeros_as_fractions(body)) {
    return read_json_text(fractions->text());
  }
  return simdjson::minify(root);
}

Status wrong_type(std::string_view field, std::string_view expected) {
  return invalid_argument(fmt::format("{} must be {}", field, expected));
}

Status read_floats(simdjson::dom::element value, std::string_view field, std::size_t count_max,
                   std::vector<float>& out) {
  out.clear();
  simdjson::dom::array array;
  if (value.get(array) != simdjson::SUCCESS) {
    return wrong_type(field, "an array of numbers");
  }
  out.resize(std::min(array.size(), count_max));
  std::size_t count = 0;
  for (const simdjson::dom::element element : array) {
    if (count == out.size()) {
      return invalid_argument(fmt::format("{} has more than {} numbers", field, count_max));
    }
    if (const FloatFault fault = to_float(element, out[count]); fault != FloatFault::kNone) {
      return invalid_argument(fmt::format("{}[{}] {}", field, count, to_string(fault)));
    }
    ++count;
  }
  return ok_status();
}

Result<std::uint64_t> read_whole(simdjson::dom::element value, std::string_view field, std::uint64_t min,
                                 std::uint64_t max) {
  std::uint64_t number = 0;
  if (value.get(number) != simdjson::SUCCESS || number < min || number > max) {
    return wrong_type(field, fmt::format("a whole number from {} to {}", min, max));
  }
  return number;
}

Result<float> read_float(simdjson::dom::element value, std::string_view field) {
  float number = 0;
  if (const FloatFault fault = to_float(value, number); fault != FloatFault::kNone) {
    return invalid_argument(fmt::format("{} {}", field, to_string(fault)));
  }
  return number;
}

Result<std::string_view> read_string(simdjson::dom::element value, std::string_view field) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) {
    return wrong_type(field, "a string");
  }
  return text;
}

}  // namespace vibrato::api
