// The fields of a JSON object by name: which are there, and that no others are. For the .cpp files of this folder, as
// api/json_body.hpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <simdjson.h>
#include <span>
#include <string>
#include <string_view>
#include <vibrato/result.hpp>

#include "api/json_body.hpp"
#include "api/request.hpp"

namespace vibrato::api {

// One field that an object may have. Of a key that comes twice the last counts; null is absent.
struct Field {
  std::string_view name;
  std::optional<simdjson::dom::element> value = std::nullopt;

  [[nodiscard]] bool is_there() const { return value.has_value(); }
};

enum class UnknownFields : std::uint8_t { kRefused, kIgnored };

// Finds the values of `fields` in `object`. Errors: kUnknownField naming the field.
Status collect_fields(simdjson::dom::object object, std::span<Field> fields,
                      UnknownFields unknown = UnknownFields::kRefused);

// Text of a client as it may stand in a message: cut after a few characters.
[[nodiscard]] std::string shown(std::string_view text);

[[nodiscard]] Status missing_field(std::string_view name, std::string_view expected);

// An error that begins with the name of a field, with the path to it in front: "items[3]." and "vector is missing".
[[nodiscard]] Status beneath(std::string_view path, const Status& error);

// Typed values of a field that may be absent: `otherwise` then. Errors: kInvalidArgument naming the field.
[[nodiscard]] Result<std::uint64_t> whole_or(const Field& field, std::uint64_t min, std::uint64_t max,
                                             std::uint64_t otherwise);
[[nodiscard]] Result<bool> bool_or(const Field& field, bool otherwise);
[[nodiscard]] Result<std::string_view> string_or(const Field& field, std::string_view otherwise);
[[nodiscard]] Result<std::optional<float>> optional_float(const Field& field);
[[nodiscard]] Result<simdjson::dom::object> read_object(simdjson::dom::element value, std::string_view field);

// The body of a route that works without one as well: nothing for an empty one.
// Errors: those of parse_json_object; kUnsupportedMediaType.
[[nodiscard]] Result<std::optional<simdjson::dom::object>> parse_optional_object(const Request& request);

}  // namespace vibrato::api
