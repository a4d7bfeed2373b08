#include "filter/json_scalar.hpp"

namespace vibrato::filter {

using simdjson::dom::element_type;

std::optional<Number> number_of(const simdjson::dom::element& json) {
  switch (json.type()) {
    case element_type::INT64:
      return Number::from_signed(json.get_int64().value_unsafe());
    case element_type::UINT64:
      return Number::from_unsigned(json.get_uint64().value_unsafe());
    case element_type::DOUBLE:
      return Number::from_double(json.get_double().value_unsafe());
    default:
      return std::nullopt;
  }
}

std::optional<Scalar> scalar_of(const simdjson::dom::element& json) {
  std::string_view text;
  if (json.get(text) == simdjson::SUCCESS) {
    return Scalar(std::string(text));
  }
  bool flag = false;
  if (json.get(flag) == simdjson::SUCCESS) {
    return Scalar(flag);
  }
  const auto number = number_of(json);
  return number ? std::optional<Scalar>(*number) : std::nullopt;
}

}  // namespace vibrato::filter
