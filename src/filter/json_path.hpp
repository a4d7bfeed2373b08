// Values of a point's meta by their path, read one way by the matcher, by groups and by facets. For .cpp files only.
#pragma once

#include <algorithm>
#include <optional>
#include <simdjson.h>
#include <string>

#include "filter/json_scalar.hpp"

namespace vibrato::filter {

// Nothing where the key is absent. Of a key that comes twice the last counts.
[[nodiscard]] std::optional<simdjson::dom::element> at_path(const std::optional<simdjson::dom::element>& root,
                                                            const FieldPath& path);

// Whether `test` holds for the scalar that the value is or, of an array, for any element that is one.
template <typename Test>
[[nodiscard]] bool any_scalar(const std::optional<simdjson::dom::element>& value, const Test& test) {
  if (!value) {
    return false;
  }
  simdjson::dom::array elements;
  if (value->get(elements) != simdjson::SUCCESS) {
    const auto scalar = scalar_of(*value);
    return scalar && test(*scalar);
  }
  return std::any_of(elements.begin(), elements.end(), [&](const simdjson::dom::element& item) {
    const auto scalar = scalar_of(item);
    return scalar && test(*scalar);
  });
}

}  // namespace vibrato::filter
