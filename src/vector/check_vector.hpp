// Whether a vector from outside may be stored or searched with.
#pragma once

#include <cstdint>
#include <span>
#include <vibrato/metric.hpp>
#include <vibrato/result.hpp>

namespace vibrato::vector {

// Errors: kDimMismatch; kInvalidArgument for a number that is not finite, for a vector longer than kCodedNormMax, and
// under cosine for one whose length is zero (or too small for its square to be a float).
[[nodiscard]] Status check_vector(std::span<const float> vector, std::uint32_t dim, Metric metric);

}  // namespace vibrato::vector
