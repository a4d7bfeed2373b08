// The scalars of JSON, read one way by filters, by the matcher and by the meta indexes. For .cpp files only.
#pragma once

#include <optional>
#include <simdjson.h>

#include "filter/condition.hpp"

namespace vibrato::filter {

// Nothing for null, arrays and objects.
[[nodiscard]] std::optional<Number> number_of(const simdjson::dom::element& json);
[[nodiscard]] std::optional<Scalar> scalar_of(const simdjson::dom::element& json);

}  // namespace vibrato::filter
