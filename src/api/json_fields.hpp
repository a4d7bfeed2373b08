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
#include "api/media_type.hpp"
#include "api/request.hpp"

namespace vibrato::api {

// One field that an object may have; null is absent.
struct Field {
  std::string_view name;
  std::optional<simdjson::dom::element> value = std::nullopt;
  bool came = false;  // Also as null.

  [[nodiscard]] bool is_there() const { return value.has_value(); }
};

enum class UnknownFields : std::uint8_t { kRefused, kIgnored };

// Finds the values of `fields` in `object`. Errors: kUnknownField naming the field; kInvalidArgument for one that comes
// twice, as nobody could say which of the two was meant.
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

// Reads the body of a route that works without one as well: `read` gets nothing for an empty one. As read_json_object.
// Errors: also kUnsupportedMediaType.
template <typename Read>
[[nodiscard]] std::invoke_result_t<Read, std::optional<simdjson::dom::object>> read_optional_object(
    const Request& request, const Read& read) {
  if (request.body.empty()) {
    return read(std::nullopt);
  }
  VIBRATO_RETURN_IF_ERROR(check_json_media_type(request));
  return read_json_object(request.body, [&](simdjson::dom::object object) { return read(std::optional(object)); });
}

}  // namespace vibrato::api
