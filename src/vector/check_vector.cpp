#include "vector/check_vector.hpp"

#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "simd/kernels.hpp"
#include "vector/choose_codes.hpp"

namespace vibrato::vector {

Status check_vector(std::span<const float> vector, std::uint32_t dim, Metric metric) {
  if (vector.size() != dim) {
    return {ErrorCode::kDimMismatch, fmt::format("the vector has {} dimensions, expected {}", vector.size(), dim)};
  }
  const float squared = simd::kernels().norm_squared(vector.data(), vector.size());
  if (!(squared <= kCodedNormMax * kCodedNormMax)) {
    for (std::size_t i = 0; i < vector.size(); ++i) {
      if (!std::isfinite(vector[i])) {
        return invalid_argument(fmt::format("value {} of the vector is not a finite number", i));
      }
    }
    return invalid_argument(fmt::format("the vector is longer than {:g}, the most that can be stored", kCodedNormMax));
  }
  if (metric == Metric::kCosine && squared < std::numeric_limits<float>::min()) {
    return invalid_argument(
        "the vector is zero, or too short to have a direction for cosine to compare: its squared length must be "
        "at least 1.2e-38");
  }
  return ok_status();
}

}  // namespace vibrato::vector
