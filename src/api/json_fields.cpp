#include "api/json_fields.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace vibrato::api {

namespace {

// What a route takes instead, where that is little enough to be read in a message.
std::string known_fields(std::span<const Field> fields) {
  constexpr std::size_t kNamedMax = 8;
  if (fields.size() > kNamedMax) {
    return {};
  }
  std::string names;
  for (const Field& field : fields) {
    names.append(names.empty() ? "" : ", ").append(field.name);
  }
  return "; it takes " + (names.empty() ? "no field" : names);
}

}  // namespace

Status collect_fields(simdjson::dom::object object, std::span<Field> fields, UnknownFields unknown) {
  for (const auto [key, value] : object) {
    const auto field = std::ranges::find(fields, key, &Field::name);
    if (field != fields.end()) {
      if (field->came) {
        return invalid_argument(fmt::format("{} comes twice; give it once", field->name));
      }
      field->came = true;
      field->value = value.is_null() ? std::nullopt : std::optional(value);
    } else if (unknown == UnknownFields::kRefused) {
      return {ErrorCode::kUnknownField,
              fmt::format("field '{}' is not known to this route{}", shown(key), known_fields(fields))};
    }
  }
  return ok_status();
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShownBytesMax = 80;
  return text.size() <= kShownBytesMax ? std::string(text) : std::string(text.substr(0, kShownBytesMax)) + "...";
}

Status missing_field(std::string_view name, std::string_view expected) {
  return invalid_argument(fmt::format("{} is missing; it must be {}", name, expected));
}

Status beneath(std::string_view path, const Status& error) {
  return {error.code(), fmt::format("{}{}", path, error.message())};
}

Result<std::uint64_t> whole_or(const Field& field, std::uint64_t min, std::uint64_t max, std::uint64_t otherwise) {
  return field.is_there() ? read_whole(*field.value, field.name, min, max) : otherwise;
}

Result<bool> bool_or(const Field& field, bool otherwise) {
  bool value = otherwise;
  if (field.is_there() && field.value->get(value) != simdjson::SUCCESS) {
    return wrong_type(field.name, "true or false");
  }
  return value;
}

Result<std::string_view> string_or(const Field& field, std::string_view otherwise) {
  return field.is_there() ? read_string(*field.value, field.name) : otherwise;
}

Result<std::optional<float>> optional_float(const Field& field) {
  if (!field.is_there()) {
    return std::optional<float>();
  }
  VIBRATO_ASSIGN_OR_RETURN(const float number, read_float(*field.value, field.name));
  return std::optional(number);
}

Result<simdjson::dom::object> read_object(simdjson::dom::element value, std::string_view field) {
  simdjson::dom::object object;
  if (value.get(object) != simdjson::SUCCESS) {
    return wrong_type(field, "an object");
  }
  return object;
}

}  // namespace vibrato::api
